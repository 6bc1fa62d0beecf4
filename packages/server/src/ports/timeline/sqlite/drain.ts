// Moves the rows of the tail into the sorted tables of their month, in short transactions between the batches.

import type { Database } from 'bun:sqlite';
import { assert, unreachable } from '@hongyan/base/assert';
import type { Transaction } from '../../../adapters/sqlite/open.ts';

/**
 * The number of rows per step. Each step takes about half a millisecond. The rows of `entry`, `change` and `by_key` are scattered over the
 * file; the others are not.
 */
const rangeRows = 1_000;
const scatteredRows = 100;
/** The average number of rows of the tail that a step moves. */
export const rowsPerStep = Math.floor(1 / (3 / rangeRows + 2 / scatteredRows));

export interface DrainRequest {
  readonly fromP: number;
  readonly throughP: number;
  /** Every p from `fromP` to `throughP`. */
  readonly order: SortedOrder;
  /** An earlier drain may have moved some of the rows already. */
  readonly isRepeat: boolean;
}

/** The rows of the drain, each list in the order of its table. */
export interface SortedOrder {
  /** Rows without a target. */
  readonly entry: Float64Array;
  /** Rows with a target. */
  readonly change: Float64Array;
  /** All rows, in approximate order. Computed on demand, because each list takes a millisecond or more. */
  by_key(): Float64Array;
}

const stages = ['feed', 'by_msg_id', 'by_key', 'entry', 'change', 'tail', 'done'] as const;
type Stage = (typeof stages)[number];

/**
 * Each `step` is one transaction. After a failure the next call repeats it. No step waits for the disk: the next durable commit syncs all
 * of them, and after a loss of power the rows are still in the tail. Until the last stage every row is in the tail too, so that a reader
 * that reads the tail first misses none.
 */
export class Drain {
  readonly throughP: number;
  readonly #request: DrainRequest;
  readonly #transaction: Transaction;
  readonly #sql: DrainStatements;
  #stage: Stage = 'feed';
  /** The order in which the stage moves its rows, by p; undefined for the order of commits. */
  #order: Float64Array | undefined;
  /** The number of rows that the stage has moved. */
  #moved = 0;

  constructor(request: DrainRequest, transaction: Transaction, sql: DrainStatements) {
    const { fromP, throughP, order } = request;
    const rows = order.entry.length + order.change.length;
    assert(rows === throughP - fromP + 1, 'the order of a drain has each of its rows');
    this.throughP = throughP;
    this.#request = request;
    this.#transaction = transaction;
    this.#sql = sql;
  }

  get isDone(): boolean {
    return this.#stage === 'done';
  }

  /** All rows are in the sorted tables and still in the tail. The next step deletes the first of them from the tail. */
  get isBeforeDeletion(): boolean {
    return this.#stage === 'tail' && this.#moved === 0;
  }

  /** Rows up to this p are in the sorted tables and no longer in the tail; undefined before the first row may be deleted. */
  get deletedThrough(): number | undefined {
    if (this.#stage === 'done') return this.throughP;
    return this.#stage === 'tail' ? this.#request.fromP + this.#moved - 1 : undefined;
  }

  /** Executes up to `stepsMax` steps of one stage in one transaction. Returns their number. */
  step(stepsMax = 1): number {
    const { rows, rowsPerStep } = this.#stageSize;
    const count = Math.min(stepsMax * rowsPerStep, rows - this.#moved);
    this.#transaction.begin({ isDurable: false });
    try {
      const moved = this.#move(count);
      // [D2] A row that the primary key rejects would be a seq or a key that was assigned twice.
      assert(moved === count || this.#request.isRepeat, `${count} rows are moved to ${this.#stage}; not ${moved}`);
      this.#transaction.commit();
    } catch (error) {
      this.#transaction.rollback();
      throw error;
    }
    this.#moved += count;
    if (this.#moved === rows) this.#beginNextStage();
    return Math.ceil(count / rowsPerStep);
  }

  #beginNextStage(): void {
    this.#moved = 0;
    do {
      this.#stage = stages[stages.indexOf(this.#stage) + 1] ?? 'done';
      this.#order = this.#orderOf(this.#stage);
    } while (this.#stageSize.rows === 0);
  }

  #orderOf(stage: Stage): Float64Array | undefined {
    const { order } = this.#request;
    switch (stage) {
      case 'by_key':
        return order.by_key();
      case 'entry':
      case 'change':
        return order[stage];
      case 'feed':
      case 'by_msg_id':
      case 'tail':
      case 'done':
        return undefined;
      default:
        return unreachable(stage);
    }
  }

  get #stageSize(): { readonly rows: number; readonly rowsPerStep: number } {
    const { fromP, throughP } = this.#request;
    if (this.#order) return { rows: this.#order.length, rowsPerStep: scatteredRows };
    return { rows: throughP - fromP + 1, rowsPerStep: rangeRows };
  }

  #move(count: number): number {
    const first = this.#request.fromP + this.#moved;
    const last = first + count - 1;
    switch (this.#stage) {
      case 'feed':
      case 'by_msg_id':
      case 'tail':
        return this.#sql[this.#stage].run(first, last).changes;
      case 'by_key':
        return this.#sql.by_key.run(this.#slice(count)).changes;
      case 'entry':
      case 'change': {
        const slice = this.#slice(count);
        const { changes } = this.#sql[this.#stage].run(slice);
        if (this.#request.isRepeat) {
          const sorted = this.#sql.sorted[this.#stage].get(slice)?.count;
          assert(sorted === count, `rows that exist in ${this.#stage} already are the same rows [D2]`);
        }
        return changes;
      }
      case 'done':
        return 0;
      default:
        return unreachable(this.#stage);
    }
  }

  /** The next rows in the order of the stage, as a JSON list. */
  #slice(count: number): string {
    assert(this.#order, 'the stage has an order');
    return JSON.stringify([...this.#order.subarray(this.#moved, this.#moved + count)]);
  }
}

export type DrainStatements = ReturnType<typeof prepareDrain>;

/**
 * OR IGNORE, for a drain that repeats an earlier one. Sorted when the order of commits is not the order of the table, so that pages are
 * filled.
 */
export function prepareDrain(db: Database) {
  const n = '(conversation_no << 32) | seq';
  const rows = 'FROM tail WHERE p BETWEEN ? AND ?';
  const columns = 'p, msg_id, sender_no, client_msg_id, timestamp, content, count';
  const inOrder = 'FROM json_each(?) o CROSS JOIN tail t';
  const sorted = (table: string) =>
    db.prepare<{ count: number }, [string]>(
      `SELECT count(*) AS count ${inOrder} CROSS JOIN ${table} e WHERE t.p = o.value AND e.n = (${n}) AND e.p = t.p`,
    );
  return {
    feed: db.prepare<unknown, [number, number]>(`INSERT OR IGNORE INTO feed(p, n) SELECT p, ${n} ${rows} ORDER BY p`),
    by_msg_id: db.prepare<unknown, [number, number]>(
      `INSERT OR IGNORE INTO by_msg_id(msg_id, n) SELECT msg_id, ${n} ${rows} ORDER BY msg_id`,
    ),
    by_key: db.prepare<unknown, [string]>(
      `INSERT OR IGNORE INTO by_key(client_msg_id, sender_no, n)
       SELECT client_msg_id, sender_no, ${n} ${inOrder} WHERE t.p = o.value ORDER BY client_msg_id`,
    ),
    entry: db.prepare<unknown, [string]>(
      `INSERT OR IGNORE INTO entry(n, ${columns}, is_counted, refs)
       SELECT ${n}, ${columns}, is_counted, refs ${inOrder} WHERE t.p = o.value`,
    ),
    change: db.prepare<unknown, [string]>(
      `INSERT OR IGNORE INTO change(n, ${columns}, target)
       SELECT ${n}, ${columns}, (conversation_no << 32) | target_seq ${inOrder} WHERE t.p = o.value`,
    ),
    sorted: { entry: sorted('entry'), change: sorted('change') },
    tail: db.prepare<unknown, [number, number]>(`DELETE ${rows}`),
  };
}
