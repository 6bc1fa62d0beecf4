// The hash of a token: a number of 52 bits, which SQLite stores in few bytes and JavaScript represents exactly.

import type { Database } from 'bun:sqlite';

/** The exclusive upper bound of hashes. */
export const hashesMax = 2 ** 52;
const mask = BigInt(hashesMax) - 1n;

export class TokenHashes {
  readonly #seed: bigint;

  /** Reads the seed of the store. */
  constructor(db: Database) {
    this.#seed = BigInt(db.query<{ value: number }, []>('SELECT value FROM seed').get()?.value ?? 0);
  }

  of(token: string): number {
    return Number(Bun.hash.wyhash(token, this.#seed) & mask);
  }
}
