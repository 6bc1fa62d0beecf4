// The Kafka task queue on a real broker: the contract of every queue, and the dead letters that a move brings.

import { expect, setDefaultTimeout, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import { silentLog } from '@hongyan/base/log';
import { describeWith } from '@hongyan/testing/services';
import { SkippingClock } from '@hongyan/testing/skipping-clock';
import { until } from '@hongyan/testing/until';
import { Admin } from '@platformatic/kafka';
import { openKafkaTaskQueue } from './kafka-task-queue.ts';
import type { ClaimedTask, MovedLetter, TaskId } from './task-queue.ts';
import { boundsUnderTest, taskQueueContract } from './testing/contract.ts';

setDefaultTimeout(60_000);

describeWith(['kafka'], 'a task queue on Kafka', ({ kafka }) => {
  const connection = { clientId: 'test', bootstrapBrokers: [...kafka.brokers] };

  async function openQueue() {
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
      pass: async (ms: number) => clock.skip(ms),
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
  }

  taskQueueContract('kafka task queue', openQueue);

  test('[T3][O27] letters that are moved here are listed under their ids, and are what was moved last', async () => {
    const { queue, reopen, remove } = await openQueue();
    const letter = (number: number): MovedLetter => ({
      ...{ taskId: String(number) as TaskId, kind: 'k', payload: `task ${number}`, key: `key ${number}` },
      ...{ error: 'broken', failureCount: 2, addedAtMs: number, diedAtMs: number + 10 },
    });
    const ids = async () => (await queue.deadLetters({ limit: 10 })).map(({ taskId }) => String(taskId));
    try {
      expect(await queue.becomeDead([1, 2, 3, 4].map(letter))).toBe(4);
      expect(await ids()).toEqual(['4', '3', '2', '1']);
      // One was taken out at the source since, and one was added.
      expect(await queue.becomeDead([1, 3, 4, 5].map(letter))).toBe(4);
      expect(await ids()).toEqual(['5', '4', '3', '1']);
      const reopened = await reopen();
      expect((await reopened.deadLetters({ limit: 10 })).at(-1)).toMatchObject(letter(1));
      expect(await reopened.replay({ taskIds: ['3' as TaskId] })).toBe(1);
      const claimed: ClaimedTask[] = [];
      await until(async () => {
        claimed.push(...(await reopened.claim({ kind: 'k', limit: 1, payloadMax: 100, leaseMs: 1_000 })));
        return claimed.length > 0;
      });
      expect(claimed).toMatchObject([{ payload: 'task 3', failureCount: 0 }]);
      expect(await reopened.becomeDead([])).toBe(0);
      expect(await reopened.deadLetters({ limit: 10 })).toEqual([]);
    } finally {
      await remove();
    }
  });
});
