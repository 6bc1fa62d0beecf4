// Topics are made by whoever needs them first, with the number of partitions that stays theirs.

import { Admin, type ProtocolError } from '@platformatic/kafka';
import { clientOptions, type KafkaOptions } from './kafka-options.ts';

export interface TopicRequest {
  /** Without the prefix. */
  readonly name: string;
  /** Of a topic that is made now: one that exists keeps its own, since keys would go to other partitions otherwise. */
  readonly partitions: number;
  /** Fewer where there are fewer brokers. */
  readonly replicas: number;
  /** Records older than these may be removed. */
  readonly retentionMs: number;
}

export interface Topic {
  /** With the prefix. */
  readonly name: string;
  readonly partitions: number;
}

/** In the order asked. Making one that exists changes nothing. */
export async function ensureTopics(
  options: KafkaOptions,
  requests: readonly TopicRequest[],
): Promise<readonly Topic[]> {
  const admin = new Admin(clientOptions(options));
  try {
    const { brokers } = await admin.metadata({ topics: [] });
    for (const request of requests)
      await ensureTopic(admin, `${options.prefix}${request.name}`, { ...request, brokerCount: brokers.size });
    const names = requests.map(({ name }) => `${options.prefix}${name}`);
    // Brokers learn of a new topic a moment after it is made: the client asks again until they have.
    const { topics } = await admin.metadata({ topics: names, forceUpdate: true });
    return names.map((name) => ({ name, partitions: topics.get(name)?.partitionsCount ?? 0 }));
  } finally {
    await admin.close();
  }
}

async function ensureTopic(
  admin: Admin,
  topic: string,
  { partitions, replicas, retentionMs, brokerCount }: TopicRequest & { readonly brokerCount: number },
): Promise<void> {
  const copies = Math.min(replicas, brokerCount);
  try {
    await admin.createTopics({
      topics: [topic],
      partitions,
      replicas: copies,
      configs: [
        { name: 'retention.ms', value: String(retentionMs) },
        // With three copies one broker may be away; an acknowledged record is on two at least.
        { name: 'min.insync.replicas', value: String(Math.min(2, copies)) },
        { name: 'unclean.leader.election.enable', value: 'false' },
      ],
    });
  } catch (error) {
    if (!isExisting(error)) throw error;
  }
}

function isExisting(error: unknown): boolean {
  const { errors = [], apiId } = error as Partial<AggregateError> & Partial<Pick<ProtocolError, 'apiId'>>;
  return apiId === 'TOPIC_ALREADY_EXISTS' || errors.some(isExisting);
}
