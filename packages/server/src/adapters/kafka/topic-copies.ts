// Checks the replicas of topics. Kafka assigns replicas when a topic is created. A topic that was created while some brokers were still
// starting keeps too few replicas, and the loss of one broker may lose acknowledged records.

import type { Log } from '@hongyan/base/log';
import { Admin, type ClusterPartitionMetadata, ConfigResourceTypes } from '@platformatic/kafka';
import { clientOptions, type KafkaOptions } from './kafka-options.ts';

/** The number of replicas of new topics. */
const copiesMax = 3;
const minInsync = 'min.insync.replicas';
const fewCopies =
  'a topic has fewer copies than there are brokers for: what is acknowledged may be lost with one of them';

/** Warns of each topic with fewer replicas, or a lower min.insync.replicas, than a topic created now. Changes nothing, because that would move data. */
export async function warnOfFewCopies(
  options: KafkaOptions,
  { topics, log }: { readonly topics: readonly string[]; readonly log: Log },
): Promise<void> {
  const admin = new Admin(clientOptions(options));
  try {
    const { brokers, topics: found } = await admin.metadata({ topics: [...topics], forceUpdate: true });
    const copiesWanted = Math.min(copiesMax, brokers.size);
    const inSyncWanted = Math.min(2, copiesWanted);
    const described = await admin.describeConfigs({
      resources: topics.map((resourceName) => ({
        ...{ resourceType: ConfigResourceTypes.TOPIC, resourceName },
        configurationKeys: [minInsync],
      })),
    });
    for (const { resourceName: topic, configs } of described) {
      const copies = fewestCopies(found.get(topic)?.partitions ?? []);
      const inSync = Number(configs[0]?.value ?? inSyncWanted);
      const steps = [];
      if (copies < copiesWanted) steps.push('kafka-reassign-partitions.sh as in docs/operating/cluster-servers.md');
      // Last, because with too few replicas Kafka would accept no records.
      if (inSync < inSyncWanted)
        steps.push(`kafka-configs.sh --alter --topic ${topic} --add-config ${minInsync}=${inSyncWanted}`);
      if (steps.length === 0) continue;
      const wanted = { copies: copiesWanted, [minInsync]: inSyncWanted };
      log.warn(fewCopies, { topic, copies, [minInsync]: inSync, wanted, mend: steps.join(', then ') });
    }
  } catch (error) {
    log.warn('failed to check the copies of topics', { topics, error });
  } finally {
    await admin.close();
  }
}

const fewestCopies = (partitions: readonly ClusterPartitionMetadata[]): number =>
  Math.min(...partitions.map(({ replicas }) => replicas.length));
