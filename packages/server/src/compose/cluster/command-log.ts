// The command log of a core in a cluster: Kafka, as configured.

import { createUuidV7 } from '@hongyan/base/uuid';
import type { MsgId } from '@hongyan/protocol/ids';
import type { Config } from '../../config/options.ts';
import {
  ensureCommandsTopic,
  KafkaCommandConsumer,
  KafkaCommandLog,
  KafkaCommandProducer,
} from '../../ports/command-log/kafka-command-log.ts';
import type { EventBus } from '../../ports/event-bus/event-bus.ts';
import { sentEvents } from '../../roles/core/publications.ts';
import type { Surroundings } from '../surroundings.ts';
import { kafkaOptions, orKafkaTrouble } from './kafka.ts';

export interface OpenCommandLog {
  readonly log: KafkaCommandLog;
  /** That this core owns. */
  partitions(): readonly number[];
}

/** A core that is silent for so long loses its partitions, and another one has to go on within ten seconds. Brokers refuse less by default. */
const sessionTimeoutMs = 6_000;
const queueBytesMax = 64 * 1024 * 1024;
/** The answer still has to cross the link. */
const answerMarginMs = 500;

/** Rejects with what to do when Kafka cannot be reached. */
export async function openCommandLog(
  config: Config,
  { log, clock, metrics }: Surroundings,
  { instance, bus }: { readonly instance: string; readonly bus: EventBus },
): Promise<OpenCommandLog> {
  const kafka = kafkaOptions(config, instance);
  const { kafkaPartitions: partitions, contentBytesMax } = config;
  await orKafkaTrouble(config, ensureCommandsTopic(kafka, { partitions, contentBytesMax, log }));
  const producer = new KafkaCommandProducer({
    ...{ kafka, node: instance, bus, clock, log, queueBytesMax },
    queueMax: config.commandQueueMax,
    queuePerUserMax: config.commandsPerUserMax,
    outcomeTimeoutMs: Math.max(config.linkTimeoutMs - answerMarginMs, config.linkTimeoutMs / 2),
    onLate: (commands) =>
      bus
        .publish(sentEvents(commands))
        .catch((error: unknown) => log.debug('nobody was told what the log has', { error })),
    newRecordId: createUuidV7(() => clock.nowMs()) as () => MsgId,
  });
  await producer.start();
  const consumer = new KafkaCommandConsumer({
    ...{ kafka, bus, sessionTimeoutMs, clock, log },
    batchMax: config.commitBatchMax,
    batchPerUserMax: config.commitBatchPerUserMax,
  });
  metrics.queue('commands', { depth: () => producer.depth, max: config.commandQueueMax });
  metrics.gauge({
    name: 'hongyan_partitions',
    help: 'Partitions of the command log that each core owns',
    read: () => consumer.partitions.length,
  });
  metrics.gauge({
    name: 'hongyan_command_log_lag',
    help: 'Commands in the partitions of each core that it has not handled, read or not',
    read: () => consumer.lag,
  });
  return { log: new KafkaCommandLog(producer, consumer), partitions: () => consumer.partitions };
}
