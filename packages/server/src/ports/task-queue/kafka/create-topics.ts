// Creates the topics of a task queue where they are missing.

import { type Admin, findErrorBy } from '@platformatic/kafka';
import { askFailure } from '../../../adapters/kafka/kafka-failure.ts';
import type { TaskTopics } from './task-topics.ts';

/** Of one record with its batch: a task holds the registrations of up to 2,000 devices. */
const recordBytesMax = 32 * 1024 * 1024;

/** Tasks stay until they are done, however long that takes. */
const taskConfigs = { 'retention.ms': '-1', 'retention.bytes': '-1', 'max.message.bytes': String(recordBytesMax) };
const deadConfigs = { 'cleanup.policy': 'compact', 'max.message.bytes': String(recordBytesMax) };

export async function createTaskTopics(admin: Admin, topics: TaskTopics): Promise<void> {
  try {
    const known = new Set(await admin.listTopics());
    const wanted = topics.kinds.flatMap((kind) => topics.ofKind(kind));
    await create(
      admin,
      wanted.filter((topic) => !known.has(topic)),
      topics.partitionCount,
      taskConfigs,
    );
    await create(
      admin,
      [topics.dead].filter((topic) => !known.has(topic)),
      1,
      deadConfigs,
    );
    // Brokers learn of a new topic a moment after it is made: the client asks again until they have.
    await admin.metadata({ topics: [...wanted, topics.dead], forceUpdate: true });
  } catch (error) {
    throw askFailure(error);
  }
}

async function create(admin: Admin, topics: string[], partitions: number, configs: Record<string, string>) {
  if (topics.length === 0) return;
  const named = Object.entries(configs).map(([name, value]) => ({ name, value }));
  await admin.createTopics({ topics, partitions, replicas: -1, configs: named }).catch((error: unknown) => {
    // Another process that started at the same time was first.
    if (!findErrorBy(error instanceof Error ? error : null, 'apiId', 'TOPIC_ALREADY_EXISTS')) throw error;
  });
}
