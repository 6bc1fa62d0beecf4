// Topics are made by whoever needs them first, with the number of partitions that stays theirs.

import type { Log } from '@hongyan/base/log';
import {
  Admin,
  ConfigResourceTypes,
  IncrementalAlterConfigOperationTypes,
  type ProtocolError,
} from '@platformatic/kafka';
import { clientOptions, type KafkaOptions } from './kafka-options.ts';

/** For topics of long records: with what Kafka adds to one. Brokers take 1 MiB by default. */
export const recordBytesMax = 32 * 1024 * 1024;

export interface TopicRequest {
  /** Without the prefix. */
  readonly name: string;
  /** Of a topic that is made now: one that exists keeps its own, since keys would go to other partitions otherwise. */
  readonly partitions: number;
  /** Fewer where there are fewer brokers. */
  readonly replicas: number;
  /** Records older than these may be removed; Infinity: none for its age. 'compact': of each key the newest record stays. */
  readonly retentionMs: number | 'compact';
  /** Of one record with what Kafka adds to it. Absent: as the brokers have it, 1 MiB by default. */
  readonly recordBytesMax?: number;
}

export interface Topic {
  /** With the prefix. */
  readonly name: string;
  readonly partitions: number;
}

/** In the order asked. One that exists stays as it is. */
export async function ensureTopics(
  options: KafkaOptions,
  requests: readonly TopicRequest[],
): Promise<readonly Topic[]> {
  const admin = new Admin(clientOptions(options));
  try {
    const { brokers } = await admin.metadata({ topics: [] });
    const known = new Set(await admin.listTopics());
    const named = requests.map((request) => ({ ...request, name: `${options.prefix}${request.name}` }));
    const missing = named.filter(({ name }) => !known.has(name));
    await Promise.all(missing.map((request) => makeTopic(admin, { ...request, brokerCount: brokers.size })));
    const names = named.map(({ name }) => name);
    // Brokers learn of a new topic a moment after it is made: the client asks again until they have.
    const { topics } = await admin.metadata({ topics: names, forceUpdate: true });
    return names.map((name) => ({ name, partitions: topics.get(name)?.partitionsCount ?? 0 }));
  } finally {
    await admin.close();
  }
}

async function makeTopic(
  admin: Admin,
  { name, partitions, replicas, brokerCount, ...request }: TopicRequest & { readonly brokerCount: number },
): Promise<void> {
  const copies = Math.min(replicas, brokerCount);
  const configs = {
    ...limitsOf(request),
    // With three copies one broker may be away; an acknowledged record is on two at least.
    'min.insync.replicas': String(Math.min(2, copies)),
    'unclean.leader.election.enable': 'false',
  };
  try {
    await admin.createTopics({
      ...{ topics: [name], partitions, replicas: copies },
      configs: Object.entries(configs).map(([name, value]) => ({ name, value })),
    });
  } catch (error) {
    // Another process that started at the same time was first.
    if (!isExisting(error)) throw error;
  }
}

function limitsOf({ retentionMs, recordBytesMax }: Pick<TopicRequest, 'retentionMs' | 'recordBytesMax'>) {
  const bytes = recordBytesMax === undefined ? {} : { 'max.message.bytes': String(recordBytesMax) };
  if (retentionMs === 'compact') return { ...bytes, 'cleanup.policy': 'compact' };
  if (retentionMs === Number.POSITIVE_INFINITY) return { ...bytes, 'retention.ms': '-1', 'retention.bytes': '-1' };
  return { ...bytes, 'retention.ms': String(retentionMs) };
}

function isExisting(error: unknown): boolean {
  const { errors = [], apiId } = error as Partial<AggregateError> & Partial<Pick<ProtocolError, 'apiId'>>;
  return apiId === 'TOPIC_ALREADY_EXISTS' || errors.some(isExisting);
}

/**
 * Lets topics that were there before take records of `bytesNeeded`. Where the brokers do not allow that the log says what to do, since
 * shorter ones are taken all the same.
 */
export async function letRecordsBeLong(
  options: KafkaOptions,
  { topics, bytesNeeded, log }: { readonly topics: readonly string[]; readonly bytesNeeded: number; readonly log: Log },
): Promise<void> {
  const name = 'max.message.bytes';
  const resourceType = ConfigResourceTypes.TOPIC;
  const admin = new Admin(clientOptions(options));
  try {
    const described = await admin.describeConfigs({
      resources: topics.map((resourceName) => ({ resourceType, resourceName, configurationKeys: [name] })),
    });
    const short = described.filter(({ configs }) => Number(configs[0]?.value ?? bytesNeeded) < bytesNeeded);
    if (short.length === 0) return;
    const configOperation = IncrementalAlterConfigOperationTypes.SET;
    const configs = [{ name, configOperation, value: String(recordBytesMax) }];
    await admin.incrementalAlterConfigs({
      resources: short.map(({ resourceName }) => ({ resourceType, resourceName, configs })),
    });
    log.info(`${name} raised`, { topics: short.map(({ resourceName }) => resourceName), bytes: recordBytesMax });
  } catch (error) {
    const what = `${name} of topics could not be seen to: long records are refused by Kafka where it is less than needed`;
    log.warn(what, { topics, needed: bytesNeeded, error });
  } finally {
    await admin.close();
  }
}
