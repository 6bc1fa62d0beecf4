// Creates topics when a process needs them first. The number of partitions of a topic never changes.

import type { Log } from '@hongyan/base/log';
import {
  Admin,
  ConfigResourceTypes,
  IncrementalAlterConfigOperationTypes,
  type ProtocolError,
} from '@platformatic/kafka';
import { clientOptions, type KafkaOptions } from './kafka-options.ts';

/** The maximum size of a record in topics for long records, including Kafka's overhead. The default of brokers is 1 MiB. */
export const recordBytesMax = 32 * 1024 * 1024;

export interface TopicRequest {
  /** Excludes the prefix. */
  readonly name: string;
  /** For a new topic. An existing topic keeps its number, because otherwise keys would change their partitions. */
  readonly partitions: number;
  /** Limited to the number of brokers. */
  readonly replicas: number;
  /** Kafka may remove older records; Infinity: it removes none. 'compact': the newest record of each key stays. */
  readonly retentionMs: number | 'compact';
  /** The maximum size of a record, including Kafka's overhead. Default: the setting of the brokers, usually 1 MiB. */
  readonly recordBytesMax?: number;
}

export interface Topic {
  /** Includes the prefix. */
  readonly name: string;
  readonly partitions: number;
}

/** Creates missing topics and does not change existing ones. Returns the topics in the order of the requests. */
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
    // Brokers learn of a new topic after a delay. The client retries until they have.
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
    // With three replicas one broker may be down. Acknowledged records are on at least two.
    'min.insync.replicas': String(Math.min(2, copies)),
    'unclean.leader.election.enable': 'false',
  };
  try {
    await admin.createTopics({
      ...{ topics: [name], partitions, replicas: copies },
      configs: Object.entries(configs).map(([name, value]) => ({ name, value })),
    });
  } catch (error) {
    // Another process that started at the same time created it.
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
 * Raises max.message.bytes of existing topics to at least `bytesNeeded`. When the brokers do not allow it, it only logs a warning, because
 * shorter records still work.
 */
export async function raiseRecordLimit(
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
    const message = `${name} of topics could not be raised: Kafka rejects long records where it is lower than needed`;
    log.warn(message, { topics, needed: bytesNeeded, error });
  } finally {
    await admin.close();
  }
}
