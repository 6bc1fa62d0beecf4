// The contract of the task queue. Each adapter's test file runs it.

import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { rejectionOf } from '@hongyan/testing/rejection';
import { until } from '@hongyan/testing/until';
import type { ClaimedTask, KindCounts, Outcome, TaskId, TaskQueue } from '../task-queue.ts';

export interface TaskQueueUnderTest {
  readonly queue: TaskQueue;
  /** Time passes on the queue's clock. */
  pass(ms: number): Promise<void>;
  /** Closes it and opens the same data again. */
  reopen(): Promise<TaskQueue>;
  remove(): Promise<void>;
}

/** The bounds of the queue that `make` creates. */
export const boundsUnderTest = { tasksMax: 50, payloadMax: 10_000, deadLettersMax: 3 } as const;

const leaseMs = 10_000;
const done: Outcome = { type: 'done' };
const dead: Outcome = { type: 'dead', error: 'broken' };
const retry = (delayMs: number, countsAsFailure = true): Outcome => ({
  type: 'retry',
  delayMs,
  countsAsFailure,
});

export function taskQueueContract(name: string, make: () => Promise<TaskQueueUnderTest>): void {
  describe(name, () => {
    let made: TaskQueueUnderTest;
    let queue: TaskQueue;
    beforeEach(async () => {
      made = await make();
      queue = made.queue;
    });
    afterEach(() => made.remove());

    const add = (...payloads: readonly string[]) => queue.add(payloads.map((payload) => ({ kind: 'k', payload })));
    const claim = ({ limit = 10, kind = 'k', payloadMax = 10_000 } = {}) =>
      queue.claim({ kind, limit, payloadMax, leaseMs });
    /** Claims until it has this many tasks, because recently added ones may not be handed out yet. */
    const take = async (count: number, more: Parameters<typeof claim>[0] = {}): Promise<readonly ClaimedTask[]> => {
      const tasks: ClaimedTask[] = [];
      await until(
        async () => {
          const left = count - tasks.length;
          tasks.push(...(await claim({ ...more, limit: Math.min(left, more.limit ?? left) })));
          return tasks.length >= count;
        },
        { withinMs: 30_000, what: `${count} tasks` },
      );
      return tasks;
    };
    const settle = (tasks: readonly ClaimedTask[], outcome: Outcome) =>
      queue.settle(tasks.map((task) => ({ claim: task, outcome })));
    const counts = async () => (await queue.counts()).find(({ kind }) => kind === 'k');
    /** Counts may come a moment later. */
    const countsBecome = (expected: Partial<KindCounts>) =>
      until(async () => Bun.deepMatch(expected, (await counts()) ?? {}), {
        withinMs: 30_000,
        what: JSON.stringify(expected),
      });
    const isEmpty = () => until(async () => (await counts()) === undefined, { withinMs: 30_000 });
    const texts = (tasks: readonly { readonly payload: string }[]) => tasks.map(({ payload }) => payload).sort();

    test('[T1] an added task is claimed by one claim of its kind, within the limits', async () => {
      await add('a', 'b', 'c');
      await queue.add([{ kind: 'other', payload: 'x' }]);
      expect(await claim({ kind: 'none' })).toEqual([]);
      const first = await take(2);
      const second = await take(1);
      expect(texts([...first, ...second])).toEqual(['a', 'b', 'c']);
      expect(await claim()).toEqual([]);
      expect(first[0]).toMatchObject({ kind: 'k', attempt: 1, failureCount: 0 });
      await add('d'.repeat(60), 'e'.repeat(60), 'f'.repeat(60), 'g'.repeat(60));
      const sizes: number[] = [];
      for (const payloadMax of [130, 130, 1, 1, 1, 1, 1])
        await until(async () => {
          const { length } = await claim({ payloadMax });
          expect(length).toBeLessThanOrEqual(payloadMax === 1 ? 1 : 2);
          sizes.push(length);
          return length > 0 || sizes.reduce((sum, size) => sum + size, 0) === 4;
        });
      expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(4);
    });

    test('[T1] many that claim at once never get the same task', async () => {
      const payloads = Array.from({ length: 40 }, (_, index) => `p${index}`);
      for (let from = 0; from < 40; from += 5) await add(...payloads.slice(from, from + 5));
      const claimed: ClaimedTask[] = [];
      const some = async () => {
        claimed.push(...(await claim({ limit: 3 })));
      };
      await until(
        async () => {
          await Promise.all(Array.from({ length: 20 }, some));
          return claimed.length >= 40;
        },
        { withinMs: 30_000 },
      );
      expect(texts(claimed)).toEqual(payloads.toSorted());
    });

    test('[T2] a claim that is neither settled nor renewed ends with its lease, and counts as a failure', async () => {
      await add('a');
      const first = await take(1);
      await made.pass(leaseMs / 2);
      expect(await claim()).toEqual([]);
      expect(await queue.renew({ claims: first, leaseMs })).toEqual([true]);
      await made.pass(leaseMs / 2);
      expect(await claim()).toEqual([]);
      await made.pass(leaseMs / 2);
      const second = await take(1);
      expect(second).toMatchObject([{ payload: 'a', attempt: 2, failureCount: 1 }]);
      // The first claim has ended, and can change nothing.
      expect(await settle(first, done)).toEqual([false]);
      expect(await queue.renew({ claims: first, leaseMs })).toEqual([false]);
      expect(await settle(second, done)).toEqual([true]);
      expect(await settle(second, done)).toEqual([false]);
      await isEmpty();
    });

    test('[T2] a task that failed before is handed out alone, because it may crash its worker', async () => {
      const claims = async (count: number) => {
        const all: (readonly ClaimedTask[])[] = [];
        await until(
          async () => {
            all.push(await claim());
            return all.flat().length >= count;
          },
          { withinMs: 30_000, what: `${count} tasks` },
        );
        return all.filter((tasks) => tasks.length > 0);
      };
      const sizes = (all: readonly (readonly ClaimedTask[])[]) => all.map(({ length }) => length);
      await add('a', 'b', 'c');
      await take(3);
      // They wait for longer than those whose lease runs out.
      await add('d', 'e');
      await made.pass(leaseMs);
      const all = await claims(5);
      expect(texts(all.flat())).toEqual(['a', 'b', 'c', 'd', 'e']);
      expect(sizes(all.filter((tasks) => tasks.some(({ failureCount }) => failureCount > 0)))).toEqual([1, 1, 1]);
      await settle(all.flat(), retry(60_000));
      await made.pass(60_000);
      expect(sizes(await claims(5))).toEqual([1, 1, 1, 1, 1]);
    });

    test('[T2] a retried task is ready after its delay, and only its own failures are counted', async () => {
      await add('a');
      await settle(await take(1), retry(60_000));
      expect(await claim()).toEqual([]);
      await countsBecome({ ready: 0, delayed: 1, claimed: 0 });
      await made.pass(60_000);
      const again = await take(1);
      expect(again).toMatchObject([{ failureCount: 1, attempt: 2 }]);
      await settle(again, retry(0, false));
      expect(await take(1)).toMatchObject([{ failureCount: 1, attempt: 3 }]);
    });

    test('[T2] a task may be added for later', async () => {
      await queue.add([{ kind: 'k', payload: 'a', delayMs: 60_000 }]);
      await countsBecome({ ready: 0, delayed: 1 });
      expect(await claim()).toEqual([]);
      await made.pass(60_000);
      expect(await take(1)).toHaveLength(1);
    });

    test('[T3] dead letters are listed newest first, replayed one by one or by kind, and discarded', async () => {
      await add('a', 'b', 'c');
      await settle(await take(3), dead);
      expect(await claim()).toEqual([]);
      const letters = await queue.deadLetters({ limit: 2 });
      expect(letters).toHaveLength(2);
      expect(letters[0]).toMatchObject({ kind: 'k', error: 'broken', failureCount: 1 });
      const rest = await queue.deadLetters({ kind: 'k', limit: 10, before: letters[1]?.taskId ?? ('0' as TaskId) });
      expect(texts([...letters, ...rest])).toEqual(['a', 'b', 'c']);
      expect(await queue.deadLetters({ kind: 'none', limit: 10 })).toEqual([]);
      expect(await queue.replay({ taskIds: letters.slice(0, 1).map(({ taskId }) => taskId) })).toBe(1);
      const [replayed] = await take(1);
      expect(replayed).toMatchObject({ payload: letters[0]?.payload ?? '', attempt: 1, failureCount: 0 });
      expect(await queue.discard({ taskIds: rest.map(({ taskId }) => taskId) })).toBe(1);
      expect(await queue.replay({ kind: 'k' })).toBe(1);
      expect(await queue.replay({ kind: 'k' })).toBe(0);
      expect(await queue.replay({ taskIds: ['99999' as TaskId, 'none' as TaskId] })).toBe(0);
      await countsBecome({ ready: 1, claimed: 1, dead: 0 });
    });

    test('[T3] of more dead letters than the bound the oldest go', async () => {
      await add('a', 'b', 'c', 'd', 'e');
      const tasks = await take(5);
      for (const task of tasks) await settle([task], dead);
      const letters = await queue.deadLetters({ limit: 10 });
      expect(letters.map(({ payload }) => payload)).toEqual(
        tasks
          .slice(-boundsUnderTest.deadLettersMax)
          .map(({ payload }) => payload)
          .reverse(),
      );
    });

    test('[T4] of tasks with one key no second is handed out until the first is done', async () => {
      const keyed = (key: string, kind = 'k') => queue.add([{ kind, payload: key, key }]);
      expect(await keyed('one')).toEqual({ addedCount: 1 });
      for (const key of ['one', 'two', 'one']) await keyed(key);
      await keyed('one', 'other');
      const twice = { kind: 'k', payload: 'three', key: 'three' };
      await queue.add([twice, twice]);
      const tasks = await take(3);
      expect(texts(tasks)).toEqual(['one', 'three', 'two']);
      expect(await take(1, { kind: 'other' })).toHaveLength(1);
      await settle(tasks, dead);
      await keyed('one');
      await countsBecome({ dead: 3 });
      expect(await claim()).toEqual([]);
      await queue.replay({ kind: 'k' });
      await keyed('one');
      const replayed = await take(3);
      expect(texts(replayed)).toEqual(['one', 'three', 'two']);
      await settle(replayed, done);
      await isEmpty();
      await keyed('one');
      expect(await take(1)).toMatchObject([{ payload: 'one', attempt: 1 }]);
    });

    test('[T4] a key belongs to its first task until that is done, however many tasks with the key follow', async () => {
      const keyed = () => queue.add([{ kind: 'k', payload: 'keyed', key: 'key' }]);
      await keyed();
      expect(texts(await take(1))).toEqual(['keyed']);
      for (const marker of ['a', 'b', 'c']) {
        await keyed();
        await add(marker);
        expect(texts(await take(1))).toEqual([marker]);
      }
    });

    test('[T5] an add beyond the bound of tasks or of bytes is rejected as a whole, and accepted when there is room', async () => {
      await add(...Array.from({ length: 49 }, () => 'a'));
      expect(await rejectionOf(add('b', 'c'))).toHaveProperty('code', 'overloaded');
      await countsBecome({ ready: 49 });
      await settle(await take(48), done);
      expect(await rejectionOf(add('x'.repeat(10_000)))).toHaveProperty('code', 'overloaded');
      await add('x'.repeat(9_000));
      await countsBecome({ ready: 2 });
    });

    test('[T6] a waiting caller wakes at an add, at the due time of a task, and when its signal aborts', async () => {
      const signal = new AbortController();
      const woken = queue.ready('k', signal.signal);
      await queue.add([{ kind: 'other', payload: 'x' }]);
      await add('a');
      await woken;
      await queue.ready('k', signal.signal);
      const tasks = await take(1);
      const retried = queue.ready('k', signal.signal);
      await settle(tasks, retry(20_000));
      await made.pass(20_000);
      await retried;
      await take(1);
      const last = queue.ready('k', signal.signal);
      signal.abort();
      await last;
      await queue.ready('k', signal.signal);
    });

    test('[T1] all tasks survive a reopen; claimed ones are claimed again', async () => {
      await add('a', 'b', 'c');
      await settle(await take(1), dead);
      await take(1);
      const before = await queue.deadLetters({ limit: 10 });
      queue = await made.reopen();
      expect(await queue.deadLetters({ limit: 10 })).toEqual(before);
      const { ready = 0, delayed = 0, claimed = 0, dead: deadCount } = (await counts()) ?? {};
      expect({ alive: ready + delayed + claimed, deadCount }).toEqual({ alive: 2, deadCount: 1 });
      await made.pass(leaseMs);
      const tasks = await take(2);
      expect(tasks.map(({ failureCount }) => failureCount).sort()).toEqual([0, 1]);
    });

    test('a write or a read after close rejects as unavailable', async () => {
      await queue.close();
      await queue.close();
      expect(await rejectionOf(add('a'))).toHaveProperty('code', 'unavailable');
      expect(await rejectionOf(queue.counts())).toHaveProperty('code', 'unavailable');
      await queue.ready('k', new AbortController().signal);
    });
  });
}
