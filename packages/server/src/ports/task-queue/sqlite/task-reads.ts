// Reads of the task queue: counts, dead letters, and the time at which the next task is due.

import type { Database } from 'bun:sqlite';
import type { DeadLetter, DeadLetters, KindCounts } from '../task-queue.ts';
import { type DeadLetterRow, deadLetterColumns } from './dead-letter-rows.ts';
import { idOf, numberOf } from './task-number.ts';

export class TaskReads {
  readonly #statements: ReturnType<typeof prepare>;

  constructor(db: Database) {
    this.#statements = prepare(db);
  }

  /** Wall-clock time; undefined when the kind has no task. */
  nextDueMs(kind: string): number | undefined {
    return this.#statements.nextDue.get(kind)?.due_at;
  }

  deadLetters({ kind, before, limit }: Parameters<DeadLetters['deadLetters']>[0]): readonly DeadLetter[] {
    const beforeNo = before === undefined ? Number.MAX_SAFE_INTEGER : numberOf(before);
    const rows =
      kind === undefined
        ? this.#statements.deadLetters.all(beforeNo, limit)
        : this.#statements.deadLettersOfKind.all(kind, beforeNo, limit);
    return rows.map(toDeadLetter);
  }

  counts(nowMs: number): readonly KindCounts[] {
    return this.#statements.counts.all(nowMs);
  }
}

const toDeadLetter = (row: DeadLetterRow): DeadLetter => ({
  taskId: idOf(row.no),
  kind: row.kind,
  payload: row.payload,
  error: row.error,
  failureCount: row.failures,
  addedAtMs: row.added_at,
  diedAtMs: row.died_at,
});

function prepare(db: Database) {
  return {
    nextDue: db.prepare<{ due_at: number }, [string]>('SELECT due_at FROM task WHERE kind = ? ORDER BY due_at LIMIT 1'),
    deadLetters: db.prepare<DeadLetterRow, [number, number]>(
      `SELECT ${deadLetterColumns} FROM dead_letter WHERE no < ? ORDER BY no DESC LIMIT ?`,
    ),
    deadLettersOfKind: db.prepare<DeadLetterRow, [string, number, number]>(
      `SELECT ${deadLetterColumns} FROM dead_letter WHERE kind = ? AND no < ? ORDER BY no DESC LIMIT ?`,
    ),
    // A task whose lease has expired is ready. In the order of the indexes, because sorting the tasks by kind takes twice the time, and
    // memory for each.
    counts: db.prepare<KindCounts, [number]>(
      `SELECT kind, sum(ready) AS ready, sum(delayed) AS delayed, sum(claimed) AS claimed, sum(dead) AS dead
       FROM (
         SELECT kind, sum(due_at <= ?1) AS ready, sum(due_at > ?1 AND is_claimed = 0) AS delayed,
           sum(due_at > ?1 AND is_claimed = 1) AS claimed, 0 AS dead
         FROM task INDEXED BY task_by_due GROUP BY kind
         UNION ALL SELECT kind, 0, 0, 0, count(*) FROM dead_letter GROUP BY kind)
       GROUP BY kind ORDER BY kind`,
    ),
  };
}
