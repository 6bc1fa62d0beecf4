// The Kafka task queue on a real broker: the contract of every queue, what becomes of the records of done tasks, and the dead letters
// that a move brings.

import { expect, setDefaultTimeout, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import { silentLog } from '@hongyan/base/log';
import { rejectionOf } from '@hongyan/testing/rejection';
import { describeWith } from '@hongyan/testing/services';
import { SkippingClock } from '@hongyan/testing/skipping-clock';
import { until } from '@hongyan/testing/until';
import { Admin, ConfigResourceTypes, ConfigSources } from '@platformatic/kafka';
import { openKafkaTaskQueue } from './kafka-task-queue.ts';
import type { ClaimedTask, MovedLetter, Outcome, TaskId, TaskQueue } from './task-queue.ts';
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
      prefix,
      clock,
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

  test('[T1] topics have three replicas if there are enough brokers, two of them in sync; a replica that is behind does not become leader', async () => {
    const { prefix, remove } = await openQueue();
    const admin = new Admin(connection);
    try {
      const names = (await admin.listTopics()).filter((name) => name.startsWith(prefix));
      const { brokers, topics } = await admin.metadata({ topics: names });
      const copies = Math.min(3, brokers.size);
      const wanted = { 'min.insync.replicas': String(Math.min(2, copies)), 'unclean.leader.election.enable': 'false' };
      const described = await admin.describeConfigs({
        resources: names.map((resourceName) => ({
          ...{ resourceType: ConfigResourceTypes.TOPIC, resourceName, configurationKeys: Object.keys(wanted) },
        })),
      });
      expect(described).toHaveLength(13);
      for (const { resourceName, configs } of described) {
        const { partitions = [] } = topics.get(resourceName) ?? {};
        expect(new Set(partitions.map(({ replicas }) => replicas.length))).toEqual(new Set([copies]));
        // The topic's own, whatever the brokers have.
        const own = configs.filter(({ configSource }) => configSource === ConfigSources.DYNAMIC_TOPIC_CONFIG);
        expect(Object.fromEntries(own.map(({ name, value }) => [name, value]))).toEqual(wanted);
      }
    } finally {
      await admin.close();
      await remove();
    }
  });

  test('[T1] records of done tasks are deleted: no task is executed again when Kafka deletes the marks', async () => {
    const { queue, prefix, pass, reopen, remove } = await openQueue();
    const admin = new Admin(connection);
    const add = (to: TaskQueue, kind: string, payloads: readonly string[]) =>
      Promise.all(payloads.map((payload) => to.add([{ kind, payload }])));
    const take = async (from: TaskQueue, count: number) => {
      const tasks: ClaimedTask[] = [];
      await until(
        async () => {
          tasks.push(...(await from.claim({ kind: 'k', limit: 10, payloadMax: 1_000, leaseMs: 600_000 })));
          return tasks.length >= count;
        },
        { withinMs: 30_000, what: `${count} tasks` },
      );
      return tasks;
    };
    const settle = (to: TaskQueue, tasks: readonly ClaimedTask[], outcome: Outcome) =>
      to.settle(tasks.map((claim) => ({ claim, outcome })));
    const recordCount = async () => {
      const names = (await admin.listTopics()).filter((name) => name.startsWith(prefix) && !name.endsWith('.dead'));
      const offsets = async (timestamp: bigint) => {
        const partitions = [0, 1, 2].map((partitionIndex) => ({ partitionIndex, timestamp }));
        const topics = await admin.listOffsets({ topics: names.map((name) => ({ name, partitions })) });
        return topics.flatMap(({ partitions }) => partitions).reduce((sum, { offset }) => sum + Number(offset), 0);
      };
      const [first, end] = await Promise.all([offsets(-2n), offsets(-1n)]);
      return end - first;
    };
    try {
      await add(queue, 'other', ['waits']);
      await add(queue, 'k', ['a', 'b', 'c', 'd', 'e', 'f']);
      const [given, again, ...rest] = await take(queue, 6);
      await settle(queue, given ? [given] : [], { type: 'dead', error: 'broken' });
      await settle(queue, again ? [again] : [], { type: 'retry', delayMs: 1_000, countsAsFailure: true });
      await settle(queue, rest, { type: 'done' });
      await pass(1_000);
      await settle(queue, await take(queue, 1), { type: 'done' });
      await add(queue, 'k', ['kept']);
      await take(queue, 1);
      await until(
        async () => {
          await pass(60_000);
          return (await recordCount()) === 2;
        },
        { withinMs: 30_000, what: 'the records of two tasks that are not done' },
      );
      const reopened = await reopen();
      // What Kafka does with the offsets of a group without members after `offsets.retention.minutes`, a week by default.
      await admin.deleteGroups({ groups: [`${prefix}tasks.done`, `${prefix}tasks.claimed`] });
      await add(reopened, 'k', ['x', 'y', 'z']);
      expect((await take(reopened, 4)).map(({ payload }) => payload).sort()).toEqual(['kept', 'x', 'y', 'z']);
      expect(await reopened.deadLetters({ limit: 10 })).toMatchObject([{ taskId: given?.taskId ?? '' }]);
    } finally {
      await admin.close();
      await remove();
    }
  });

  test('[T3][O27] moved dead letters keep their ids, and the last move replaces the others', async () => {
    const { queue, reopen, remove } = await openQueue();
    const letter = (number: number): MovedLetter => ({
      ...{ taskId: String(number) as TaskId, kind: 'k', payload: `task ${number}`, key: `key ${number}` },
      ...{ error: 'broken', failureCount: 2, addedAtMs: number, diedAtMs: number + 10 },
    });
    const ids = async () => (await queue.deadLetters({ limit: 10 })).map(({ taskId }) => String(taskId));
    try {
      expect(await queue.replaceDeadLetters([1, 2, 3, 4].map(letter))).toBe(4);
      expect(await ids()).toEqual(['4', '3', '2', '1']);
      // One was taken out at the source since, and one was added.
      expect(await queue.replaceDeadLetters([1, 3, 4, 5].map(letter))).toBe(4);
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
      expect(await reopened.replaceDeadLetters([])).toBe(0);
      expect(await reopened.deadLetters({ limit: 10 })).toEqual([]);
    } finally {
      await remove();
    }
  });

  test('[T5] an add and a count that Kafka does not answer in time reject as unavailable, and nothing is added', async () => {
    const { queue, clock, remove } = await openQueue();
    try {
      for (const ask of [() => queue.add([{ kind: 'k', payload: 'late' }]), () => queue.counts()]) {
        const rejection = rejectionOf(ask());
        // Before any answer can have come.
        clock.skip(5_000);
        expect(await rejection).toHaveProperty('code', 'unavailable');
      }
      await queue.add([{ kind: 'k', payload: 'in time' }]);
      expect(await queue.counts()).toMatchObject([{ kind: 'k', ready: 1 }]);
    } finally {
      await remove();
    }
  });
});
