// Creates the topics of a task queue where they are missing.

import { type Admin, findErrorBy } from '@platformatic/kafka';
import { askFailure } from '../../../adapters/kafka/kafka-failure.ts';
import { recordBytesMax } from '../../../adapters/kafka/topics.ts';
import type { TaskTopics } from './task-topics.ts';

/** Tasks stay until they are done, however long that takes. One holds the registrations of up to 2,000 devices. */
const taskConfigs = { 'retention.ms': '-1', 'retention.bytes': '-1', 'max.message.bytes': String(recordBytesMax) };
const deadConfigs = { 'cleanup.policy': 'compact', 'max.message.bytes': String(recordBytesMax) };

/** Resolves with the names of all. */
export async function createTaskTopics(admin: Admin, topics: TaskTopics): Promise<readonly string[]> {
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
    const all = [...wanted, topics.dead];
    await admin.metadata({ topics: all, forceUpdate: true });
    return all;
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
