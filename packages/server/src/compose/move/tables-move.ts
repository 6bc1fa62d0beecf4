// What is rows of tables: users, conversations, members and their positions, keys, revocations, devices. Copied, and copied again where it
// changed, until nobody changes it any more.

import type { MoveProgress } from './progress.ts';
import { type MoveSource, type TableStore, tableStores } from './source.ts';
import type { MoveTarget } from './target.ts';

interface Surroundings {
  readonly signal: AbortSignal;
  readonly onProgress: (progress: MoveProgress) => void;
}

export class TablesMove {
  readonly #source: MoveSource;
  readonly #target: MoveTarget;
  readonly #surroundings: Surroundings;
  /** As of the last pass. */
  readonly #versions = new Map<TableStore, number>();
  readonly #rows = new Map<string, number>();

  constructor(source: MoveSource, target: MoveTarget, surroundings: Surroundings) {
    this.#source = source;
    this.#target = target;
    this.#surroundings = surroundings;
  }

  /** By table. */
  get rows(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#rows);
  }

  /** `isWhole`: compares every row with the cluster's, also what was copied before. */
  async pass(step: MoveProgress['step'], { isWhole = false } = {}): Promise<void> {
    for (const store of tableStores) {
      const version = this.#source.version(store);
      if (!isWhole && this.#versions.get(store) === version) continue;
      for (const one of this.#target.copies) {
        if (one.store !== store) continue;
        const { table } = one.table;
        const counts = await one.copy.pass(this.#source.rows(store, one.table), {
          isWhole,
          isReadBack: step !== 'copying rows',
          onSlice: ({ rows }) => {
            this.#surroundings.signal.throwIfAborted();
            this.#surroundings.onProgress({ step, what: table, done: rows, of: this.#rows.get(table) });
          },
        });
        this.#rows.set(table, counts.rows);
      }
      this.#versions.set(store, version);
    }
  }
}
