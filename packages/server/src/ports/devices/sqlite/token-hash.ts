// Where a token is looked for: a number of 52 bits, which SQLite keeps in few bytes and JavaScript holds exactly.

import type { Database } from 'bun:sqlite';

/** All hashes are below it. */
export const hashesMax = 2 ** 52;
const mask = BigInt(hashesMax) - 1n;

export class TokenHashes {
  readonly #seed: bigint;

  /** With the seed of the store. */
  constructor(db: Database) {
    this.#seed = BigInt(db.query<{ value: number }, []>('SELECT value FROM seed').get()?.value ?? 0);
  }

  of(token: string): number {
    return Number(Bun.hash.wyhash(token, this.#seed) & mask);
  }
}
