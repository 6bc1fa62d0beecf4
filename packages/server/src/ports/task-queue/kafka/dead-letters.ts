// Dead letters: a compacted topic with a record per dead letter. Each process that needs them keeps a table of the topic up to date.

import { type Clock, systemClock } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import { StoreFailure } from '@hongyan/base/result';
import type { Admin, BaseOptions } from '@platformatic/kafka';
import { askFailure } from '../../../adapters/kafka/kafka-failure.ts';
import type { DeadLetter, DeadLetterChoice, DeadLetters, MovedLetter, TaskId } from '../task-queue.ts';
import { type FetchedPartition, type FetchedRecord, Fetcher } from './fetcher.ts';
import { inTime } from './in-time.ts';
import {
  type DeadRecord,
  decodeTask,
  encodeTask,
  type RecordToSend,
  type TaskRecord,
  tombstone,
} from './task-record.ts';
import type { TaskSender } from './task-sender.ts';

export interface KafkaDeadLettersOptions {
  readonly client: BaseOptions;
  readonly topic: string;
  readonly admin: Admin;
  readonly sender: TaskSender;
  /** The maximum number of dead letters. The oldest are removed. */
  readonly lettersMax: number;
  readonly clock: Clock;
  readonly log: Log;
}

/** Without the payload, which may be long and stays in the topic. */
interface Entry extends Omit<DeadRecord, 'payload'> {
  readonly offset: number;
}

/** The size of the parts in which dead letters are sent. */
const partBytesMax = 8 * 1024 * 1024;

export class KafkaDeadLetters {
  readonly #options: KafkaDeadLettersOptions;
  readonly #fetcher: Fetcher;
  /** In offset order. */
  readonly #entries = new Map<TaskId, Entry>();
  readonly #byKey = new Map<string, TaskId>();
  #nextOffset = 0;
  #isStarted = false;
  /** Resolves when more records have been read. */
  #more = Promise.withResolvers<void>();
  readonly #closed = new AbortController();

  constructor(options: KafkaDeadLettersOptions) {
    this.#options = options;
    this.#fetcher = this.#reader(
      () => this.#nextOffset,
      (fetched) => this.#read(fetched),
    );
  }

  /** The counts by kind, as far as the topic has been read. */
  counts(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const { kind } of this.#entries.values()) counts.set(kind, (counts.get(kind) ?? 0) + 1);
    return counts;
  }

  async addDeadLetter(task: TaskRecord, error: string): Promise<void> {
    const { sender, topic, lettersMax, clock } = this.#options;
    await this.caughtUp();
    const letter: DeadRecord = { ...task, error, diedAtMs: clock.nowMs() };
    const oldest = [...this.#entries.keys()].slice(0, Math.max(0, this.#entries.size + 1 - lettersMax));
    await sender.send([
      encodeTask(letter, { topic, partition: 0 }),
      ...oldest.map((taskId) => tombstone(taskId, topic)),
    ]);
  }

  /** Replaces all dead letters by these, which keep their ids. Idempotent. Dead letters beyond the bound are removed with the next one. */
  async replaceAll(letters: Iterable<MovedLetter>): Promise<number> {
    const { sender, topic } = this.#options;
    await this.caughtUp();
    const gone = new Set(this.#entries.keys());
    let count = 0;
    let part: RecordToSend[] = [];
    let bytes = 0;
    for (const letter of letters) {
      count++;
      if (gone.delete(letter.taskId)) continue;
      const record = { ...letter, dueAtMs: letter.addedAtMs, attempt: letter.failureCount };
      part.push(encodeTask(record, { topic, partition: 0 }));
      bytes += letter.payload.length;
      if (bytes < partBytesMax) continue;
      await sender.send(part);
      [part, bytes] = [[], 0];
    }
    await sender.send(part);
    await sender.send([...gone].map((taskId) => tombstone(taskId, topic)));
    return count;
  }

  /** Whether another dead letter has the same kind and key. */
  async isDead(task: TaskRecord): Promise<boolean> {
    if (task.key === undefined || !this.#hasOther(task)) return false;
    // The dead letter may have been removed meanwhile.
    await this.caughtUp();
    return this.#hasOther(task);
  }

  async list({ kind, before, limit }: Parameters<DeadLetters['deadLetters']>[0]): Promise<readonly DeadLetter[]> {
    await this.caughtUp();
    const newest = [...this.#entries.values()].reverse();
    const place = before === undefined ? -1 : newest.findIndex(({ taskId }) => taskId === before);
    const chosen = newest.slice(place + 1).filter((entry) => kind === undefined || entry.kind === kind);
    const letters = new Map<TaskId, DeadLetter>();
    await this.#payloads(chosen.slice(0, limit), async (letter) => void letters.set(letter.taskId, letter));
    return chosen.map(({ taskId }) => letters.get(taskId)).filter((letter) => letter !== undefined);
  }

  /** Passes the dead letters to `add` in parts, and removes them when `add` has resolved, which makes them durable. */
  async replay(choice: DeadLetterChoice, add: (tasks: readonly DeadRecord[]) => Promise<void>): Promise<number> {
    const { sender, topic } = this.#options;
    const chosen = await this.#choose(choice);
    let part: DeadRecord[] = [];
    let bytes = 0;
    const flush = async () => {
      const [letters] = [part];
      [part, bytes] = [[], 0];
      if (letters.length === 0) return;
      await add(letters);
      await sender.send(letters.map(({ taskId }) => tombstone(taskId, topic)));
    };
    await this.#payloads(chosen, async (letter) => {
      part.push(letter);
      bytes += letter.payload.length;
      if (bytes >= partBytesMax) await flush();
    });
    await flush();
    return chosen.length;
  }

  async discard(choice: DeadLetterChoice): Promise<number> {
    const { sender, topic } = this.#options;
    const chosen = await this.#choose(choice);
    await sender.send(chosen.map(({ taskId }) => tombstone(taskId, topic)));
    return chosen.length;
  }

  /**
   * Resolves when all records that were written before the call are read. Rejects with `unavailable` when nothing more is read in time.
   */
  async caughtUp(): Promise<void> {
    this.start();
    const end = await this.#inTime(this.#end());
    while (this.#nextOffset < end) await this.#inTime(this.#more.promise);
  }

  start(): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    this.#fetcher.look();
  }

  async close(): Promise<void> {
    this.#closed.abort(new StoreFailure('unavailable', 'the task queue is closed'));
    await this.#fetcher.close();
  }

  async #choose(choice: DeadLetterChoice): Promise<readonly Entry[]> {
    await this.caughtUp();
    if ('kind' in choice) return [...this.#entries.values()].filter(({ kind }) => kind === choice.kind);
    return choice.taskIds.map((taskId) => this.#entries.get(taskId)).filter((entry) => entry !== undefined);
  }

  #hasOther({ kind, key, taskId }: TaskRecord): boolean {
    const dead = this.#byKey.get(`${kind}\n${key}`);
    return dead !== undefined && dead !== taskId;
  }

  async #end(): Promise<number> {
    const { admin, topic } = this.#options;
    try {
      const [end] = await admin.listOffsets({
        topics: [{ name: topic, partitions: [{ partitionIndex: 0, timestamp: -1n }] }],
      });
      return Number(end?.partitions[0]?.offset ?? 0);
    } catch (error) {
      throw askFailure(error);
    }
  }

  /** Reads the topic again from the first to the last of these entries. */
  async #payloads(entries: readonly Entry[], visit: (letter: DeadRecord) => Promise<void>): Promise<void> {
    const wanted = new Set(entries.map(({ offset }) => offset));
    if (wanted.size === 0) return;
    let next = Math.min(...wanted);
    const last = Math.max(...wanted);
    let pending: PromiseWithResolvers<FetchedPartition> | undefined;
    const reader = this.#reader(
      () => (pending === undefined ? undefined : next),
      (fetched) => {
        pending?.resolve(fetched);
        pending = undefined;
      },
    );
    try {
      // Records that were compacted away are skipped.
      while (wanted.size > 0 && next <= last) {
        pending = Promise.withResolvers();
        reader.look();
        const { records, nextOffset } = await this.#inTime(pending.promise);
        for (const record of records) {
          const letter = wanted.delete(record.offset) ? decodeTask<DeadRecord>(record) : undefined;
          if (letter !== undefined) await visit(letter);
        }
        next = Math.max(next, nextOffset);
      }
    } finally {
      await reader.close();
    }
  }

  #inTime<T>(answer: Promise<T>): Promise<T> {
    return inTime(answer, { clock: this.#options.clock, signal: this.#closed.signal });
  }

  /** Reads nothing while `next` returns undefined. */
  #reader(next: () => number | undefined, onRecords: (fetched: FetchedPartition) => void): Fetcher {
    const { client, topic, log } = this.#options;
    return new Fetcher({
      ...{ client, log, clock: systemClock, topics: [topic], onRecords },
      wanted: () => {
        const offset = next();
        return offset === undefined ? [] : [{ topic, partition: 0, offset }];
      },
      onOutOfRange: async () => undefined,
    });
  }

  #read({ records, nextOffset }: FetchedPartition): void {
    for (const record of records) this.#readOne(record);
    this.#nextOffset = nextOffset;
    this.#more.resolve();
    this.#more = Promise.withResolvers();
  }

  #readOne(record: FetchedRecord): void {
    const taskId = record.key?.toString() as TaskId | undefined;
    if (taskId === undefined) return;
    const known = this.#entries.get(taskId);
    this.#entries.delete(taskId);
    if (known?.key !== undefined) this.#byKey.delete(`${known.kind}\n${known.key}`);
    const letter = decodeTask<DeadRecord>(record);
    if (letter === undefined) return;
    const { payload: _, ...entry } = letter;
    this.#entries.set(taskId, { ...entry, offset: record.offset });
    if (entry.key !== undefined) this.#byKey.set(`${entry.kind}\n${entry.key}`, taskId);
  }
}
