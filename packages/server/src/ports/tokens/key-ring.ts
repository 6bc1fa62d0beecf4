// The keys of the server's own tokens: one signs, those that were rotated out verify until their tokens have expired. Read again
// when a token names a key that is not known yet, and before signing; so a rotation needs no restart.

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

export interface KeyRingOptions {
  /** The one that signs first. */
  readonly read: () => Promise<readonly [KeySource, ...(readonly KeySource[])]>;
  /** Of the tokens that these keys sign. */
  readonly ttlS: number;
  readonly clock: Clock;
  readonly log: Log;
}

/** However many tokens name unknown keys, the file is read once in this time. */
const readEveryMs = 1_000;
/** A key that was rotated out is known as such by then. */
const staleMs = 60_000;
/** Another process may sign with the old key until it has read the new one. */
const marginMs = 60_000;

type Keys = readonly [SigningKey, ...(readonly SigningKey[])];

export class KeyRing {
  readonly #options: KeyRingOptions;
  #keys: Keys;
  #readAtMs: number;
  #reading: Promise<void> | undefined;

  static async open(options: KeyRingOptions): Promise<KeyRing> {
    return new KeyRing(options, keysOf(await options.read()));
  }

  private constructor(options: KeyRingOptions, keys: Keys) {
    this.#options = options;
    this.#keys = keys;
    this.#readAtMs = options.clock.monotonicMs();
  }

  async signing(): Promise<SigningKey> {
    await this.#refresh();
    return this.#keys[0];
  }

  /** Those that may have signed the token. Tokens of before keys had ids name none. */
  async verifying(keyId: string | undefined): Promise<readonly SigningKey[]> {
    const isKnown = keyId === undefined || this.#keys.some((key) => key.keyId === keyId);
    if (!isKnown || this.#options.clock.monotonicMs() - this.#readAtMs > staleMs) await this.#refresh();
    return this.#keys.filter((key) => (keyId === undefined || key.keyId === keyId) && this.#isGood(key));
  }

  #isGood({ retiredAtMs }: SigningKey): boolean {
    const { clock, ttlS } = this.#options;
    return retiredAtMs === undefined || clock.nowMs() < retiredAtMs + ttlS * 1000 + marginMs;
  }

  /** Keys that cannot be read now leave those that are known. */
  async #refresh(): Promise<void> {
    const { clock, read, log } = this.#options;
    if (this.#reading !== undefined) return this.#reading;
    if (clock.monotonicMs() - this.#readAtMs < readEveryMs) return;
    this.#readAtMs = clock.monotonicMs();
    this.#reading = read()
      .then((sources) => {
        this.#keys = keysOf(sources);
      })
      .catch((error: unknown) => log.error('secrets not read: going on with those that are known', { error }))
      .finally(() => {
        this.#reading = undefined;
      });
    return this.#reading;
  }
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
