// Copies of topics. Kafka gives a topic its copies when it is made: one that was made while some brokers were still coming up keeps
// fewer for ever, and what is acknowledged there may be lost with a single broker.

import type { Log } from '@hongyan/base/log';
import { Admin, type ClusterPartitionMetadata, ConfigResourceTypes } from '@platformatic/kafka';
import { clientOptions, type KafkaOptions } from './kafka-options.ts';

/** As topics are made. */
const copiesMax = 3;
const minInsync = 'min.insync.replicas';
const fewCopies =
  'a topic has fewer copies than there are brokers for: what is acknowledged may be lost with one of them';

/** Warns of each topic that has fewer copies, or asks for fewer in sync, than one that is made now. Changes nothing: that moves data. */
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
      // Last: with too few copies nothing would be accepted.
      if (inSync < inSyncWanted)
        steps.push(`kafka-configs.sh --alter --topic ${topic} --add-config ${minInsync}=${inSyncWanted}`);
      if (steps.length === 0) continue;
      const wanted = { copies: copiesWanted, [minInsync]: inSyncWanted };
      log.warn(fewCopies, { topic, copies, [minInsync]: inSync, wanted, mend: steps.join(', then ') });
    }
  } catch (error) {
    log.warn('copies of topics could not be looked at', { topics, error });
  } finally {
    await admin.close();
  }
}

const fewestCopies = (partitions: readonly ClusterPartitionMetadata[]): number =>
  Math.min(...partitions.map(({ replicas }) => replicas.length));
