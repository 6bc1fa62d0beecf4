// Produces to Kafka with one request under way: while it is, the next batch collects. Several open requests would break the order
// of a key when a broker dies, and write records twice; one at a time is also faster, since a request costs the same for 1 record as for 100.

import { Batcher } from '@hongyan/base/batcher';
import type { Clock } from '@hongyan/base/clock';
import { StoreFailure } from '@hongyan/base/result';
import { Producer } from '@platformatic/kafka';
import { produceFailure, RecordsRefused } from './kafka-failure.ts';
import { clientOptions, type KafkaOptions } from './kafka-options.ts';

export interface KafkaProducerOptions {
  readonly kafka: KafkaOptions;
  /** Records that wait or are under way; further ones are refused as overloaded. */
  readonly recordsMax: number;
  /** The same of their bytes. */
  readonly bytesMax: number;
  /** Tries of a request that no broker takes, some hundred milliseconds apart; default 15, about ten seconds. */
  readonly retriesMax?: number;
  /** Requests begin so far apart under load, so that records share them; a lone record does not wait. */
  readonly minIntervalMs?: number;
  readonly clock: Clock;
}

export interface NewRecord {
  /** With the prefix. */
  readonly topic: string;
  /** Records of one key keep their order. */
  readonly key: string;
  readonly value: Buffer;
  /** Asked right before the record leaves for Kafka; false: nobody waits for it any more, and it is not sent. */
  readonly leaves?: () => boolean;
}

/** Of one request. */
const requestRecordsMax = 2_000;
/** Half of what a broker takes by default (message.max.bytes). */
const requestBytesMax = 512 * 1024;
/** By default. */
const minIntervalMsDefault = 2;

/** undefined: all in-sync replicas have the record. */
type Sent = StoreFailure | undefined;

export class KafkaProducer {
  readonly #producer: Producer;
  readonly #bytesMax: number;
  readonly #batcher: Batcher<NewRecord, Sent>;
  #bytes = 0;
  /** The last request failed, and was not refused: Kafka is asked whether it is there before the next one, whose senders would wait as long again. */
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

  /** Records that wait or are under way. */
  get depth(): number {
    return this.#batcher.depth;
  }

  /**
   * Resolves once all in-sync replicas have the record. Rejects with StoreFailure: with `unknown_outcome` it may be written all the
   * same, also later; otherwise it is not.
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

  /** Refuses new records, waits for those accepted, and closes the connections. */
  async close(): Promise<void> {
    await this.#batcher.drain();
    await this.#producer.close(true);
  }

  /** Once a request failed, those behind it are not sent: they would overtake it if it were written late. One that was refused is not. */
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
      // The senders learn that Kafka is away, and why the log of the request before says.
      return false;
    }
  }
}

const away = new StoreFailure('unavailable', 'Kafka does not answer; retry later');
const expired = new StoreFailure('unavailable', 'the record waited for Kafka longer than its sender; retry later');
const notSent = new StoreFailure('unavailable', 'a request before this one was not taken by Kafka; retry later');

const sizeOf = ({ key, value }: NewRecord): number => key.length + value.length + 100;

/** Parts that a broker takes as one request, in order. */
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
