// A topic for one test on servers that many tests share, with clients that end with the test.

import { systemClock } from '@hongyan/base/clock';
import { silentLog } from '@hongyan/base/log';
import type { Scratch } from '@hongyan/testing/scratch';
import { GroupConsumer } from '../group-consumer.ts';
import type { KafkaOptions } from '../kafka-options.ts';
import { KafkaProducer, type KafkaProducerOptions } from '../kafka-producer.ts';
import type { LogRecord, PartitionReader } from '../partition-reader.ts';
import { ensureTopics, type Topic } from '../topics.ts';

export class TestTopic {
  readonly kafka: KafkaOptions;
  readonly #closers: (() => Promise<void>)[] = [];
  #topic: Topic = { name: '', partitions: 0 };

  constructor(brokers: readonly string[], { prefix }: Pick<Scratch, 'prefix'>) {
    this.kafka = { brokers, clientId: prefix, prefix: `${prefix}.` };
  }

  async make(partitions: number, replicas = 1, recordBytesMax = 1024 * 1024): Promise<this> {
    const request = { name: 'records', partitions, replicas, retentionMs: 3_600_000, recordBytesMax };
    const [topic] = await ensureTopics(this.kafka, [request]);
    if (topic) this.#topic = topic;
    return this;
  }

  get name(): string {
    return this.#topic.name;
  }

  get partitions(): number {
    return this.#topic.partitions;
  }

  producer(bounds: Partial<Pick<KafkaProducerOptions, 'recordsMax' | 'bytesMax' | 'retriesMax'>> = {}): KafkaProducer {
    const producer = new KafkaProducer({
      ...{ kafka: this.kafka, clock: systemClock, recordsMax: 10_000, bytesMax: 64 * 2 ** 20 },
      ...bounds,
    });
    this.#closers.push(() => producer.close());
    return producer;
  }

  consumer(runPartition: (reader: PartitionReader) => Promise<void>): GroupConsumer {
    const consumer = new GroupConsumer({
      ...{ kafka: this.kafka, topic: this.name, group: 'readers', runPartition, sessionTimeoutMs: 6_000 },
      ...{ clock: systemClock, log: silentLog },
    });
    this.#closers.push(() => consumer.close());
    return consumer;
  }

  async close(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) await close();
  }
}

/** Reads a partition from the owner's offset to its end, and passes the records on. */
export function readingFrom(offsets: Map<number, number>, take: (record: LogRecord, partition: number) => void) {
  return async (reader: PartitionReader): Promise<void> => {
    const { partition } = reader;
    reader.seek(offsets.get(partition) ?? 0);
    while (!reader.signal.aborted)
      for (const record of await reader.next()) {
        // Records that an aborted reader has not passed on belong to the next owner.
        if (reader.signal.aborted) return;
        offsets.set(partition, record.offset + 1);
        take(record, partition);
      }
  };
}
