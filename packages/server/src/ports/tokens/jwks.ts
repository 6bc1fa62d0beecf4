// The public keys of an issuer, from its JWKS URL or a file. Known keys work on while the issuer is down, and tokens that name
// unknown keys do not make this server ask it again and again.

import { readFile } from 'node:fs/promises';
import type { Clock } from '@hongyan/base/clock';
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
  /** https://… or the path of a file. */
  readonly source: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** The keys could not be asked for: nothing is known about the token. */
export class JwksUnavailable extends Error {
  override readonly name = 'JwksUnavailable';
}

/** Asked for again when they are used, so that a key which the issuer took away is gone by then. */
const freshMs = 10 * 60_000;
/** Between two questions, whatever tokens name. */
const cooldownMs = 30_000;
/** The same after a try that failed. */
const retryMs = 5_000;
const timeoutMs = 5_000;
const bytesMax = 1024 * 1024;

type KeySet = ReturnType<typeof createLocalJWKSet>;

export class Jwks {
  readonly #options: JwksOptions;
  #keys: KeySet | undefined;
  #text = '';
  #readAtMs = Number.NEGATIVE_INFINITY;
  #triedAtMs = Number.NEGATIVE_INFINITY;
  #isLastTryGood = true;
  #reading: Promise<void> | undefined;
  /** Grows when the keys change: what was verified with other keys is to be verified again. */
  #version = 0;

  constructor(options: JwksOptions) {
    this.#options = options;
  }

  get version(): number {
    return this.#version;
  }

  /** For the start: without a key nobody could log in, but the issuer may come later. */
  async open(): Promise<void> {
    await this.#read();
  }

  /** Throws jose's error when no key matches, JwksUnavailable when that cannot be known now. */
  readonly keyFor = async (header: JWSHeaderParameters, token: FlattenedJWSInput): Promise<CryptoKey> => {
    if (this.#keys === undefined) await this.#readUnlessJustTried();
    else this.refresh();
    const found = await this.#find(header, token);
    if (found !== undefined) return found;
    const before = this.#version;
    await this.#readUnlessJustTried();
    const again = before === this.#version ? undefined : await this.#find(header, token);
    if (again !== undefined) return again;
    if (!this.#isLastTryGood) throw new JwksUnavailable('the keys of the issuer cannot be read');
    throw new errors.JWKSNoMatchingKey();
  };

  /** Asks in the background when the keys are no longer fresh. */
  refresh(): void {
    if (this.#options.clock.monotonicMs() - this.#readAtMs > freshMs) void this.#readUnlessJustTried();
  }

  async #find(header: JWSHeaderParameters, token: FlattenedJWSInput): Promise<CryptoKey | undefined> {
    try {
      return await this.#keys?.(header, token);
    } catch (error) {
      if (error instanceof errors.JWKSNoMatchingKey) return undefined;
      throw error;
    }
  }

  #readUnlessJustTried(): Promise<void> {
    if (this.#reading !== undefined) return this.#reading;
    const waitMs = this.#isLastTryGood ? cooldownMs : retryMs;
    return this.#options.clock.monotonicMs() - this.#triedAtMs < waitMs ? Promise.resolve() : this.#read();
  }

  /** Never rejects: the keys that are known stay. */
  #read(): Promise<void> {
    const { clock, log, source } = this.#options;
    this.#triedAtMs = clock.monotonicMs();
    this.#reading = textOf(source)
      .then((text) => {
        this.#take(text);
        this.#readAtMs = clock.monotonicMs();
        this.#isLastTryGood = true;
      })
      .catch((error: unknown) => {
        this.#isLastTryGood = false;
        log.warn('keys of the issuer not read: those that are known stay', { source, error });
      })
      .finally(() => {
        this.#reading = undefined;
      });
    return this.#reading;
  }

  #take(text: string): void {
    if (this.#keys !== undefined && text === this.#text) return;
    // It checks the shape.
    this.#keys = createLocalJWKSet(JSON.parse(text) as JSONWebKeySet);
    this.#text = text;
    this.#version++;
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
