// What is rows of tables: users, conversations, members and their positions, keys, revocations, devices, events and webhooks. Copied,
// and copied again where it changed, until nobody changes it any more.

import type { CopyCounts } from '../../adapters/mysql/table-copy.ts';
import type { MoveProgress } from './progress.ts';
import { type MoveSource, type TableStore, tableStores } from './source.ts';
import type { ImportedTableCopy, MoveTarget } from './target.ts';

interface Surroundings {
  readonly signal: AbortSignal;
  readonly onProgress: (progress: MoveProgress) => void;
}

export class TablesMove {
  readonly #source: MoveSource;
  readonly #target: MoveTarget;
  readonly #surroundings: Surroundings;
  /** As of the last pass. */
  readonly #versions = new Map<TableStore, number | undefined>();
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
      if (!isWhole && this.#versions.has(store) && this.#versions.get(store) === version) continue;
      for (const one of this.#target.copies) {
        if (one.store !== store) continue;
        const { rows } = await this.#copy(one, step, isWhole);
        this.#rows.set(one.table.table, rows);
      }
      this.#versions.set(store, version);
    }
  }

  #copy({ store, table, copy }: ImportedTableCopy, step: MoveProgress['step'], isWhole: boolean): Promise<CopyCounts> {
    const of = table.isLog && !isWhole ? undefined : this.#rows.get(table.table);
    const options = {
      isWhole,
      isReadBack: step !== 'copying rows',
      onSlice: ({ rows }: CopyCounts) => {
        this.#surroundings.signal.throwIfAborted();
        this.#surroundings.onProgress({ step, what: table.table, done: rows, of });
      },
    };
    return table.isLog
      ? copy.passLog((after) => this.#source.rows(store, table, after), options)
      : copy.pass(this.#source.rows(store, table), options);
  }
}
