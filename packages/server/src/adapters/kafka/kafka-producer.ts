// Produces to Kafka with one request in flight, while the next batch collects. With several requests in flight, the death of a broker
// could reorder and duplicate the records of a key. One at a time is also faster, because a request costs the same for 1 record as for
// 100.

import { Batcher } from '@hongyan/base/batcher';
import type { Clock } from '@hongyan/base/clock';
import { StoreFailure } from '@hongyan/base/result';
import { Producer } from '@platformatic/kafka';
import { produceFailure, RecordsRefused } from './kafka-failure.ts';
import { clientOptions, type KafkaOptions } from './kafka-options.ts';

export interface KafkaProducerOptions {
  readonly kafka: KafkaOptions;
  /** The maximum number of records that wait or are in flight. Further ones fail as `overloaded`. */
  readonly recordsMax: number;
  /** The maximum size of these records. Further ones fail as `overloaded`. */
  readonly bytesMax: number;
  /** The maximum number of retries of a request, some hundred milliseconds apart. Default 15, about ten seconds. */
  readonly retriesMax?: number;
  /** The minimum interval between requests under load, so that records share a request. A single record does not wait. */
  readonly minIntervalMs?: number;
  readonly clock: Clock;
}

export interface NewRecord {
  /** Includes the prefix. */
  readonly topic: string;
  /** Records of one key keep their order. */
  readonly key: string;
  readonly value: Buffer;
  /** Called right before the record is sent. false: the sender has timed out, and the record is not sent. */
  readonly leaves?: () => boolean;
}

const requestRecordsMax = 2_000;
/** Half of the default message.max.bytes of brokers. */
const requestBytesMax = 512 * 1024;
const minIntervalMsDefault = 2;

/** undefined: all in-sync replicas have the record. */
type Sent = StoreFailure | undefined;

export class KafkaProducer {
  readonly #producer: Producer;
  readonly #bytesMax: number;
  readonly #batcher: Batcher<NewRecord, Sent>;
  #bytes = 0;
  /**
   * The last request failed without being rejected. Before the next one the producer checks whether Kafka answers, so that its senders
   * do not wait for all retries again.
   */
  #isAway = false;

  constructor(options: KafkaProducerOptions) {
    const { kafka, recordsMax, bytesMax, retriesMax = 15, minIntervalMs = minIntervalMsDefault, clock } = options;
    this.#bytesMax = bytesMax;
    this.#producer = new Producer({ ...clientOptions(kafka), idempotent: true, retries: retriesMax });
    this.#batcher = new Batcher({
      itemsMax: recordsMax,
      batchMax: requestRecordsMax,
      inFlightMax: 1,
      pace: { clock, minIntervalMs },
      handle: (batch) => this.#produce(batch),
    });
  }

  /** The number of records that wait or are in flight. */
  get depth(): number {
    return this.#batcher.depth;
  }

  /**
   * Resolves when all in-sync replicas have the record. Rejects with StoreFailure. With `unknown_outcome` the record may have been written,
   * or may be written later; with any other code it is not.
   */
  async send(record: NewRecord): Promise<void> {
    const size = sizeOf(record);
    if (this.#bytes + size > this.#bytesMax)
      throw new StoreFailure('overloaded', 'too many bytes wait for Kafka; retry later');
    this.#bytes += size;
    try {
      const failure = await this.#batcher.submit(record);
      if (failure) throw failure;
    } finally {
      this.#bytes -= size;
    }
  }

  /** Rejects new records, waits for the accepted ones, and closes the connections. */
  async close(): Promise<void> {
    await this.#batcher.drain();
    await this.#producer.close(true);
  }

  /** After a failed request the rest of the batch is not sent, because the failed one may be written later. A rejected request is never written. */
  async #produce(batch: readonly NewRecord[]): Promise<readonly Sent[]> {
    if (this.#isAway && !(await this.#answers())) return batch.map(() => away);
    const sent: Sent[] = [];
    let failed = false;
    for (const records of requestsOf(batch)) {
      const results = failed ? records.map(() => notSent) : await this.#request(records);
      failed ||= this.#isAway;
      sent.push(...results);
    }
    return sent;
  }

  async #request(records: readonly NewRecord[]): Promise<readonly Sent[]> {
    const leaving = new Set(records.filter(({ leaves }) => leaves?.() ?? true));
    const failure = leaving.size === 0 ? undefined : await this.#send([...leaving]);
    this.#isAway = failure !== undefined && !(failure instanceof RecordsRefused);
    return records.map((record) => (leaving.has(record) ? failure : expired));
  }

  async #send(records: readonly NewRecord[]): Promise<Sent> {
    try {
      const messages = records.map(({ topic, key, value }) => ({ topic, key: Buffer.from(key), value }));
      await this.#producer.send({ messages });
      return undefined;
    } catch (error) {
      return produceFailure(error);
    }
  }

  async #answers(): Promise<boolean> {
    try {
      await this.#producer.metadata({ topics: [], forceUpdate: true, retries: 0 });
      return true;
    } catch {
      // The senders fail with `away`. The failure of the previous request has the cause.
      return false;
    }
  }
}

const away = new StoreFailure('unavailable', 'Kafka does not answer; retry later');
const expired = new StoreFailure('unavailable', 'the record waited for Kafka longer than its sender; retry later');
const notSent = new StoreFailure('unavailable', 'an earlier request to Kafka failed; retry later');

const sizeOf = ({ key, value }: NewRecord): number => key.length + value.length + 100;

/** Splits a batch into requests that a broker accepts, in order. */
function requestsOf(batch: readonly NewRecord[]): readonly (readonly NewRecord[])[] {
  const requests: NewRecord[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const record of batch) {
    const size = sizeOf(record);
    if (bytes + size > requestBytesMax) {
      requests.push([]);
      bytes = 0;
    }
    requests.at(-1)?.push(record);
    bytes += size;
  }
  return requests;
}
