// The keys of the server's own tokens: one signs, those that were rotated out verify until their tokens have expired. Looked after
// when a token names a key that is not known yet, and before signing; so a rotation needs no restart, and its key is good at once.

import { createHash } from 'node:crypto';
import type { Clock } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';

export interface KeySource {
  readonly bytes: Uint8Array;
  /** Unix ms; absent: the one that signs. */
  readonly retiredAtMs?: number;
}

export interface SigningKey extends KeySource {
  /** Tells keys apart in the headers of tokens. */
  readonly keyId: string;
}

/** Where the keys are kept. */
export interface KeyStore {
  /** The one that signs first. */
  read(): Promise<readonly [KeySource, ...(readonly KeySource[])]>;
  /** MUST change whenever the keys do, and cost little: it is asked for each token that names an unknown key. */
  stamp(): Promise<string>;
}

export interface KeyRingOptions {
  readonly store: KeyStore;
  /** Of the tokens that these keys sign. */
  readonly ttlS: number;
  readonly clock: Clock;
  readonly log: Log;
}

/** After a try that failed: a store that cannot be read is not asked, and not logged, for every token. */
const retryMs = 1_000;
/** A key that was rotated out is known as such by then. */
const staleMs = 60_000;
/** Another process may sign with the old key until it has read the new one. */
const marginMs = 60_000;

type Keys = readonly [SigningKey, ...(readonly SigningKey[])];

export class KeyRing {
  readonly #options: KeyRingOptions;
  #keys: Keys;
  #stamp: string;
  /** Monotonic: the keys were those of the store then. */
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

  /** Those that may have signed the token. Tokens of before keys had ids name none. */
  async verifying(keyId: string | undefined): Promise<readonly SigningKey[]> {
    const isKnown = keyId === undefined || this.#keys.some((key) => key.keyId === keyId);
    if (!isKnown || this.#options.clock.monotonicMs() - this.#knownAtMs > staleMs) await this.#refresh();
    return this.#keys.filter((key) => (keyId === undefined || key.keyId === keyId) && this.#isGood(key));
  }

  #isGood({ retiredAtMs }: SigningKey): boolean {
    const { clock, ttlS } = this.#options;
    return retiredAtMs === undefined || clock.nowMs() < retiredAtMs + ttlS * 1000 + marginMs;
  }

  /** Callers share a look that begins after they asked: one under way may have seen the store before it changed. */
  async #refresh(): Promise<void> {
    if (this.#looking !== undefined) await this.#looking;
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    await this.#looking;
  }

  /** Keys that cannot be read now leave those that are known. */
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
      log.error('secrets not read: going on with those that are known', { error });
    }
  }
}

interface Read {
  readonly keys: Keys;
  readonly stamp: string;
}

/** The stamp is taken first: a change meanwhile is seen at the next look. */
async function readFrom(store: KeyStore): Promise<Read> {
  const stamp = await store.stamp();
  return { keys: keysOf(await store.read()), stamp };
}

const keysOf = ([first, ...others]: readonly [KeySource, ...(readonly KeySource[])]): Keys => [
  named(first),
  ...others.map(named),
];

/** Of the hash of a random secret nothing leads back to it. */
const named = (source: KeySource): SigningKey => ({
  ...source,
  keyId: createHash('sha256').update('key id').update(source.bytes).digest('hex').slice(0, 16),
});
