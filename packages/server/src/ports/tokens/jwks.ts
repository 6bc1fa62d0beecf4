// The public keys of an issuer, from its JWKS URL or a file. A start does not wait for them, known keys work on while the issuer is
// down, and tokens that name unknown keys do not make this server ask it again and again.

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
  /** https://… or the path of a file. */
  readonly source: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** The keys could not be asked for: nothing is known about the token. */
export class JwksUnavailable extends Error {
  override readonly name = 'JwksUnavailable';
}

/** Older keys are asked for again before they are used, so that a key which the issuer took away is gone by then. */
const freshMs = 10 * 60_000;
/** Between two questions, whatever tokens name. */
const cooldownMs = 30_000;
/** The same after a try that failed. */
const retryMs = 5_000;
/** Between tries, until there are keys for the first time. */
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
  /** Absent: the last try was good. */
  #failedAtMs: number | undefined;
  #reading: Promise<void> | undefined;
  /** Grows when the keys change: what was verified with other keys is to be verified again. */
  #version = 0;

  constructor(options: JwksOptions) {
    this.#options = options;
  }

  get version(): number {
    return this.#version;
  }

  /** 0: none were read yet, and no token of the issuer can be checked. */
  get keyCount(): number {
    return this.#keys?.jwks().keys.length ?? 0;
  }

  /** Asks until there are keys, or `signal` aborts. A token that comes before them waits for the answer that is under way. */
  start(signal: AbortSignal): void {
    void this.#readUntilKnown(signal);
  }

  /** After `refresh`. Throws jose's error when no key matches, JwksUnavailable when that cannot be known now. */
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

  /** Asks when the keys are no longer fresh, and waits for the answer; while the issuer is down known keys do not wait for each try. */
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

  /** Never rejects: the keys that are known stay. */
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
    // It checks the shape.
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
