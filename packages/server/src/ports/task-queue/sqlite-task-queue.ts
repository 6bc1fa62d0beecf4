// The embedded task queue: SQLite. What is added, claimed and settled at the same time shares a commit on a thread of its own.

import type { Database } from 'bun:sqlite';
import type { Clock } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import { StoreFailure } from '@hongyan/base/result';
import { GroupCommit } from '../../adapters/sqlite/group-commit.ts';
import { openReader } from '../../adapters/sqlite/open.ts';
import { readFailureOf } from '../../adapters/sqlite/read-failure.ts';
import type { StoreMeter } from '../../metrics/store-meter.ts';
import { DueSignals } from './due-signals.ts';
import type { AnswerOf, AskOf, TaskAnswer, TaskOp } from './sqlite/ops.ts';
import { TaskReads } from './sqlite/task-reads.ts';
import type { TaskBounds } from './sqlite/task-store.ts';
import type { TasksInit } from './sqlite/tasks.worker.ts';
import type { DeadLetterChoice, DeadLetters, NewTask, Settlement, TaskConsumer, TaskQueue } from './task-queue.ts';

export interface SqliteTaskQueueOptions extends TaskBounds {
  readonly path: string;
  readonly clock: Clock;
  readonly log: Log;
  /** The file may not grow beyond it: adds then reject with `unavailable`. */
  readonly maxBytes?: number | undefined;
  /** Nothing can be added or claimed any more. */
  readonly onDeath?: () => void;
  readonly meter?: StoreMeter | undefined;
}

/** Calls that wait for their commit; further ones reject with `overloaded`. */
const callsMax = 100_000;
const batchMax = 2_000;
/** While one batch waits for its fsync, the next is on its way to the thread. */
const inFlightMax = 2;

export async function openSqliteTaskQueue(options: SqliteTaskQueueOptions): Promise<TaskQueue> {
  const { path, clock, log, maxBytes, tasksMax, payloadMax, deadLettersMax, meter } = options;
  const init: TasksInit = { path, maxBytes, bounds: { tasksMax, payloadMax, deadLettersMax } };
  const writer = new GroupCommit<TaskOp, TaskAnswer>({
    worker: new URL('./sqlite/tasks.worker.ts', import.meta.url),
    init,
    meter,
    queueMax: callsMax,
    batchMax,
    inFlightMax,
    onFatal(error) {
      log.error('task queue writer died', { error });
      options.onDeath?.();
    },
  });
  await writer.ready();
  return new SqliteTaskQueue(openReader(path), writer, { clock, tasksMax });
}

class SqliteTaskQueue implements TaskQueue {
  readonly #db: Database;
  readonly #writer: GroupCommit<TaskOp, TaskAnswer>;
  readonly #clock: Clock;
  readonly #tasksMax: number;
  readonly #reads: TaskReads;
  readonly #due: DueSignals;
  #isClosed = false;

  constructor(
    db: Database,
    writer: GroupCommit<TaskOp, TaskAnswer>,
    { clock, tasksMax }: { readonly clock: Clock; readonly tasksMax: number },
  ) {
    this.#db = db;
    this.#writer = writer;
    this.#clock = clock;
    this.#tasksMax = tasksMax;
    this.#reads = new TaskReads(db);
    this.#due = new DueSignals(clock, (kind) => this.#reads.nextDueMs(kind));
  }

  async add(tasks: readonly NewTask[]): Promise<{ readonly addedCount: number }> {
    if (tasks.length === 0) return { addedCount: 0 };
    const added = await this.#ask('add', { tasks });
    if (added === undefined)
      throw new StoreFailure('overloaded', `${this.#tasksMax} tasks, or their bytes, are waiting: retry later`);
    this.#due.changed(tasks.map(({ kind }) => kind));
    return added;
  }

  claim(request: Parameters<TaskConsumer['claim']>[0]) {
    return this.#ask('claim', request);
  }

  async renew(request: Parameters<TaskConsumer['renew']>[0]): Promise<readonly boolean[]> {
    return request.claims.length === 0 ? [] : this.#ask('renew', request);
  }

  async settle(settlements: readonly Settlement[]): Promise<readonly boolean[]> {
    if (settlements.length === 0) return [];
    const stood = await this.#ask('settle', { settlements });
    if (settlements.some(({ outcome }) => outcome.type === 'retry')) this.#due.changed();
    return stood;
  }

  ready(kind: string, signal: AbortSignal): Promise<void> {
    return this.#isClosed ? Promise.resolve() : this.#due.wait(kind, signal);
  }

  deadLetters(request: Parameters<DeadLetters['deadLetters']>[0]) {
    return this.#read(() => this.#reads.deadLetters(request));
  }

  async replay(choice: DeadLetterChoice): Promise<number> {
    const count = await this.#ask('replay', { choice });
    this.#due.changed();
    return count;
  }

  discard(choice: DeadLetterChoice): Promise<number> {
    return this.#ask('discard', { choice });
  }

  counts() {
    return this.#read(() => this.#reads.counts(this.#clock.nowMs()));
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    await this.#writer.close();
    this.#isClosed = true;
    this.#due.close();
    this.#db.close();
  }

  /** The store answers each op with the answer of its own kind. */
  #ask<T extends TaskOp['type']>(type: T, ask: Omit<AskOf<T>, 'nowMs'>): Promise<AnswerOf<T>> {
    const op = { type, ask: { ...ask, nowMs: this.#clock.nowMs() } } as unknown as TaskOp;
    return this.#writer.submit(op) as Promise<AnswerOf<T>>;
  }

  async #read<T>(query: () => T): Promise<T> {
    if (this.#isClosed) throw new StoreFailure('unavailable', 'the task queue is closed');
    try {
      return query();
    } catch (error) {
      throw readFailureOf(error);
    }
  }
}
