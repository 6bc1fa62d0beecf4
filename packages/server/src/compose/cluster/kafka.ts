// Kafka as configured, and what is said when it cannot be used.

import type { KafkaOptions } from '../../adapters/kafka/kafka-options.ts';
import type { Config } from '../../config/options.ts';
import { kafkaBrokers } from '../../config/servers.ts';
import { ServerTrouble } from './when-serving.ts';

/** `instance`: what the brokers know this process by. */
export const kafkaOptions = (config: Config, instance: string): KafkaOptions => ({
  brokers: kafkaBrokers(config),
  clientId: instance,
  prefix: `${config.clusterName}.`,
});

export async function orKafkaTrouble<T>({ kafkaBrokers: brokers }: Config, opening: Promise<T>): Promise<T> {
  try {
    return await opening;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ServerTrouble(
      `Kafka cannot be used at ${brokers}: ${why}; start it, or say where it is by --kafka-brokers`,
      { mayPass: true, cause },
    );
  }
}
