// The embedded task queue, in SQLite. A writer thread commits concurrent adds, claims and settlements in batches.

import type { Database } from 'bun:sqlite';
import type { Clock } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import { StoreFailure } from '@hongyan/base/result';
import { GroupCommit } from '../../adapters/sqlite/group-commit.ts';
import { openReader } from '../../adapters/sqlite/open.ts';
import { readFailureOf } from '../../adapters/sqlite/read-failure.ts';
import type { StoreMeter } from '../../metrics/store-meter.ts';
import { DueSignals } from './due-signals.ts';
import type { ResultOf, TaskOp, TaskResult, ValueOf } from './sqlite/ops.ts';
import { TaskReads } from './sqlite/task-reads.ts';
import type { TaskBounds } from './sqlite/task-store.ts';
import type { TasksInit } from './sqlite/tasks.worker.ts';
import type { DeadLetterChoice, DeadLetters, NewTask, Settlement, TaskConsumer, TaskQueue } from './task-queue.ts';

export interface SqliteTaskQueueOptions extends TaskBounds {
  readonly path: string;
  readonly clock: Clock;
  readonly log: Log;
  /** The maximum size of the file. Adds beyond it reject with `unavailable`. */
  readonly maxBytes?: number | undefined;
  /** Called when the writer thread died: nothing can be added or claimed. */
  readonly onDeath?: () => void;
  readonly meter?: StoreMeter | undefined;
}

/** The maximum number of waiting and committing calls. Further ones reject with `overloaded`. */
const callsMax = 100_000;
const batchMax = 2_000;
/** While one batch waits for its fsync, the next one is on its way to the thread. */
const inFlightMax = 2;

export async function openSqliteTaskQueue(options: SqliteTaskQueueOptions): Promise<TaskQueue> {
  const { path, clock, log, maxBytes, tasksMax, payloadMax, deadLettersMax, meter } = options;
  const init: TasksInit = { path, maxBytes, bounds: { tasksMax, payloadMax, deadLettersMax } };
  const writer = new GroupCommit<TaskOp, TaskResult>({
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
  readonly #writer: GroupCommit<TaskOp, TaskResult>;
  readonly #clock: Clock;
  readonly #tasksMax: number;
  readonly #reads: TaskReads;
  readonly #due: DueSignals;
  #isClosed = false;

  constructor(
    db: Database,
    writer: GroupCommit<TaskOp, TaskResult>,
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
    const added = await this.#submit('add', { tasks });
    if (added === undefined)
      throw new StoreFailure('overloaded', `${this.#tasksMax} tasks, or their bytes, are waiting: retry later`);
    this.#due.changed(tasks.map(({ kind }) => kind));
    return added;
  }

  claim(request: Parameters<TaskConsumer['claim']>[0]) {
    return this.#submit('claim', request);
  }

  async renew(request: Parameters<TaskConsumer['renew']>[0]): Promise<readonly boolean[]> {
    return request.claims.length === 0 ? [] : this.#submit('renew', request);
  }

  async settle(settlements: readonly Settlement[]): Promise<readonly boolean[]> {
    if (settlements.length === 0) return [];
    const stood = await this.#submit('settle', { settlements });
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
    const count = await this.#submit('replay', { choice });
    this.#due.changed();
    return count;
  }

  discard(choice: DeadLetterChoice): Promise<number> {
    return this.#submit('discard', { choice });
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

  /** The store answers each op with a result of the same type. */
  #submit<T extends TaskOp['type']>(type: T, value: Omit<ValueOf<T>, 'nowMs'>): Promise<ResultOf<T>> {
    const op = { type, value: { ...value, nowMs: this.#clock.nowMs() } } as unknown as TaskOp;
    return this.#writer.submit(op) as Promise<ResultOf<T>>;
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
