// Writes records of tasks, one request at a time. Calls that arrive meanwhile share the next request, and partitions keep their order.

import { Batcher } from '@hongyan/base/batcher';
import { type BaseOptions, ProduceAcks, Producer } from '@platformatic/kafka';
import { produceFailure } from '../../../adapters/kafka/kafka-failure.ts';
import type { PartitionName } from './held-tasks.ts';
import { partitionKey } from './marks.ts';
import type { RecordToSend } from './task-record.ts';

/** The maximum number of waiting calls. Further ones reject with `overloaded`. */
const callsMax = 100_000;
/** The maximum number of calls per request, so that it stays below the limit of brokers for one partition. */
const batchMax = 16;

export interface Sent extends PartitionName {
  /** The offset of the call's last record in this partition. */
  readonly offset: number;
}

export class TaskSender {
  readonly #producer: Producer<Buffer, Buffer, Buffer, Buffer>;
  readonly #batcher: Batcher<readonly RecordToSend[], readonly Sent[]>;

  constructor(client: BaseOptions) {
    this.#producer = new Producer({ ...client, idempotent: true, acks: ProduceAcks.ALL });
    this.#batcher = new Batcher({
      itemsMax: callsMax,
      batchMax,
      inFlightMax: 1,
      handle: (calls) => this.#send(calls),
    });
  }

  /** Records of one partition are written atomically. Resolves when they are as durable as the cluster stores records. */
  send(records: readonly RecordToSend[]): Promise<readonly Sent[]> {
    return records.length === 0 ? Promise.resolve([]) : this.#batcher.submit(records);
  }

  async close(): Promise<void> {
    await this.#batcher.drain();
    await this.#producer.close();
  }

  async #send(calls: readonly (readonly RecordToSend[])[]): Promise<readonly (readonly Sent[])[]> {
    try {
      const { offsets = [] } = await this.#producer.send({ messages: calls.flat() });
      const next = new Map(
        offsets.map(({ topic, partition, offset }) => [partitionKey({ topic, partition }), Number(offset)]),
      );
      return calls.map((records) => lastOffsets(records, next));
    } catch (error) {
      throw produceFailure(error);
    }
  }
}

/** The records of a request are consecutive within each partition. Advances `next`. */
function lastOffsets(records: readonly RecordToSend[], next: Map<string, number>): readonly Sent[] {
  const last = new Map<string, Sent>();
  for (const { topic, partition } of records) {
    const key = partitionKey({ topic, partition });
    const offset = next.get(key) ?? 0;
    next.set(key, offset + 1);
    last.set(key, { topic, partition, offset });
  }
  return [...last.values()];
}
