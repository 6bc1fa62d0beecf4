// Reads records of given partitions, each from the offset that is asked for, as long as there is room for them.

import { type Clock, sleep } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import { type BaseOptions, Consumer, findErrorBy } from '@platformatic/kafka';
import type { PartitionName } from './held-tasks.ts';
import { partitionKey } from './marks.ts';

export interface FetchedRecord {
  readonly offset: number;
  readonly value: Buffer | null;
  readonly key: Buffer | null;
  readonly headers: readonly (readonly [Buffer | null, Buffer | null])[];
}

export interface FetchedPartition extends PartitionName {
  /** What was asked for. */
  readonly askedOffset: number;
  readonly records: readonly FetchedRecord[];
  /** After the last record; records that were compacted away leave holes before it. */
  readonly nextOffset: number;
}

export interface Wanted extends PartitionName {
  readonly offset: number;
}

export interface FetcherOptions {
  readonly client: BaseOptions;
  readonly topics: readonly string[];
  /** Asked before each fetch. */
  readonly wanted: () => readonly Wanted[];
  /** The next fetch of the partition comes after it. Rejections are logged, and the partition is asked for again. */
  readonly onRecords: (fetched: FetchedPartition) => Promise<void> | void;
  /** What was asked for has been removed, or is not there yet: where the partitions begin has to be looked up. */
  readonly onOutOfRange: () => Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
}

const partitionBytesMax = 1024 * 1024;
const fetchBytesMax = 8 * 1024 * 1024;
/** How long a broker holds a fetch that finds nothing. */
const waitMs = 500;
const pauseMs = 500;

export class Fetcher {
  readonly #options: FetcherOptions;
  readonly #consumer: Consumer;
  readonly #busy = new Set<number>();
  readonly #stop = new AbortController();
  readonly #running = new Set<Promise<void>>();
  #isLooking = false;
  #mustLook = false;

  constructor(options: FetcherOptions) {
    this.#options = options;
    // It joins no group: the name is asked for all the same.
    this.#consumer = new Consumer({ ...options.client, retries: 0, groupId: `${options.client.clientId}-reader` });
    for (const topic of options.topics) this.#consumer.topics.track(topic);
  }

  /** Something is wanted that was not before. */
  look(): void {
    this.#mustLook = true;
    if (!this.#isLooking) void this.#look();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#running);
    await this.#consumer.close();
  }

  async #look(): Promise<void> {
    this.#isLooking = true;
    while (this.#mustLook && !this.#stop.signal.aborted) {
      this.#mustLook = false;
      try {
        for (const [node, wanted] of await this.#byNode()) this.#start(node, wanted);
      } catch (error) {
        await this.#failed(error);
        this.#mustLook = true;
      }
    }
    this.#isLooking = false;
  }

  async #byNode(): Promise<ReadonlyMap<number, readonly Wanted[]>> {
    const wanted = this.#options.wanted();
    if (wanted.length === 0) return new Map();
    const { topics } = await this.#consumer.metadata({ topics: this.#consumer.topics.current });
    return Map.groupBy(wanted, ({ topic, partition }) => topics.get(topic)?.partitions[partition]?.leader ?? -1);
  }

  #start(node: number, wanted: readonly Wanted[]): void {
    if (this.#busy.has(node)) return;
    this.#busy.add(node);
    const running = this.#fetch(node, wanted).catch((error: unknown) => this.#failed(error));
    this.#running.add(running);
    void running.then(() => {
      this.#running.delete(running);
      this.#busy.delete(node);
      this.look();
    });
  }

  async #fetch(node: number, wanted: readonly Wanted[]): Promise<void> {
    const { topics } = await this.#consumer.metadata({ topics: this.#consumer.topics.current });
    const byTopic = Map.groupBy(wanted, ({ topic }) => topics.get(topic)?.id ?? '');
    const response = await this.#consumer.fetch({
      node,
      maxWaitTime: waitMs,
      minBytes: 1,
      maxBytes: fetchBytesMax,
      topics: Array.from(byTopic, ([topicId, partitions]) => ({
        topicId,
        partitions: partitions.map(({ partition, offset }) => ({
          ...{ partition, fetchOffset: BigInt(offset), partitionMaxBytes: partitionBytesMax },
          ...{ currentLeaderEpoch: -1, lastFetchedEpoch: -1 },
        })),
      })),
    });
    if (this.#stop.signal.aborted) return;
    const names = new Map(Array.from(byTopic, ([id, [first]]) => [id, first?.topic ?? '']));
    for (const fetched of recordsOf(response, names, wanted)) await this.#options.onRecords(fetched);
  }

  async #failed(error: unknown): Promise<void> {
    if (this.#stop.signal.aborted) return;
    const { log, clock, onOutOfRange } = this.#options;
    log.warn('records not read, to be asked for again', { error });
    if (findErrorBy(error instanceof Error ? error : null, 'apiId', 'OFFSET_OUT_OF_RANGE'))
      await onOutOfRange().catch((lost: unknown) => log.warn('beginning of partitions not found', { error: lost }));
    this.#consumer.clearMetadata();
    await sleep(clock, { delayMs: pauseMs, signal: this.#stop.signal });
  }
}

type FetchResponse = Awaited<ReturnType<Consumer['fetch']>>;

function recordsOf(
  response: FetchResponse,
  names: ReadonlyMap<string, string>,
  wanted: readonly Wanted[],
): readonly FetchedPartition[] {
  const offsets = new Map(wanted.map((each) => [partitionKey(each), each.offset]));
  const fetched: FetchedPartition[] = [];
  for (const { topicId, partitions } of response.responses)
    for (const { partitionIndex, records: batches } of partitions) {
      const name = { topic: names.get(topicId) ?? '', partition: partitionIndex };
      const from = offsets.get(partitionKey(name));
      const last = batches?.at(-1);
      if (from === undefined || !batches || last === undefined) continue;
      const records = batches.flatMap((batch) =>
        batch.records.map(({ offsetDelta, ...record }) => ({
          ...record,
          offset: Number(batch.firstOffset) + offsetDelta,
        })),
      );
      fetched.push({
        ...name,
        askedOffset: from,
        // A batch is sent whole, also when the offset asked for lies within it.
        records: records.filter(({ offset }) => offset >= from),
        nextOffset: Number(last.firstOffset) + last.lastOffsetDelta + 1,
      });
    }
  return fetched;
}
