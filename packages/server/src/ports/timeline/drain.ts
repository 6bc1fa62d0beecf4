// Moves rows of the tail into the sorted tables of their month, in short transactions between the batches.

import type { Database } from 'bun:sqlite';
import { assert, unreachable } from '@hongyan/base/assert';
import type { Transaction } from '../../adapters/sqlite/open.ts';

/** Rows of one step: each kind of step takes about half a millisecond. The rows of `entry` are scattered over the file, the others are not. */
const rangeRows = 1_000;
const entryRows = 100;
/** How many rows of the tail one step moves on average. */
export const rowsPerStep = Math.floor(1 / (4 / rangeRows + 1 / entryRows));

export interface DrainRequest {
  readonly fromP: number;
  readonly throughP: number;
  /** Every p from `fromP` to `throughP`, in the order of n. */
  readonly order: readonly number[];
  /** A run before this one may have moved some of the rows already. */
  readonly isRepeat: boolean;
}

const stages = ['feed', 'by_msg_id', 'by_key', 'entry', 'tail', 'done'] as const;
type Stage = (typeof stages)[number];

/**
 * Each step is one transaction, and a step that failed is done again by the next call. None waits for the disk: the next durable
 * commit syncs them all, and after a loss of power the rows are still in the tail. Until the last stage every row is in the tail
 * too, so that a reader who looks there first misses none.
 */
export class Drain {
  readonly throughP: number;
  readonly #request: DrainRequest;
  readonly #transaction: Transaction;
  readonly #sql: DrainStatements;
  #stage: Stage = 'feed';
  /** Rows that the stage moved already. */
  #moved = 0;

  constructor(request: DrainRequest, transaction: Transaction, sql: DrainStatements) {
    const { fromP, throughP, order } = request;
    assert(order.length === throughP - fromP + 1, 'the order of a drain names each of its rows');
    this.throughP = throughP;
    this.#request = request;
    this.#transaction = transaction;
    this.#sql = sql;
  }

  get isDone(): boolean {
    return this.#stage === 'done';
  }

  /** Whether every row is in the sorted tables. */
  get isSorted(): boolean {
    return this.#stage === 'tail' || this.#stage === 'done';
  }

  step(): void {
    const count = Math.min(this.#stage === 'entry' ? entryRows : rangeRows, this.#request.order.length - this.#moved);
    this.#transaction.begin({ isDurable: false });
    try {
      const moved = this.#move(count);
      // [D2] A row that the primary key refuses is a seq or a key given twice.
      assert(moved === count || this.#request.isRepeat, `${count} rows are moved to ${this.#stage}; not ${moved}`);
      this.#transaction.commit();
    } catch (error) {
      this.#transaction.rollback();
      throw error;
    }
    this.#moved += count;
    if (this.#moved < this.#request.order.length) return;
    this.#moved = 0;
    this.#stage = stages[stages.indexOf(this.#stage) + 1] ?? 'done';
  }

  #move(count: number): number {
    const { fromP, order } = this.#request;
    const first = fromP + this.#moved;
    const last = first + count - 1;
    switch (this.#stage) {
      case 'feed':
      case 'by_msg_id':
      case 'by_key':
      case 'tail':
        return this.#sql[this.#stage].run(first, last).changes;
      case 'entry': {
        const slice = JSON.stringify(order.slice(this.#moved, this.#moved + count));
        const { changes } = this.#sql.entry.run(slice);
        if (this.#request.isRepeat) {
          const sorted = this.#sql.sorted.get(slice)?.count;
          assert(sorted === count, 'the row that is at the place of another in entry is the same row [D2]');
        }
        return changes;
      }
      case 'done':
        return 0;
      default:
        return unreachable(this.#stage);
    }
  }
}

export type DrainStatements = ReturnType<typeof prepareDrain>;

/** OR IGNORE, for a drain that repeats another. Sorted where the order of commits is not the order of the table, so that pages fill up. */
export function prepareDrain(db: Database) {
  const n = '(conversation_no << 32) | seq';
  const rows = 'FROM tail WHERE p BETWEEN ? AND ?';
  return {
    feed: db.prepare<unknown, [number, number]>(`INSERT OR IGNORE INTO feed(p, n) SELECT p, ${n} ${rows} ORDER BY p`),
    by_msg_id: db.prepare<unknown, [number, number]>(
      `INSERT OR IGNORE INTO by_msg_id(msg_id, n) SELECT msg_id, ${n} ${rows} ORDER BY msg_id`,
    ),
    by_key: db.prepare<unknown, [number, number]>(
      `INSERT OR IGNORE INTO by_key(client_msg_id, sender_no, n) SELECT client_msg_id, sender_no, ${n} ${rows} ORDER BY client_msg_id`,
    ),
    entry: db.prepare<unknown, [string]>(
      `INSERT OR IGNORE INTO entry(n, p, msg_id, sender_no, client_msg_id, timestamp, content)
       SELECT ${n}, t.p, t.msg_id, t.sender_no, t.client_msg_id, t.timestamp, t.content
       FROM json_each(?) o CROSS JOIN tail t WHERE t.p = o.value`,
    ),
    sorted: db.prepare<{ count: number }, [string]>(
      `SELECT count(*) AS count FROM json_each(?) o CROSS JOIN tail t CROSS JOIN entry e
       WHERE t.p = o.value AND e.n = (${n}) AND e.p = t.p`,
    ),
    tail: db.prepare<unknown, [number, number]>(`DELETE ${rows}`),
  };
}
