// The writing side of the SQLite task queue: applies each op within the transaction of its batch.

import type { Database } from 'bun:sqlite';
import { unreachable } from '@hongyan/base/assert';
import { FileStore } from '../../../adapters/sqlite/file-store.ts';
import type { Claim, ClaimedTask, NewTask, Settlement } from '../task-queue.ts';
import { DeadLetterRows } from './dead-letter-rows.ts';
import { isDurable, type ResultOf, type TaskOp, type TaskResult, type ValueOf } from './ops.ts';
import { idOf, numberOf } from './task-number.ts';

export interface TaskBounds {
  /** The maximum number of waiting and claimed tasks. Further adds are rejected. */
  readonly tasksMax: number;
  /** The maximum size of their payloads, in bytes. Further adds are rejected. */
  readonly payloadMax: number;
  /** The maximum number of dead letters. The oldest are removed. */
  readonly deadLettersMax: number;
}

export class TaskStore extends FileStore<TaskOp, TaskResult> {
  readonly #bounds: TaskBounds;
  readonly #statements: ReturnType<typeof prepare>;
  readonly #dead: DeadLetterRows;
  /** The cached contents of the tables, because every add checks the bounds. */
  #held: { count: number; bytes: number };

  constructor(db: Database, bounds: TaskBounds) {
    super(db, isDurable);
    this.#bounds = bounds;
    this.#statements = prepare(db);
    this.#dead = new DeadLetterRows(db, bounds.deadLettersMax);
    this.#held = this.#count();
  }

  apply(op: TaskOp): TaskResult {
    switch (op.type) {
      case 'add':
        return this.#add(op.value);
      case 'claim':
        return this.#claim(op.value);
      case 'renew':
        return op.value.claims.map((claim) => this.#renew(claim, op.value.nowMs + op.value.leaseMs));
      case 'settle':
        return op.value.settlements.map((settlement) => this.#settle(settlement, op.value.nowMs));
      case 'replay':
        return this.#replay(op.value);
      case 'discard':
        return this.#dead.take(op.value.choice).length;
      default:
        return unreachable(op);
    }
  }

  protected rolledBack(): void {
    this.#held = this.#count();
  }

  #add({ tasks, nowMs }: ValueOf<'add'>): ResultOf<'add'> {
    const fresh = tasks.filter((task, index) => !this.#isKnown(task, tasks.slice(0, index)));
    const bytes = fresh.reduce((sum, { payload }) => sum + bytesOf(payload), 0);
    const { tasksMax, payloadMax } = this.#bounds;
    if (this.#held.count + fresh.length > tasksMax || this.#held.bytes + bytes > payloadMax) return undefined;
    for (const task of fresh) this.#insert({ ...task, addedAtMs: nowMs, dueAtMs: nowMs + (task.delayMs ?? 0) });
    return { addedCount: fresh.length };
  }

  #isKnown({ kind, key }: NewTask, before: readonly NewTask[]): boolean {
    if (key === undefined) return false;
    if (before.some((other) => other.kind === kind && other.key === key)) return true;
    return this.#statements.byKey.get(kind, key) !== null || this.#dead.hasKey(kind, key);
  }

  #insert({ kind, key, payload, addedAtMs, dueAtMs }: NewTask & { addedAtMs: number; dueAtMs: number }): void {
    const { lastInsertRowid } = this.#statements.insert.run(kind, key ?? null, addedAtMs, dueAtMs, bytesOf(payload));
    this.#statements.insertPayload.run(Number(lastInsertRowid), payload);
    this.#held.count++;
    this.#held.bytes += bytesOf(payload);
  }

  #claim({ leaseMs, nowMs, ...request }: ValueOf<'claim'>): readonly ClaimedTask[] {
    return this.#choose({ ...request, nowMs }).map((row) => {
      const attempt = row.attempt + 1;
      // An expired lease is a failure, because a worker that died reports none.
      const failureCount = row.failures + row.is_claimed;
      this.#statements.claim.run(attempt, failureCount, nowMs + leaseMs, row.no);
      const payload = this.#statements.payload.get(row.no)?.text ?? '';
      return { taskId: idOf(row.no), attempt, kind: request.kind, payload, failureCount, addedAtMs: row.added_at };
    });
  }

  /** [T2] A task that failed before is handed out alone, when it is first in the queue. Behind other tasks it waits. */
  #choose({ kind, limit, payloadMax, nowMs }: Omit<ValueOf<'claim'>, 'leaseMs'>): readonly DueRow[] {
    const chosen: DueRow[] = [];
    let bytes = 0;
    for (const row of this.#statements.due.iterate(kind, nowMs, limit)) {
      const hasFailed = row.failures + row.is_claimed > 0;
      if (hasFailed && chosen.length === 0) return [row];
      if (hasFailed) continue;
      bytes += row.payload_bytes;
      if (chosen.length > 0 && bytes > payloadMax) break;
      chosen.push(row);
    }
    return chosen;
  }

  #renew({ taskId, attempt }: Claim, untilMs: number): boolean {
    return this.#statements.renew.run(untilMs, numberOf(taskId), attempt).changes > 0;
  }

  #settle({ claim, outcome }: Settlement, nowMs: number): boolean {
    const no = numberOf(claim.taskId);
    const row = this.#statements.claimed.get(no, claim.attempt);
    if (row === null) return false;
    switch (outcome.type) {
      case 'retry': {
        const failures = row.failures + (outcome.countsAsFailure ? 1 : 0);
        this.#statements.release.run(failures, nowMs + outcome.delayMs, no);
        return true;
      }
      case 'dead': {
        const payload = this.#statements.payload.get(no)?.text ?? '';
        this.#dead.add({ ...row, no, payload, died_at: nowMs, error: outcome.error, failures: row.failures + 1 });
        this.#remove(no, row.payload_bytes);
        return true;
      }
      case 'done':
        this.#remove(no, row.payload_bytes);
        return true;
      default:
        return unreachable(outcome);
    }
  }

  #replay({ choice, nowMs }: ValueOf<'replay'>): number {
    const letters = this.#dead.take(choice);
    for (const { kind, key, payload, added_at } of letters)
      this.#insert({ kind, payload, addedAtMs: added_at, dueAtMs: nowMs, ...(key === null ? {} : { key }) });
    return letters.length;
  }

  #remove(no: number, bytes: number): void {
    this.#statements.remove.run(no);
    this.#statements.removePayload.run(no);
    this.#held.count--;
    this.#held.bytes -= bytes;
  }

  #count(): { count: number; bytes: number } {
    return this.#statements.held.get() ?? { count: 0, bytes: 0 };
  }
}

const bytesOf = (payload: string): number => Buffer.byteLength(payload);

interface DueRow {
  readonly no: number;
  readonly added_at: number;
  readonly attempt: number;
  readonly failures: number;
  readonly is_claimed: number;
  readonly payload_bytes: number;
}
interface ClaimedRow {
  readonly kind: string;
  readonly key: string | null;
  readonly added_at: number;
  readonly failures: number;
  readonly payload_bytes: number;
}

function prepare(db: Database) {
  return {
    held: db.prepare<{ count: number; bytes: number }, []>(
      'SELECT count(*) AS count, total(payload_bytes) AS bytes FROM task',
    ),
    byKey: db.prepare<{ no: number }, [string, string]>('SELECT no FROM task WHERE kind = ? AND key = ?'),
    insert: db.prepare<unknown, [string, string | null, number, number, number]>(
      'INSERT INTO task(kind, key, added_at, due_at, payload_bytes) VALUES(?, ?, ?, ?, ?)',
    ),
    insertPayload: db.prepare<unknown, [number, string]>('INSERT INTO payload(no, text) VALUES(?, ?)'),
    due: db.prepare<DueRow, [string, number, number]>(
      `SELECT no, added_at, attempt, failures, is_claimed, payload_bytes FROM task
       WHERE kind = ? AND due_at <= ? ORDER BY due_at LIMIT ?`,
    ),
    claim: db.prepare<unknown, [number, number, number, number]>(
      'UPDATE task SET attempt = ?, failures = ?, due_at = ?, is_claimed = 1 WHERE no = ?',
    ),
    payload: db.prepare<{ text: string }, [number]>('SELECT text FROM payload WHERE no = ?'),
    renew: db.prepare<unknown, [number, number, number]>(
      'UPDATE task SET due_at = ? WHERE no = ? AND attempt = ? AND is_claimed = 1',
    ),
    claimed: db.prepare<ClaimedRow, [number, number]>(
      `SELECT kind, key, added_at, failures, payload_bytes FROM task WHERE no = ? AND attempt = ? AND is_claimed = 1`,
    ),
    release: db.prepare<unknown, [number, number, number]>(
      'UPDATE task SET failures = ?, due_at = ?, is_claimed = 0 WHERE no = ?',
    ),
    remove: db.prepare<unknown, [number]>('DELETE FROM task WHERE no = ?'),
    removePayload: db.prepare<unknown, [number]>('DELETE FROM payload WHERE no = ?'),
  };
}
