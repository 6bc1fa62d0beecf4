// The rows of dead letters: listed for operators, and removed to be replayed or discarded.

import type { Database } from 'bun:sqlite';
import type { DeadLetterChoice } from '../task-queue.ts';
import { numberOf } from './task-number.ts';

export interface DeadLetterRow {
  readonly no: number;
  readonly kind: string;
  readonly key: string | null;
  readonly added_at: number;
  readonly died_at: number;
  readonly failures: number;
  readonly error: string;
  readonly payload: string;
}

export class DeadLetterRows {
  readonly #max: number;
  readonly #statements: ReturnType<typeof prepare>;

  constructor(db: Database, max: number) {
    this.#max = max;
    this.#statements = prepare(db);
  }

  hasKey(kind: string, key: string): boolean {
    return this.#statements.byKey.get(kind, key) !== null;
  }

  /** At the bound the oldest are removed. */
  add({ no, kind, key, added_at, died_at, failures, error, payload }: DeadLetterRow): void {
    this.#statements.insert.run(no, kind, key, added_at, died_at, failures, error, payload);
    const count = this.#statements.count.get()?.count ?? 0;
    if (count > this.#max) this.#statements.removeOldest.run(count - this.#max);
  }

  /** Removes the chosen dead letters and returns them. */
  take(choice: DeadLetterChoice): readonly DeadLetterRow[] {
    if ('kind' in choice) {
      const rows = this.#statements.ofKind.all(choice.kind);
      this.#statements.removeKind.run(choice.kind);
      return rows;
    }
    return choice.taskIds.flatMap((taskId) => {
      const row = this.#statements.one.get(numberOf(taskId));
      if (row === null) return [];
      this.#statements.remove.run(row.no);
      return [row];
    });
  }
}

export const deadLetterColumns = 'no, kind, key, added_at, died_at, failures, error, payload';

function prepare(db: Database) {
  return {
    byKey: db.prepare<{ no: number }, [string, string]>('SELECT no FROM dead_letter WHERE kind = ? AND key = ?'),
    insert: db.prepare<unknown, [number, string, string | null, number, number, number, string, string]>(
      `INSERT INTO dead_letter(${deadLetterColumns}) VALUES(?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    count: db.prepare<{ count: number }, []>('SELECT count(*) AS count FROM dead_letter'),
    removeOldest: db.prepare<unknown, [number]>(
      'DELETE FROM dead_letter WHERE no IN (SELECT no FROM dead_letter ORDER BY no LIMIT ?)',
    ),
    ofKind: db.prepare<DeadLetterRow, [string]>(
      `SELECT ${deadLetterColumns} FROM dead_letter WHERE kind = ? ORDER BY no`,
    ),
    removeKind: db.prepare<unknown, [string]>('DELETE FROM dead_letter WHERE kind = ?'),
    one: db.prepare<DeadLetterRow, [number]>(`SELECT ${deadLetterColumns} FROM dead_letter WHERE no = ?`),
    remove: db.prepare<unknown, [number]>('DELETE FROM dead_letter WHERE no = ?'),
  };
}
