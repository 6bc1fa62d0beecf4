// The Kafka task queue as the processes of one fault test open it.

import { randomUUID } from 'node:crypto';
import { systemClock } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import { openKafkaTaskQueue } from '@hongyan/server/ports/task-queue/kafka-task-queue';
import type { TaskQueue } from '@hongyan/server/ports/task-queue/task-queue';

export const openTaskQueue = (options: {
  readonly broker: string;
  readonly prefix: string;
  readonly log: Log;
}): Promise<TaskQueue> =>
  openKafkaTaskQueue({
    kafka: { clientId: 'fault-test', brokers: [options.broker], prefix: options.prefix },
    ...{ log: options.log, clock: systemClock, kinds: ['tally'], partitionCount: 6 },
    ...{ tasksMax: 100_000, payloadMax: 10_000_000, deadLettersMax: 100 },
    newId: () => randomUUID().replaceAll('-', ''),
  });
