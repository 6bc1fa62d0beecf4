// Writes records of tasks, one request at a time: what comes meanwhile shares the next one, and a partition keeps its order.

import { Batcher } from '@hongyan/base/batcher';
import { type BaseOptions, ProduceAcks, Producer } from '@platformatic/kafka';
import { produceFailure } from '../../../adapters/kafka/kafka-failure.ts';
import type { PartitionName } from './held-tasks.ts';
import { partitionKey } from './marks.ts';
import type { RecordToSend } from './task-record.ts';

/** Calls that wait for their request; further ones reject with `overloaded`. */
const callsMax = 100_000;
/** Of one request, together under what a broker takes for one partition. */
const batchMax = 16;

export interface Sent extends PartitionName {
  /** Of the last record of the call in this partition. */
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

  /** Those of one partition are added all or none. Resolves when they are as durable as the cluster keeps records. */
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

/** A request's records of one partition follow each other. `next` moves on. */
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
