// What every task queue must do, whatever keeps it: run by each adapter's test file.

import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { rejectionOf } from '@hongyan/testing/rejection';
import type { ClaimedTask, Outcome, TaskId, TaskQueue } from '../task-queue.ts';

export interface TaskQueueUnderTest {
  readonly queue: TaskQueue;
  /** Time passes on the queue's clock. */
  pass(ms: number): Promise<void>;
  /** Closes it and opens the same data again. */
  reopen(): Promise<TaskQueue>;
  remove(): Promise<void>;
}

/** What `make` bounds its queue by. */
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
    const claim = (limit = 10, kind = 'k', payloadMax = 10_000) => queue.claim({ kind, limit, payloadMax, leaseMs });
    const settle = (tasks: readonly ClaimedTask[], outcome: Outcome) =>
      queue.settle(tasks.map((task) => ({ claim: task, outcome })));
    const counts = async () => (await queue.counts()).find(({ kind }) => kind === 'k');
    const texts = (tasks: readonly { readonly payload: string }[]) => tasks.map(({ payload }) => payload).sort();

    test('[T1] what was added is claimed by one claim, of its kind, within the limits', async () => {
      await add('a', 'b', 'c');
      await queue.add([{ kind: 'other', payload: 'x' }]);
      expect(await claim(10, 'none')).toEqual([]);
      const first = await claim(2);
      const second = await claim(10);
      expect(texts([...first, ...second])).toEqual(['a', 'b', 'c']);
      expect(first).toHaveLength(2);
      expect(await claim()).toEqual([]);
      expect(first[0]).toMatchObject({ kind: 'k', attempt: 1, failureCount: 0 });
      await add('d'.repeat(60), 'e'.repeat(60), 'f'.repeat(60));
      expect(await claim(10, 'k', 130)).toHaveLength(2);
      expect(await claim(10, 'k', 1)).toHaveLength(1);
    });

    test('[T1] many that claim at once never get the same task', async () => {
      const payloads = Array.from({ length: 40 }, (_, index) => `p${index}`);
      await add(...payloads);
      const claims = await Promise.all(Array.from({ length: 20 }, () => claim(3)));
      expect(texts(claims.flat())).toEqual(payloads.toSorted());
    });

    test('[T2] a claim that is neither settled nor renewed ends with its lease, and counts as a failure', async () => {
      await add('a');
      const [first] = await claim();
      await made.pass(leaseMs - 1);
      expect(await claim()).toEqual([]);
      expect(await queue.renew({ claims: first ? [first] : [], leaseMs })).toEqual([true]);
      await made.pass(leaseMs - 1);
      expect(await claim()).toEqual([]);
      await made.pass(1);
      const second = await claim();
      expect(second).toMatchObject([{ payload: 'a', attempt: 2, failureCount: 1 }]);
      // The first claim is over: it can change nothing any more.
      const over = first ? [first] : [];
      expect(await settle(over, done)).toEqual([false]);
      expect(await queue.renew({ claims: over, leaseMs })).toEqual([false]);
      expect(await settle(second, done)).toEqual([true]);
      expect(await settle(second, done)).toEqual([false]);
      expect(await counts()).toBeUndefined();
    });

    test('[T2] a task to be retried comes back after its delay, with its failures counted where they are its own', async () => {
      await add('a');
      await settle(await claim(), retry(500));
      expect(await claim()).toEqual([]);
      expect(await counts()).toMatchObject({ ready: 0, delayed: 1, claimed: 0 });
      await made.pass(500);
      const again = await claim();
      expect(again).toMatchObject([{ failureCount: 1, attempt: 2 }]);
      await settle(again, retry(0, false));
      expect(await claim()).toMatchObject([{ failureCount: 1, attempt: 3 }]);
    });

    test('[T2] a task may be added for later', async () => {
      await queue.add([{ kind: 'k', payload: 'a', delayMs: 100 }]);
      expect(await claim()).toEqual([]);
      await made.pass(100);
      expect(await claim()).toHaveLength(1);
    });

    test('[T3] dead letters are listed newest first, replayed one by one or by kind, and discarded', async () => {
      await add('a', 'b', 'c');
      const tasks = await claim();
      await settle(tasks, dead);
      expect(await claim()).toEqual([]);
      const letters = await queue.deadLetters({ limit: 2 });
      expect(letters).toHaveLength(2);
      expect(letters[0]).toMatchObject({ kind: 'k', error: 'broken', failureCount: 1 });
      const rest = await queue.deadLetters({ kind: 'k', limit: 10, before: letters[1]?.taskId ?? ('0' as TaskId) });
      expect(texts([...letters, ...rest])).toEqual(['a', 'b', 'c']);
      expect(await queue.deadLetters({ kind: 'none', limit: 10 })).toEqual([]);
      expect(await queue.replay({ taskIds: letters.slice(0, 1).map(({ taskId }) => taskId) })).toBe(1);
      const [replayed] = await claim();
      expect(replayed).toMatchObject({ payload: letters[0]?.payload ?? '', attempt: 1, failureCount: 0 });
      expect(await queue.discard({ taskIds: rest.map(({ taskId }) => taskId) })).toBe(1);
      expect(await queue.replay({ kind: 'k' })).toBe(1);
      expect(await queue.replay({ kind: 'k' })).toBe(0);
      expect(await queue.replay({ taskIds: ['99999' as TaskId, 'none' as TaskId] })).toBe(0);
      expect(await counts()).toMatchObject({ ready: 1, claimed: 1, dead: 0 });
    });

    test('[T3] of more dead letters than the bound the oldest go', async () => {
      await add('a', 'b', 'c', 'd', 'e');
      for (const task of await claim()) await settle([task], dead);
      expect(await queue.deadLetters({ limit: 10 })).toHaveLength(boundsUnderTest.deadLettersMax);
    });

    test('[T4] a task whose key is known is not added again until it is done', async () => {
      const keyed = (key: string) => queue.add([{ kind: 'k', payload: 'a', key }]);
      expect(await keyed('one')).toEqual({ addedCount: 1 });
      expect(await keyed('one')).toEqual({ addedCount: 0 });
      expect(await keyed('two')).toEqual({ addedCount: 1 });
      expect(await queue.add([{ kind: 'other', payload: 'a', key: 'one' }])).toEqual({ addedCount: 1 });
      const twice = { kind: 'k', payload: 'a', key: 'three' };
      expect(await queue.add([twice, twice])).toEqual({ addedCount: 1 });
      await settle(await claim(), dead);
      expect(await keyed('one')).toEqual({ addedCount: 0 });
      await queue.replay({ kind: 'k' });
      expect(await keyed('one')).toEqual({ addedCount: 0 });
      await settle(await claim(), done);
      expect(await keyed('one')).toEqual({ addedCount: 1 });
    });

    test('[T5] beyond its bound of tasks or of bytes an add is refused whole, and accepted when there is room', async () => {
      await add(...Array.from({ length: 49 }, () => 'a'));
      expect(await rejectionOf(add('b', 'c'))).toHaveProperty('code', 'overloaded');
      expect(await counts()).toMatchObject({ ready: 49 });
      await settle(await claim(48), done);
      expect(await rejectionOf(add('x'.repeat(10_000)))).toHaveProperty('code', 'overloaded');
      await add('x'.repeat(9_000));
      expect(await counts()).toMatchObject({ ready: 2 });
    });

    test('[T6] whoever waits is woken by an add, by the time of a task, and by its own signal', async () => {
      const signal = new AbortController();
      const woken = queue.ready('k', signal.signal);
      await queue.add([{ kind: 'other', payload: 'x' }]);
      await add('a');
      await woken;
      await queue.ready('k', signal.signal);
      const [task] = await claim();
      const retried = queue.ready('k', signal.signal);
      await settle(task ? [task] : [], retry(1_000));
      await made.pass(1_000);
      await retried;
      await claim();
      const last = queue.ready('k', signal.signal);
      signal.abort();
      await last;
      await queue.ready('k', signal.signal);
    });

    test('[T1] everything is there after it was closed and opened again', async () => {
      await add('a', 'b', 'c');
      await settle(await claim(1), dead);
      await claim(1);
      const before = [await queue.counts(), await queue.deadLetters({ limit: 10 })];
      queue = await made.reopen();
      expect([await queue.counts(), await queue.deadLetters({ limit: 10 })]).toEqual(before);
      await made.pass(leaseMs);
      expect(await claim()).toHaveLength(2);
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
