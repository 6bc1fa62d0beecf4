// The batcher: batches form, stay bounded and ordered, and one that fails fails alone.

import { expect, test } from 'bun:test';
import { ManualClock } from '@hongyan/testing/manual-clock';
import { rejectionOf } from '@hongyan/testing/rejection';
import { testSeed } from '@hongyan/testing/seed';
import fc from 'fast-check';
import { Batcher, type BatcherOptions, type Pace } from './batcher.ts';
import { StoreFailure } from './result.ts';

/** Batches wait until the test finishes them; the result of an item is the item times ten. */
function manual(options: Partial<BatcherOptions<number, number>> = {}) {
  const begun: { readonly items: readonly number[]; readonly finish: () => void; readonly fail: () => void }[] = [];
  const batcher = new Batcher<number, number>({
    itemsMax: 1_000,
    batchMax: 100,
    inFlightMax: 1,
    handle(items) {
      const answer = Promise.withResolvers<readonly number[]>();
      begun.push({
        items,
        finish: () => answer.resolve(items.map((item) => item * 10)),
        fail: () => answer.reject(new Error(`failed ${items}`)),
      });
      return answer.promise;
    },
    ...options,
  });
  return { batcher, begun, batches: () => begun.map(({ items }) => [...items]) };
}

/** The callbacks that are ready have run. */
const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

test('items submitted together share one batch, in order, and each submit gets its part of the results', async () => {
  const { batcher, begun, batches } = manual();
  const answers = Promise.all([batcher.submit(1), batcher.submitAll([2, 3]), batcher.submitAll([]), batcher.submit(4)]);
  await settled();
  expect(batches()).toEqual([[1, 2, 3, 4]]);
  begun[0]?.finish();
  expect(await answers).toEqual([10, [20, 30], [], 40]);
});

test('while a batch is in flight the next one collects, bounded by batchMax; submitAll stays in one batch', async () => {
  const { batcher, begun, batches } = manual({ batchMax: 2 });
  void batcher.submit(1);
  await settled();
  const answers = Promise.all([batcher.submit(2), batcher.submit(3), batcher.submitAll([4, 5, 6]), batcher.submit(7)]);
  await settled();
  expect(batches()).toEqual([[1]]);
  for (let index = 0; index < 4; index++) {
    begun[index]?.finish();
    await settled();
  }
  expect(batches()).toEqual([[1], [2, 3], [4, 5, 6], [7]]);
  expect(await answers).toEqual([20, 30, [40, 50, 60], 70]);
});

test('batches up to inFlightMax are in flight, and they may finish in any order', async () => {
  const { batcher, begun, batches } = manual({ batchMax: 1, inFlightMax: 2 });
  const finished: number[] = [];
  for (const item of [1, 2, 3]) void batcher.submit(item).then((result) => finished.push(result));
  await settled();
  expect(batches()).toEqual([[1], [2]]);
  begun[1]?.finish();
  await settled();
  expect(batches()).toEqual([[1], [2], [3]]);
  begun[2]?.finish();
  begun[0]?.finish();
  await settled();
  expect(finished.toSorted()).toEqual([10, 20, 30]);
});

test('the next batch begins before the callers of the finished one run', async () => {
  const { batcher, begun, batches } = manual({ batchMax: 1 });
  const seen = batcher.submit(1).then(batches);
  void batcher.submit(2);
  await settled();
  begun[0]?.finish();
  expect(await seen).toEqual([[1], [2]]);
});

test('a batch that fails, by a throw, a rejection or a missing result, fails alone', async () => {
  const outcomes: (() => Promise<readonly number[]>)[] = [
    () => {
      throw new Error('thrown');
    },
    () => Promise.reject(new Error('rejected')),
    () => Promise.resolve([]),
    () => Promise.resolve([1]),
  ];
  const batcher = new Batcher<number, number>({
    itemsMax: 10,
    batchMax: 1,
    inFlightMax: 1,
    handle: () => (outcomes.shift() ?? (() => Promise.resolve([2])))(),
  });
  const answers = await Promise.allSettled([1, 2, 3, 4, 5].map((item) => batcher.submit(item)));
  expect(answers.map((answer) => (answer.status === 'fulfilled' ? answer.value : String(answer.reason)))).toEqual([
    'Error: thrown',
    'Error: rejected',
    'Error: assertion failed: 1 results, one per item; not 0',
    1,
    2,
  ]);
});

test('above itemsMax a submit is refused as overloaded at once, and accepted again when there is room', async () => {
  const { batcher, begun } = manual({ itemsMax: 2 });
  const accepted = batcher.submitAll([1, 2]);
  await settled();
  const refusal = await rejectionOf(batcher.submit(3));
  expect(refusal).toBeInstanceOf(StoreFailure);
  expect(refusal).toHaveProperty('code', 'overloaded');
  begun[0]?.finish();
  await accepted;
  const again = batcher.submit(4);
  await settled();
  begun[1]?.finish();
  expect(await again).toBe(40);
});

test('drain answers accepted items and rejects later ones as unavailable', async () => {
  const { batcher, begun, batches } = manual({ batchMax: 1 });
  const accepted = Promise.all([batcher.submit(1), batcher.submit(2)]);
  let isDrained = false;
  const drained = batcher.drain().then(() => {
    isDrained = true;
  });
  expect(await rejectionOf(batcher.submit(3))).toHaveProperty('code', 'unavailable');
  begun[0]?.finish();
  await settled();
  expect(isDrained).toBe(false);
  begun[1]?.finish();
  expect(await accepted).toEqual([10, 20]);
  await drained;
  await batcher.drain();
  expect(batches()).toEqual([[1], [2]]);
  await manual().batcher.drain();
});

test('paced batches begin at least minIntervalMs apart, the first after a pause at once; drain does not wait', async () => {
  const clock = new ManualClock();
  const { batcher, begun, batches } = manual({ pace: { minIntervalMs: 5, clock } });
  async function submitAndFinish(item: number): Promise<void> {
    void batcher.submit(item);
    await settled();
    for (const batch of begun) batch.finish();
    await settled();
  }
  await submitAndFinish(1);
  await submitAndFinish(2);
  clock.advance(4);
  await submitAndFinish(3);
  expect(batches()).toEqual([[1]]);
  clock.advance(1);
  expect(batches()).toEqual([[1], [2, 3]]);
  for (const batch of begun) batch.finish();
  clock.advance(100);
  await submitAndFinish(4);
  expect(batches()).toEqual([[1], [2, 3], [4]]);
  await submitAndFinish(5);
  const drained = batcher.drain();
  for (const batch of begun) batch.finish();
  await drained;
  expect(batches()).toEqual([[1], [2, 3], [4], [5]]);
});

test('a small batch waits for its patience, a larger one only minIntervalMs', async () => {
  const clock = new ManualClock();
  const pace = { minIntervalMs: 2, patience: { items: 3, patienceMs: 5 }, clock };
  const { batcher, batches } = manual({ inFlightMax: 9, pace });
  async function submit(...items: number[]): Promise<void> {
    for (const item of items) void batcher.submit(item);
    await settled();
  }
  await submit(1);
  expect(batches()).toEqual([[1]]);
  await submit(2, 3);
  clock.advance(4);
  expect(batches()).toEqual([[1]]);
  clock.advance(1);
  expect(batches()).toEqual([[1], [2, 3]]);
  await submit(4, 5);
  clock.advance(1);
  await submit(6);
  expect(batches()).toEqual([[1], [2, 3]]);
  clock.advance(1);
  expect(batches()).toEqual([[1], [2, 3], [4, 5, 6]]);
  await submit(7);
  clock.advance(3);
  await submit(8, 9);
  expect(batches()).toEqual([[1], [2, 3], [4, 5, 6], [7, 8, 9]]);
  clock.advance(5);
  await submit(10);
  expect(batches().at(-1)).toEqual([10]);
});

type Step =
  | { readonly type: 'submit'; readonly size: number }
  | { readonly type: 'end'; readonly which: number; readonly isFailure: boolean }
  | { readonly type: 'advance'; readonly ms: number };

const steps: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ type: fc.constant('submit' as const), size: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ type: fc.constant('end' as const), which: fc.nat(3), isFailure: fc.boolean() }),
  fc.record({ type: fc.constant('advance' as const), ms: fc.nat(6) }),
);
const bounds = fc.record({
  itemsMax: fc.integer({ min: 1, max: 12 }),
  batchMax: fc.integer({ min: 1, max: 5 }),
  inFlightMax: fc.integer({ min: 1, max: 3 }),
  minIntervalMs: fc.option(fc.integer({ min: 1, max: 5 })),
  patience: fc.option(
    fc.record({ items: fc.integer({ min: 1, max: 4 }), patienceMs: fc.integer({ min: 5, max: 9 }) }),
    {
      nil: undefined,
    },
  ),
});

test('any interleaving keeps the order and the bounds, and answers each item exactly once', async () => {
  await fc.assert(
    fc.asyncProperty(bounds, fc.array(steps, { maxLength: 40 }), async (limits, script) => {
      const play = new Play(limits);
      for (const step of script) {
        play.take(step);
        await settled();
        play.expectWithinBounds();
      }
      await play.finish();
    }),
    { seed: testSeed('batcher'), numRuns: 200 },
  );
});

interface Limits {
  readonly itemsMax: number;
  readonly batchMax: number;
  readonly inFlightMax: number;
  readonly minIntervalMs: number | null;
  readonly patience?: Pace['patience'];
}

interface Running {
  readonly items: readonly number[];
  readonly answer: PromiseWithResolvers<readonly number[]>;
}

/** One run of the property: submits numbered items and ends batches as the script says. */
class Play {
  readonly #limits: Limits;
  readonly #clock = new ManualClock();
  readonly #batcher: Batcher<number, number>;
  readonly #begunAtMs: number[] = [];
  readonly #handled: number[] = [];
  readonly #accepted: number[] = [];
  readonly #failed = new Set<number>();
  /** How each accepted item was answered, as often as it was. */
  readonly #answers = new Map<number, (number | 'failed')[]>();
  readonly #sizes = new Map<number, number>();
  #running: Running[] = [];
  #nextItem = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
    const { minIntervalMs, patience } = limits;
    this.#batcher = new Batcher({
      ...limits,
      ...(minIntervalMs === null ? {} : { pace: { minIntervalMs, clock: this.#clock, ...(patience && { patience }) } }),
      handle: (items) => this.#handle(items),
    });
  }

  take(step: Step): void {
    switch (step.type) {
      case 'submit':
        return this.#submit(step.size);
      case 'end':
        return this.#end(step);
      case 'advance':
        return this.#clock.advance(step.ms);
    }
  }

  expectWithinBounds(): void {
    const { inFlightMax, minIntervalMs } = this.#limits;
    expect(this.#running.length).toBeLessThanOrEqual(inFlightMax);
    for (const [index, atMs] of this.#begunAtMs.entries()) {
      const before = this.#begunAtMs[index - 1];
      if (before !== undefined && minIntervalMs !== null) expect(atMs - before).toBeGreaterThanOrEqual(minIntervalMs);
    }
  }

  async finish(): Promise<void> {
    const drained = this.#batcher.drain();
    while (this.#running.length > 0) {
      this.#end({ which: 0, isFailure: false });
      await settled();
    }
    await drained;
    await settled();
    expect(this.#handled).toEqual(this.#accepted);
    for (const item of this.#accepted) {
      expect(this.#answers.get(item)).toEqual([this.#failed.has(item) ? 'failed' : item * 10]);
    }
  }

  #handle(items: readonly number[]): Promise<readonly number[]> {
    const { batchMax } = this.#limits;
    const isOneSubmit = this.#sizes.get(items[0] ?? -1) === items.length;
    expect(items.length <= batchMax || isOneSubmit).toBe(true);
    this.#handled.push(...items);
    this.#begunAtMs.push(this.#clock.monotonicMs());
    const answer = Promise.withResolvers<readonly number[]>();
    this.#running.push({ items, answer });
    return answer.promise;
  }

  #submit(size: number): void {
    const items = Array.from({ length: size }, () => this.#nextItem++);
    const open = this.#accepted.length - this.#answers.size;
    const promise = this.#batcher.submitAll(items);
    if (open + size > this.#limits.itemsMax) {
      void promise.then(expectOverloaded, expectOverloaded);
      return;
    }
    this.#accepted.push(...items);
    this.#sizes.set(items[0] ?? -1, size);
    void promise.then(
      (results) => {
        for (const [index, item] of items.entries()) this.#answered(item, results[index] ?? -1);
      },
      () => {
        for (const item of items) this.#answered(item, 'failed');
      },
    );
  }

  #answered(item: number, answer: number | 'failed'): void {
    this.#answers.set(item, [...(this.#answers.get(item) ?? []), answer]);
  }

  #end({ which, isFailure }: { readonly which: number; readonly isFailure: boolean }): void {
    const running = this.#running[which % Math.max(1, this.#running.length)];
    if (!running) return;
    this.#running = this.#running.filter((other) => other !== running);
    if (!isFailure) return running.answer.resolve(running.items.map((item) => item * 10));
    for (const item of running.items) this.#failed.add(item);
    running.answer.reject(new Error('failed on purpose'));
  }
}

const expectOverloaded = (answer: unknown): void => expect(answer).toHaveProperty('code', 'overloaded');

test('one key has no more than its share of a batch, and keeps its order', async () => {
  const fairness = {
    keyOf: (item: number) => (item < 100 ? 'heavy' : 'light'),
    itemsPerKeyMax: 1_000,
    batchPerKeyMax: 3,
  };
  const { batcher, begun, batches } = manual({ fairness });
  void batcher.submit(0);
  await settled();
  const answers = Promise.all([1, 2, 3, 4, 5, 6, 7, 100, 101].map((item) => batcher.submit(item)));
  for (let index = 0; index < 4; index++) {
    begun[index]?.finish();
    await settled();
  }
  expect(batches()).toEqual([[0], [1, 2, 3, 100, 101], [4, 5, 6], [7]]);
  expect((await answers).length).toBe(9);
});

test('a key at its bound is refused, another key is not', async () => {
  const fairness = { keyOf: (item: number) => String(item % 2), itemsPerKeyMax: 2, batchPerKeyMax: 10 };
  const { batcher, begun } = manual({ fairness });
  const accepted = [batcher.submit(1), batcher.submit(3), batcher.submit(2)];
  expect(await rejectionOf(batcher.submit(5))).toMatchObject({ code: 'overloaded' });
  await settled();
  begun[0]?.finish();
  await Promise.all(accepted);
  const again = batcher.submit(5);
  await settled();
  begun[1]?.finish();
  expect(await again).toBe(50);
});

/** Batches end at once; the results of items below 100 are promises that the test settles. */
function withLate(options: Partial<BatcherOptions<number, number>> = {}) {
  const late = new Map<number, PromiseWithResolvers<number>>();
  const begun: number[][] = [];
  const batcher = new Batcher<number, number>({
    ...{ itemsMax: 1_000, batchMax: 100, inFlightMax: 1 },
    async handle(items) {
      begun.push([...items]);
      return items.map((item) => {
        if (item >= 100) return item * 10;
        const result = Promise.withResolvers<number>();
        late.set(item, result);
        return result.promise;
      });
    },
    ...options,
  });
  const answer = (item: number) => late.get(item)?.resolve(item * 10);
  const fail = (item: number) => late.get(item)?.reject(new Error(`failed ${item}`));
  return { batcher, batches: () => begun, answer, fail };
}

test('an item whose result is a promise delays neither its batch nor the next, and each is answered or fails alone', async () => {
  const { batcher, batches, answer, fail } = withLate();
  const [one, two, many] = [batcher.submit(1), batcher.submit(2), batcher.submitAll([3, 100])];
  expect(await batcher.submit(101)).toBe(1010);
  expect(await batcher.submit(102)).toBe(1020);
  expect(batches()).toEqual([[1, 2, 3, 100, 101], [102]]);
  for (const item of [1, 3]) answer(item);
  fail(2);
  expect(await one).toBe(10);
  expect(String(await rejectionOf(two))).toContain('failed 2');
  expect(await many).toEqual([30, 1000]);
  expect(batcher.depth).toBe(0);
});

test('an item whose result is a promise counts towards the bounds, and drain waits for it', async () => {
  const fairness = { keyOf: (item: number) => String(item % 2), itemsPerKeyMax: 2, batchPerKeyMax: 10 };
  const { batcher, answer } = withLate({ itemsMax: 3, fairness });
  const first = [1, 3, 2].map((item) => batcher.submit(item));
  await settled();
  expect(batcher.depth).toBe(3);
  expect(await rejectionOf(batcher.submit(4))).toMatchObject({ code: 'overloaded' });
  answer(2);
  expect(await first[2]).toBe(20);
  expect(await rejectionOf(batcher.submit(5))).toMatchObject({ code: 'overloaded' });
  expect(await batcher.submit(100)).toBe(1000);
  let isDrained = false;
  const drained = batcher.drain().then(() => {
    isDrained = true;
  });
  answer(1);
  await settled();
  expect(isDrained).toBe(false);
  answer(3);
  await drained;
  expect(await Promise.all(first)).toEqual([10, 30, 20]);
});

test("one key's late items count towards its share of a batch: its backlog does not go in front of another key's items", async () => {
  const fairness = { keyOf: (item: number) => (item < 50 ? 'heavy' : 'light'), itemsPerKeyMax: 100, batchPerKeyMax: 2 };
  const { batcher, batches, answer } = withLate({ fairness });
  const heavy = [1, 2, 3, 4, 5].map((item) => batcher.submit(item));
  await settled();
  const light = batcher.submit(50);
  await settled();
  expect(batches()).toEqual([[1, 2], [50]]);
  answer(1);
  await settled();
  expect(batches().slice(2)).toEqual([[3]]);
  for (const item of [50, 2, 3]) {
    answer(item);
    await settled();
  }
  for (const item of [4, 5]) answer(item);
  expect(await Promise.all(heavy)).toEqual([10, 20, 30, 40, 50]);
  expect(await light).toBe(500);
});
