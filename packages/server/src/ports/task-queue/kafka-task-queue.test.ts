// The Kafka task queue on a real broker: the contract of every queue.

import { setDefaultTimeout } from 'bun:test';
import { randomUUID } from 'node:crypto';
import { silentLog } from '@hongyan/base/log';
import { describeWith } from '@hongyan/testing/services';
import { SkippingClock } from '@hongyan/testing/skipping-clock';
import { Admin } from '@platformatic/kafka';
import { openKafkaTaskQueue } from './kafka-task-queue.ts';
import { boundsUnderTest, taskQueueContract } from './testing/contract.ts';

setDefaultTimeout(60_000);

describeWith(['kafka'], 'a task queue on Kafka', ({ kafka }) => {
  const connection = { clientId: 'test', bootstrapBrokers: [...kafka.brokers] };
  taskQueueContract('kafka task queue', async () => {
    const prefix = `test-${randomUUID().slice(0, 8)}.`;
    const clock = new SkippingClock();
    const open = () =>
      openKafkaTaskQueue({
        ...{ kafka: { clientId: 'test', brokers: kafka.brokers, prefix }, clock, log: silentLog },
        ...{ kinds: ['k', 'other', 'none'], partitionCount: 3 },
        ...{ newId: () => randomUUID().replaceAll('-', ''), ...boundsUnderTest },
      });
    const queue = await open();
    let current = queue;
    return {
      queue,
      pass: async (ms) => clock.skip(ms),
      async reopen() {
        await current.close();
        current = await open();
        return current;
      },
      async remove() {
        await current.close();
        const admin = new Admin(connection);
        const topics = (await admin.listTopics()).filter((name) => name.startsWith(prefix));
        await admin.deleteTopics({ topics });
        await admin.close();
      },
    };
  });
});
