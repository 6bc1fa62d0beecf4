// The signing keys of this server: one signs, and rotated keys verify until their tokens have expired. The ring checks the store when a
// token names an unknown key, and before it signs. So a rotation needs no restart, and the new key is valid at once.

import { createHash } from 'node:crypto';
import type { Clock } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';

export interface KeySource {
  readonly bytes: Uint8Array;
  /** Unix ms; absent for the key that signs. */
  readonly retiredAtMs?: number;
}

export interface SigningKey extends KeySource {
  /** Identifies the key in the headers of tokens. */
  readonly keyId: string;
}

/** The store of the keys. */
export interface KeyStore {
  /** The signing key comes first. */
  read(): Promise<readonly [KeySource, ...(readonly KeySource[])]>;
  /** MUST change whenever the keys change. MUST be cheap, because it is called for each token that names an unknown key. */
  stamp(): Promise<string>;
}

export interface KeyRingOptions {
  readonly store: KeyStore;
  /** The lifetime of the tokens that these keys sign. */
  readonly ttlS: number;
  readonly clock: Clock;
  readonly log: Log;
}

/** The pause after a failed read, so that an unavailable store is not queried, and not logged, for every token. */
const retryMs = 1_000;
/** The maximum delay until a rotation is noticed. */
const staleMs = 60_000;
/** The margin for other processes, which may sign with the old key until they have read the new one. */
const marginMs = 60_000;

type Keys = readonly [SigningKey, ...(readonly SigningKey[])];

export class KeyRing {
  readonly #options: KeyRingOptions;
  #keys: Keys;
  #stamp: string;
  /** The monotonic time at which the keys were last equal to those of the store. */
  #knownAtMs: number;
  #failedAtMs = Number.NEGATIVE_INFINITY;
  #looking: Promise<void> | undefined;

  static async open(options: KeyRingOptions): Promise<KeyRing> {
    return new KeyRing(options, await readFrom(options.store));
  }

  private constructor(options: KeyRingOptions, { keys, stamp }: Read) {
    this.#options = options;
    this.#keys = keys;
    this.#stamp = stamp;
    this.#knownAtMs = options.clock.monotonicMs();
  }

  async signing(): Promise<SigningKey> {
    await this.#refresh();
    return this.#keys[0];
  }

  /** The keys that may have signed the token. Tokens from before keys had ids name none. */
  async verifying(keyId: string | undefined): Promise<readonly SigningKey[]> {
    const isKnown = keyId === undefined || this.#keys.some((key) => key.keyId === keyId);
    if (!isKnown || this.#options.clock.monotonicMs() - this.#knownAtMs > staleMs) await this.#refresh();
    return this.#keys.filter((key) => (keyId === undefined || key.keyId === keyId) && this.#isGood(key));
  }

  #isGood({ retiredAtMs }: SigningKey): boolean {
    const { clock, ttlS } = this.#options;
    return retiredAtMs === undefined || clock.nowMs() < retiredAtMs + ttlS * 1000 + marginMs;
  }

  /** Concurrent callers share a read that begins after their calls, because one in flight may have read the store before it changed. */
  async #refresh(): Promise<void> {
    if (this.#looking !== undefined) await this.#looking;
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    await this.#looking;
  }

  /** When the keys cannot be read, the known ones stay. */
  async #look(): Promise<void> {
    const { clock, store, log } = this.#options;
    const nowMs = clock.monotonicMs();
    if (nowMs - this.#failedAtMs < retryMs) return;
    try {
      if ((await store.stamp()) !== this.#stamp) {
        const { keys, stamp } = await readFrom(store);
        this.#keys = keys;
        this.#stamp = stamp;
      }
      this.#knownAtMs = nowMs;
    } catch (error) {
      this.#failedAtMs = nowMs;
      log.error('failed to read secrets: the known ones stay in use', { error });
    }
  }
}

interface Read {
  readonly keys: Keys;
  readonly stamp: string;
}

/** Reads the stamp first, so that the next check sees a change that happens during the read. */
async function readFrom(store: KeyStore): Promise<Read> {
  const stamp = await store.stamp();
  return { keys: keysOf(await store.read()), stamp };
}

const keysOf = ([first, ...others]: readonly [KeySource, ...(readonly KeySource[])]): Keys => [
  named(first),
  ...others.map(named),
];

/** The id is a hash of a random secret, from which the secret cannot be derived. */
const named = (source: KeySource): SigningKey => ({
  ...source,
  keyId: createHash('sha256').update('key id').update(source.bytes).digest('hex').slice(0, 16),
});
