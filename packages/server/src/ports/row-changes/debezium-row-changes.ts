// Row changes from Kafka, as Debezium writes them from the binary log of MySQL or MariaDB: one topic per table, in JSON.

import type { Clock } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import { GroupConsumer } from '../../adapters/kafka/group-consumer.ts';
import type { KafkaOptions } from '../../adapters/kafka/kafka-options.ts';
import type { LogRecord, PartitionReader } from '../../adapters/kafka/partition-reader.ts';
import { warnOfFewCopies } from '../../adapters/kafka/topic-copies.ts';
import { ensureTopics } from '../../adapters/kafka/topics.ts';
import type { RowChange, RowChanges } from './row-changes.ts';

export interface DebeziumRowChangesOptions {
  readonly kafka: KafkaOptions;
  readonly database: string;
  readonly table: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** Debezium's `topic.prefix`, after the prefix of the topics' names. */
const topicPrefix = 'rows';
const sessionTimeoutMs = 6_000;
/** Longer than any cache keeps a value. */
const retentionMs = 86_400_000;

export class DebeziumRowChanges implements RowChanges {
  readonly #consumer: GroupConsumer;
  readonly #ensureTopic: () => Promise<unknown>;
  #handle: ((changes: readonly RowChange[]) => Promise<void>) | undefined;

  constructor({ kafka, database, table, clock, log }: DebeziumRowChangesOptions) {
    const name = `${topicPrefix}.${database}.${table}`;
    this.#ensureTopic = async () => {
      await ensureTopics(kafka, [{ name, partitions: 1, replicas: 3, retentionMs }]);
      await warnOfFewCopies(kafka, { topics: [`${kafka.prefix}${name}`], log });
    };
    this.#consumer = new GroupConsumer({
      ...{ kafka, clock, log, sessionTimeoutMs },
      topic: `${kafka.prefix}${name}`,
      group: `${name}.followers`,
      runPartition: (reader) => this.#run(reader),
    });
  }

  async follow(handle: (changes: readonly RowChange[]) => Promise<void>): Promise<void> {
    this.#handle = handle;
    // Debezium would create the topic with the first change.
    await this.#ensureTopic();
    await this.#consumer.start();
  }

  close(): Promise<void> {
    return this.#consumer.close();
  }

  async #run(reader: PartitionReader): Promise<void> {
    const { partition } = reader;
    const [committed = 0, { first }] = await Promise.all([
      this.#consumer.committed(partition),
      this.#consumer.range(partition),
    ]);
    reader.seek(Math.max(committed, first));
    for (let records = await reader.next(); records.length > 0; records = await reader.next()) {
      await this.#handle?.(records.flatMap(changeOf));
      this.#consumer.hint(partition, (records.at(-1)?.offset ?? 0) + 1);
    }
  }
}

interface Envelope {
  readonly before?: RowChange['before'] | null;
  readonly after?: RowChange['after'] | null;
}

/** Tombstones repeat the change before them, and are skipped. */
function changeOf({ value }: LogRecord): readonly RowChange[] {
  if (value.length === 0) return [];
  const { before, after } = JSON.parse(value.toString()) as Envelope;
  return [{ ...(before ? { before } : {}), ...(after ? { after } : {}) }];
}
