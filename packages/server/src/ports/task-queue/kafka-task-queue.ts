// The task queue of a cluster, on Kafka. The workers of a kind are a consumer group. Delayed tasks wait in topics of their own, and dead
// letters are stored in another topic.

import type { Clock } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import { StoreFailure } from '@hongyan/base/result';
import { Admin, type BaseOptions } from '@platformatic/kafka';
import { clientOptions, type KafkaOptions } from '../../adapters/kafka/kafka-options.ts';
import { warnOfFewCopies } from '../../adapters/kafka/topic-copies.ts';
import { raiseRecordLimit, recordBytesMax } from '../../adapters/kafka/topics.ts';
import { DueSignals } from './due-signals.ts';
import { Backlog, type BacklogBounds } from './kafka/backlog.ts';
import { createTaskTopics } from './kafka/create-topics.ts';
import { KafkaDeadLetters } from './kafka/dead-letters.ts';
import { DoneRecords } from './kafka/done-records.ts';
import { inTime } from './kafka/in-time.ts';
import { KindTasks } from './kafka/kind-tasks.ts';
import { PartitionMarks } from './kafka/marks.ts';
import { encodeTask, type RecordToSend, type TaskRecord } from './kafka/task-record.ts';
import { TaskSender } from './kafka/task-sender.ts';
import { TaskTopics } from './kafka/task-topics.ts';
import type {
  Claim,
  ClaimedTask,
  DeadLetterChoice,
  DeadLetters,
  KindCounts,
  MovedLetter,
  NewTask,
  Settlement,
  TaskConsumer,
  TaskId,
  TaskQueue,
} from './task-queue.ts';

export interface KafkaTaskQueueOptions extends BacklogBounds {
  readonly kafka: KafkaOptions;
  /** All kinds. Each has its topics. */
  readonly kinds: readonly string[];
  /** The number of partitions of new topics, which limits the number of workers that execute tasks of one kind concurrently. */
  readonly partitionCount: number;
  readonly deadLettersMax: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly newId: () => string;
}

/** A queue into which another one can be moved. */
export interface ImportingTaskQueue extends TaskQueue {
  /** Replaces all dead letters by these, which keep their ids. Resolves with their number. */
  replaceDeadLetters(letters: Iterable<MovedLetter>): Promise<number>;
}

export async function openKafkaTaskQueue(options: KafkaTaskQueueOptions): Promise<ImportingTaskQueue> {
  const { kafka, kinds, partitionCount, log } = options;
  const topics = new TaskTopics({ prefix: kafka.prefix, kinds, partitionCount });
  const names = await createTaskTopics(kafka, topics);
  await raiseRecordLimit(kafka, { topics: names, bytesNeeded: recordBytesMax, log });
  await warnOfFewCopies(kafka, { topics: names, log });
  return new KafkaTaskQueue(options, topics);
}

class KafkaTaskQueue implements ImportingTaskQueue {
  readonly #options: KafkaTaskQueueOptions;
  readonly #client: BaseOptions;
  readonly #admin: Admin;
  readonly #topics: TaskTopics;
  readonly #sender: TaskSender;
  readonly #marks: PartitionMarks;
  readonly #dead: KafkaDeadLetters;
  readonly #backlog: Backlog;
  readonly #due: DueSignals;
  readonly #kinds = new Map<string, KindTasks>();
  readonly #doneRecords: DoneRecords;
  #turn = 0;
  #isClosed = false;

  constructor(options: KafkaTaskQueueOptions, topics: TaskTopics) {
    const { kafka, clock, log, deadLettersMax, tasksMax, payloadMax } = options;
    const client = clientOptions(kafka);
    const admin = new Admin(client);
    this.#options = options;
    this.#client = client;
    this.#admin = admin;
    this.#topics = topics;
    this.#sender = new TaskSender(client);
    this.#marks = new PartitionMarks(admin, topics);
    this.#dead = new KafkaDeadLetters({
      ...{ client, admin, clock, log, sender: this.#sender, topic: topics.dead, lettersMax: deadLettersMax },
    });
    this.#backlog = new Backlog({ admin, topics, clock, marks: this.#marks, bounds: { tasksMax, payloadMax } });
    this.#due = new DueSignals(clock, (kind) => this.#kinds.get(kind)?.nextDueMs());
    const marks = () => [...this.#kinds.values()].flatMap((kind) => kind.marks());
    this.#doneRecords = new DoneRecords({ admin, clock, log, marks });
    // Random, so that the processes do not write to the same partitions in step.
    this.#turn = Bun.hash.crc32(options.newId());
  }

  async add(tasks: readonly NewTask[]): Promise<{ readonly addedCount: number }> {
    this.#assertOpen();
    if (tasks.length === 0) return { addedCount: 0 };
    const fresh = withoutDuplicates(tasks);
    const count = fresh.length;
    const bytes = fresh.reduce((sum, { payload }) => sum + Buffer.byteLength(payload), 0);
    const { tasksMax, clock } = this.#options;
    if (!(await inTime(this.#backlog.hasRoom(count, bytes), { clock })))
      throw new StoreFailure('overloaded', `${tasksMax} tasks, or their bytes, are waiting: retry later`);
    this.#backlog.reserve(count, bytes);
    try {
      this.#backlog.sent({ sent: await this.#sender.send(this.#recordsOf(fresh)), count, bytes });
    } catch (error) {
      this.#backlog.failed({ count, bytes });
      throw error;
    }
    return { addedCount: count };
  }

  async claim(request: Parameters<TaskConsumer['claim']>[0]): Promise<readonly ClaimedTask[]> {
    this.#assertOpen();
    return this.#kind(request.kind).claim(request);
  }

  async renew({ claims, leaseMs }: Parameters<TaskConsumer['renew']>[0]): Promise<readonly boolean[]> {
    const stood = new Map<Claim, boolean>();
    for (const kind of this.#kinds.values())
      for (const [index, stands] of kind.renew(claims, leaseMs).entries()) {
        const claim = claims[index];
        if (claim && stands) stood.set(claim, true);
      }
    return claims.map((claim) => stood.get(claim) ?? false);
  }

  async settle(settlements: readonly Settlement[]): Promise<readonly boolean[]> {
    this.#assertOpen();
    const outcomes = await Promise.all([...this.#kinds.values()].map((kind) => kind.settle(settlements)));
    return settlements.map((_, index) => outcomes.some((stood) => stood[index]));
  }

  ready(kind: string, signal: AbortSignal): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    this.#kind(kind);
    return this.#due.wait(kind, signal);
  }

  deadLetters(request: Parameters<DeadLetters['deadLetters']>[0]) {
    this.#assertOpen();
    return this.#dead.list(request);
  }

  async replay(choice: DeadLetterChoice): Promise<number> {
    this.#assertOpen();
    const nowMs = this.#options.clock.nowMs();
    return this.#dead.replay(choice, async (letters) => {
      const tasks = letters.map(
        ({ error: _, diedAtMs: __, ...task }): TaskRecord => ({
          ...task,
          ...{ attempt: 0, failureCount: 0, dueAtMs: nowMs },
        }),
      );
      await this.#sender.send(tasks.map((task) => encodeTask(task, this.#placeOf(task, 0))));
    });
  }

  async discard(choice: DeadLetterChoice): Promise<number> {
    this.#assertOpen();
    return this.#dead.discard(choice);
  }

  async replaceDeadLetters(letters: Iterable<MovedLetter>): Promise<number> {
    this.#assertOpen();
    return this.#dead.replaceAll(letters);
  }

  async counts(): Promise<readonly KindCounts[]> {
    this.#assertOpen();
    const { clock } = this.#options;
    const [counts] = await Promise.all([inTime(this.#backlog.look(), { clock }), this.#dead.caughtUp()]);
    const dead = this.#dead.counts();
    return counts
      .map((each) => ({ ...each, dead: dead.get(each.kind) ?? 0 }))
      .filter(({ ready, delayed, claimed, dead }) => ready + delayed + claimed + dead > 0);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#due.close();
    await Promise.all([this.#doneRecords.close(), ...[...this.#kinds.values()].map((kind) => kind.close())]);
    await this.#marks.drain();
    await this.#dead.close();
    await this.#sender.close();
    await this.#admin.close();
  }

  #assertOpen(): void {
    if (this.#isClosed) throw new StoreFailure('unavailable', 'the task queue is closed');
  }

  /** The first call for a kind makes this process a member of the kind's consumer group. */
  #kind(kind: string): KindTasks {
    const known = this.#kinds.get(kind);
    if (known !== undefined) return known;
    const { clock, log } = this.#options;
    this.#dead.start();
    const tasks = new KindTasks({
      ...{ kind, clock, log, client: this.#client, topics: this.#topics, marks: this.#marks },
      onChange: () => this.#due.changed([kind]),
      outcomes: {
        retry: async (records, delayMs) => {
          await this.#sender.send(records.map((record) => encodeTask(record, this.#placeOf(record, delayMs))));
        },
        addDeadLetter: (record, error) => this.#dead.addDeadLetter(record, error),
        isDead: (record) => this.#dead.isDead(record),
      },
    });
    this.#kinds.set(kind, tasks);
    tasks.start();
    return tasks;
  }

  /** The tasks of one call share a partition, so that they are added atomically, except tasks with keys. */
  #recordsOf(tasks: readonly NewTask[]): readonly RecordToSend[] {
    const { clock, newId, partitionCount } = this.#options;
    const nowMs = clock.nowMs();
    const turn = this.#turn++ % partitionCount;
    return tasks.map(({ kind, payload, key, delayMs = 0 }) => {
      const task: TaskRecord = {
        ...{ taskId: newId() as TaskId, kind, payload, addedAtMs: nowMs, dueAtMs: nowMs + delayMs },
        ...{ attempt: 0, failureCount: 0, ...(key === undefined ? {} : { key }) },
      };
      return encodeTask(task, this.#placeOf(task, delayMs, turn));
    });
  }

  /** Tasks of one key have the same partition number in all topics, and so one owner. */
  #placeOf({ kind, key, taskId }: TaskRecord, delayMs: number, turn?: number): { topic: string; partition: number } {
    const { partitionCount } = this.#options;
    const topic = delayMs > 0 ? this.#topics.waiting(kind, delayMs) : this.#topics.ready(kind);
    const partition = key === undefined && turn !== undefined ? turn : Bun.hash.crc32(key ?? taskId) % partitionCount;
    return { topic, partition };
  }
}

/** Keeps the first task of each kind and key. */
function withoutDuplicates(tasks: readonly NewTask[]): readonly NewTask[] {
  const seen = new Set<string>();
  return tasks.filter(({ kind, key }) => {
    if (key === undefined) return true;
    const name = `${kind}\n${key}`;
    return !seen.has(name) && seen.add(name);
  });
}
