// Creates missing topics of a task queue.

import { askFailure } from '../../../adapters/kafka/kafka-failure.ts';
import type { KafkaOptions } from '../../../adapters/kafka/kafka-options.ts';
import { ensureTopics, recordBytesMax, type TopicRequest } from '../../../adapters/kafka/topics.ts';
import type { TaskTopics } from './task-topics.ts';

/** Resolves with the names of all topics. */
export async function createTaskTopics(kafka: KafkaOptions, topics: TaskTopics): Promise<readonly string[]> {
  // A task contains the registrations of up to 2,000 devices.
  const both = { replicas: 3, recordBytesMax };
  const requests: readonly TopicRequest[] = [
    // Tasks stay until they are done, for any time.
    ...topics.kinds
      .flatMap((kind) => topics.ofKind(kind))
      .map((name) => ({ ...both, name, partitions: topics.partitionCount, retentionMs: Number.POSITIVE_INFINITY })),
    { ...both, name: topics.dead, partitions: 1, retentionMs: 'compact' },
  ];
  try {
    // These names include the prefix already.
    return (await ensureTopics({ ...kafka, prefix: '' }, requests)).map(({ name }) => name);
  } catch (error) {
    throw askFailure(error);
  }
}
