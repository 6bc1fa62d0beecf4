// The public keys of an issuer, from its JWKS URL or a file. The start does not wait for them. Known keys stay valid while the issuer is
// down. Tokens that name unknown keys cannot make this server query the issuer more often than a cooldown allows.

import { readFile } from 'node:fs/promises';
import { type Clock, sleep } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import {
  type CryptoKey,
  createLocalJWKSet,
  errors,
  type FlattenedJWSInput,
  type JSONWebKeySet,
  type JWSHeaderParameters,
} from 'jose';

export interface JwksOptions {
  /** A URL (https://…) or the path of a file. */
  readonly source: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** The keys could not be read, so it is unknown whether the token is valid. */
export class JwksUnavailable extends Error {
  override readonly name = 'JwksUnavailable';
}

/** The age at which keys are read again before they are used, so that a removed key becomes invalid. */
const freshMs = 10 * 60_000;
/** The minimum interval between reads, whatever keys the tokens name. */
const cooldownMs = 30_000;
/** The minimum interval after a failed read. */
const retryMs = 5_000;
/** The interval between reads until the first keys are known. */
const pauseMs = { first: 1_000, max: 30_000 };
const timeoutMs = 5_000;
const bytesMax = 1024 * 1024;

const noneRead = 'keys of the issuer not read: its tokens are refused until they are';
const notReadAgain = 'keys of the issuer not read: those that are known stay';

type KeySet = ReturnType<typeof createLocalJWKSet>;

export class Jwks {
  readonly #options: JwksOptions;
  #keys: KeySet | undefined;
  #text = '';
  #readAtMs = Number.NEGATIVE_INFINITY;
  #triedAtMs = Number.NEGATIVE_INFINITY;
  /** undefined when the last read succeeded. */
  #failedAtMs: number | undefined;
  #reading: Promise<void> | undefined;
  /** Grows when the keys change. Tokens that were verified with an older version must be verified again. */
  #version = 0;

  constructor(options: JwksOptions) {
    this.#options = options;
  }

  get version(): number {
    return this.#version;
  }

  /** 0: no keys were read yet, and no token of the issuer can be verified. */
  get keyCount(): number {
    return this.#keys?.jwks().keys.length ?? 0;
  }

  /** Reads until there are keys or `signal` aborts. A token that arrives before waits for the read in flight. */
  start(signal: AbortSignal): void {
    void this.#readUntilKnown(signal);
  }

  /** Call it after `refresh`. Throws jose's error when no key matches, and JwksUnavailable when that is unknown now. */
  readonly keyFor = async (header: JWSHeaderParameters, token: FlattenedJWSInput): Promise<CryptoKey> => {
    const before = this.#version;
    const found = await this.#find(header, token);
    if (found !== undefined) return found;
    await this.#readUnlessJustTried();
    const again = before === this.#version ? undefined : await this.#find(header, token);
    if (again !== undefined) return again;
    if (this.#failedAtMs !== undefined) throw new JwksUnavailable('the keys of the issuer cannot be read');
    throw new errors.JWKSNoMatchingKey();
  };

  /**
   * Reads the keys again when they are not fresh, and waits for the result. While the issuer is down, known keys do not wait for each
   * attempt.
   */
  async refresh(): Promise<void> {
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs - this.#readAtMs <= freshMs) return;
    const isDown = this.#failedAtMs !== undefined && nowMs - this.#failedAtMs < cooldownMs;
    const reading = this.#readUnlessJustTried();
    if (!isDown) await reading;
  }

  async #find(header: JWSHeaderParameters, token: FlattenedJWSInput): Promise<CryptoKey | undefined> {
    try {
      return await this.#keys?.(header, token);
    } catch (error) {
      if (error instanceof errors.JWKSNoMatchingKey) return undefined;
      throw error;
    }
  }

  async #readUntilKnown(signal: AbortSignal): Promise<void> {
    for (let tries = 0; this.#keys === undefined && !signal.aborted; tries++) {
      await (this.#reading ?? this.#read());
      if (this.#keys !== undefined) return;
      await sleep(this.#options.clock, { delayMs: Math.min(pauseMs.max, pauseMs.first * 2 ** tries), signal });
    }
  }

  #readUnlessJustTried(): Promise<void> {
    if (this.#reading !== undefined) return this.#reading;
    const waitMs = this.#failedAtMs === undefined ? cooldownMs : retryMs;
    return this.#options.clock.monotonicMs() - this.#triedAtMs < waitMs ? Promise.resolve() : this.#read();
  }

  /** Never rejects. After a failure the known keys stay. */
  #read(): Promise<void> {
    const { clock, log, source } = this.#options;
    this.#triedAtMs = clock.monotonicMs();
    this.#reading = textOf(source)
      .then((text) => {
        this.#take(text);
        this.#readAtMs = clock.monotonicMs();
        this.#failedAtMs = undefined;
      })
      .catch((error: unknown) => {
        this.#failedAtMs = clock.monotonicMs();
        log.warn(this.#keys === undefined ? noneRead : notReadAgain, { source, error });
      })
      .finally(() => {
        this.#reading = undefined;
      });
    return this.#reading;
  }

  #take(text: string): void {
    if (this.#keys !== undefined && text === this.#text) return;
    // This validates the format.
    this.#keys = createLocalJWKSet(JSON.parse(text) as JSONWebKeySet);
    this.#text = text;
    this.#version++;
    this.#options.log.info('keys of the issuer read', { source: this.#options.source, keys: this.keyCount });
  }
}

async function textOf(source: string): Promise<string> {
  if (!/^https?:\/\//.test(source)) return readFile(source, 'utf8');
  const response = await fetch(source, {
    headers: { accept: 'application/jwk-set+json, application/json' },
    redirect: 'error',
    signal: AbortSignal.timeout(timeoutMs),
  });
  if (!response.ok) throw new Error(`it was answered with ${response.status}`);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw new Error(`it is larger than ${bytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
