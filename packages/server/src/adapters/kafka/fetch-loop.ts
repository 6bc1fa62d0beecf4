// Fetches records for the readers of a topic: one request per broker at a time, for all partitions that the broker leads. The readers
// decide the offsets, independently of the consumer group.

import type { Clock } from '@hongyan/base/clock';
import { sleep } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import { Consumer, type FetchOptions, IS_CONTROL, protocolErrors } from '@platformatic/kafka';
import { clientOptions, type KafkaOptions } from './kafka-options.ts';
import type { LogRecord, PartitionReader } from './partition-reader.ts';

export interface FetchLoopOptions {
  readonly kafka: KafkaOptions;
  /** Includes the prefix. */
  readonly topic: string;
  readonly readers: () => Iterable<PartitionReader>;
  readonly clock: Clock;
  readonly log: Log;
}

/** A broker answers at once when it has records, otherwise after this time. */
const waitMs = 200;
/**
 * The interval between requests to a broker under load, so that records share a request and its processing, which cost about the same for
 * one record as for a hundred. A single record does not wait, and a response with this many records is followed at once.
 */
const gathering = { minIntervalMs: 15, records: 100 };
const partitionBytesMax = 1024 * 1024;
const responseBytesMax = 16 * 1024 * 1024;
const pauseMs = 200;
/** After this many failures in a row the client is replaced. */
const failuresMax = 5;

type FetchRequestTopic = FetchOptions<Buffer, Buffer, Buffer, Buffer>['topics'][number];
type FetchResponse = Awaited<ReturnType<Consumer['fetch']>>;

interface Wanted {
  readonly reader: PartitionReader;
  readonly offset: number;
  readonly seeks: number;
}

export class FetchLoop {
  readonly #options: FetchLoopOptions;
  readonly #closing = new AbortController();
  #client: Consumer;
  readonly #busyNodes = new Set<number>();
  #failures = 0;
  #isScheduled = false;

  constructor(options: FetchLoopOptions) {
    this.#options = options;
    this.#client = this.#connect();
  }

  /** Call it when a reader wants records. */
  fetchSoon(): void {
    if (this.#isScheduled || this.#closing.signal.aborted) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      void this.#fetchAll();
    });
  }

  /** The oldest retained offset and the end of the log. Rejects with the client's error. */
  async range(partition: number): Promise<{ readonly first: number; readonly end: number }> {
    const { topic } = this.#options;
    const [first, end] = await Promise.all(
      [-2n, -1n].map(async (timestamp) => {
        const offsets = await this.#client.listOffsets({
          topics: [topic],
          partitions: { [topic]: [partition] },
          timestamp,
        });
        return Number(offsets.get(topic)?.[partition] ?? 0n);
      }),
    );
    return { first: first ?? 0, end: end ?? 0 };
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#client.close(true);
  }

  #connect(): Consumer {
    const { kafka, topic } = this.#options;
    // The library requires a group id, but this client does not join the group.
    const client = new Consumer({
      ...clientOptions(kafka),
      retries: 0,
      groupId: `${topic}-reader`,
      maxWaitTime: waitMs,
      minBytes: 1,
    });
    client.topics.track(topic);
    return client;
  }

  async #fetchAll(): Promise<void> {
    try {
      const { topic } = this.#options;
      const metadata = await this.#client.metadata({ topics: [topic] });
      const found = metadata.topics.get(topic);
      if (found === undefined) throw new Error(`the topic ${topic} does not exist`);
      const byLeader = new Map<number, Wanted[]>();
      for (const reader of this.#options.readers()) {
        const wanted = reader.wanted;
        const leader = found.partitions[reader.partition]?.leader;
        if (wanted === undefined || leader === undefined || this.#busyNodes.has(leader)) continue;
        const ofLeader = byLeader.get(leader) ?? [];
        ofLeader.push({ reader, ...wanted });
        byLeader.set(leader, ofLeader);
      }
      for (const [node, wanted] of byLeader) void this.#fetch(node, found.id, wanted);
    } catch (error) {
      await this.#failed(error);
      this.fetchSoon();
    }
  }

  async #fetch(node: number, topicId: string, wanted: readonly Wanted[]): Promise<void> {
    this.#busyNodes.add(node);
    const client = this.#client;
    const { clock } = this.#options;
    const beganMs = clock.monotonicMs();
    try {
      const response = await client.fetch({
        node,
        topics: [requestOf(topicId, wanted)],
        maxWaitTime: waitMs,
        maxBytes: responseBytesMax,
      });
      this.#failures = 0;
      const count = deliver(response, wanted);
      const delayMs = beganMs + gathering.minIntervalMs - clock.monotonicMs();
      if (count < gathering.records && delayMs > 0) await sleep(clock, { delayMs, signal: this.#closing.signal });
    } catch (error) {
      if (!isAnswered(error, wanted)) await this.#failed(error, client);
    } finally {
      this.#busyNodes.delete(node);
      this.fetchSoon();
    }
  }

  async #failed(error: unknown, client = this.#client): Promise<void> {
    const { clock, log, topic } = this.#options;
    const { signal } = this.#closing;
    if (signal.aborted) return;
    this.#failures++;
    log.warn('fetching from Kafka failed', { topic, failures: this.#failures, error });
    client.clearMetadata();
    if (this.#failures >= failuresMax && client === this.#client) {
      this.#failures = 0;
      this.#client = this.#connect();
      client.close(true).catch((closing: unknown) => log.warn('failed to close a Kafka client', { error: closing }));
    }
    await sleep(clock, { delayMs: pauseMs, signal });
  }
}

const requestOf = (topicId: string, wanted: readonly Wanted[]): FetchRequestTopic => ({
  topicId,
  partitions: wanted.map(({ reader, offset }) => ({
    partition: reader.partition,
    fetchOffset: BigInt(offset),
    partitionMaxBytes: partitionBytesMax,
    currentLeaderEpoch: -1,
    lastFetchedEpoch: -1,
  })),
});

/** Passes the records to their readers. Returns the number of records. */
function deliver(response: FetchResponse, wanted: readonly Wanted[]): number {
  let count = 0;
  for (const { partitions } of response.responses)
    for (const { partitionIndex, records, highWatermark } of partitions) {
      const request = wanted.find(({ reader }) => reader.partition === partitionIndex);
      if (!request) continue;
      request.reader.endsAt(Number(highWatermark));
      if (!records || records.length === 0) continue;
      const fetched = recordsOf(records);
      count += fetched.records.length;
      request.reader.fetched(request.seeks, fetched);
    }
  return count;
}

type RecordBatches = NonNullable<FetchResponse['responses'][number]['partitions'][number]['records']>;

function recordsOf(batches: RecordBatches): { records: readonly LogRecord[]; nextOffset: number } {
  const records: LogRecord[] = [];
  let nextOffset = 0;
  for (const batch of batches) {
    const first = Number(batch.firstOffset);
    nextOffset = first + batch.lastOffsetDelta + 1;
    if (batch.attributes & IS_CONTROL) continue;
    for (const { offsetDelta, key, value, timestampDelta } of batch.records)
      records.push({
        offset: first + offsetDelta,
        key: key?.toString() ?? '',
        value: value ?? Buffer.alloc(0),
        timestampMs: Number(batch.firstTimestamp + timestampDelta),
      });
  }
  return { records, nextOffset };
}

/** true when only some offsets are out of range: their readers fail, and the next request fetches the other partitions again. */
function isAnswered(error: unknown, wanted: readonly Wanted[]): boolean {
  const response = responseOf(error);
  if (response === undefined) return false;
  const outside = response.responses
    .flatMap(({ partitions }) => partitions)
    .filter(({ errorCode }) => errorCode === protocolErrors.OFFSET_OUT_OF_RANGE?.code);
  for (const { partitionIndex } of outside) {
    const request = wanted.find(({ reader }) => reader.partition === partitionIndex);
    request?.reader.fail(request.seeks, `offset ${request.offset} is not in the log`);
  }
  return outside.length > 0;
}

function responseOf(error: unknown): FetchResponse | undefined {
  const { response, errors = [] } = error as { response?: FetchResponse; errors?: readonly unknown[] };
  if (response?.responses) return response;
  for (const inner of errors) {
    const found = responseOf(inner);
    if (found) return found;
  }
  return undefined;
}
