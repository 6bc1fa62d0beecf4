// Reads the records of given partitions from requested offsets, while there is room for them.

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
  /** The requested offset. */
  readonly requestedOffset: number;
  readonly records: readonly FetchedRecord[];
  /** The offset after the last record. Compacted records leave holes before it. */
  readonly nextOffset: number;
}

export interface Wanted extends PartitionName {
  readonly offset: number;
}

export interface FetcherOptions {
  readonly client: BaseOptions;
  readonly topics: readonly string[];
  /** Called before each fetch. */
  readonly wanted: () => readonly Wanted[];
  /** The next fetch of the partition waits for it. Rejections are logged, and the records are fetched again. */
  readonly onRecords: (fetched: FetchedPartition) => Promise<void> | void;
  /** The requested offset is out of range. The caller must look up where the partitions begin. */
  readonly onOutOfRange: () => Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
}

const partitionBytesMax = 1024 * 1024;
const fetchBytesMax = 8 * 1024 * 1024;
/** The time for which a broker holds a fetch without records. */
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
    // The library requires a group id, but this client joins no group.
    this.#consumer = new Consumer({ ...options.client, retries: 0, groupId: `${options.client.clientId}-reader` });
    for (const topic of options.topics) this.#consumer.topics.track(topic);
  }

  /** Call it when more records are wanted. */
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
    log.warn('failed to read records, retrying', { error });
    if (findErrorBy(error instanceof Error ? error : null, 'apiId', 'OFFSET_OUT_OF_RANGE'))
      await onOutOfRange().catch((lost: unknown) =>
        log.warn('failed to look up the start of partitions', { error: lost }),
      );
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
        requestedOffset: from,
        // Kafka returns whole batches, even when the requested offset is within one.
        records: records.filter(({ offset }) => offset >= from),
        nextOffset: Number(last.firstOffset) + last.lastOffsetDelta + 1,
      });
    }
  return fetched;
}
