import { expect, test } from 'bun:test';
import { createRandom, testSeed } from '@hongyan/testing/seed';
import { systemClock } from './clock.ts';
import { FairTurns } from './fair-turns.ts';
import { StoreFailure } from './result.ts';

const bounds = { clock: systemClock, runningMax: 2, waitingPerKeyMax: 100, waitingMax: 1_000 };

test('keys take turns: a long queue of one key delays another by one piece of work', async () => {
  const turns = new FairTurns<string>({ ...bounds, runningMax: 1 });
  const order: string[] = [];
  const work = (name: string) => async () => void order.push(name);
  const all = ['a1', 'a2', 'a3', 'a4', 'b1', 'c1'].map((name) => turns.run(name[0] ?? '', work(name)));
  await Promise.all(all);
  expect(order.indexOf('b1')).toBeLessThan(order.indexOf('a3'));
  expect(order.indexOf('c1')).toBeLessThan(order.indexOf('a4'));
  expect(order.filter((name) => name.startsWith('a'))).toEqual(['a1', 'a2', 'a3', 'a4']);
});

test('one piece of a key runs at a time, and no more than runningMax in all', async () => {
  const turns = new FairTurns<number>(bounds);
  const running = new Map<number, number>();
  let most = 0;
  const work = (key: number) => async () => {
    running.set(key, (running.get(key) ?? 0) + 1);
    expect(running.get(key)).toBe(1);
    most = Math.max(
      most,
      [...running.values()].reduce((sum, count) => sum + count, 0),
    );
    await new Promise<void>((resolve) => void setImmediate(resolve));
    running.set(key, 0);
  };
  await Promise.all(Array.from({ length: 60 }, (_, index) => turns.run(index % 5, work(index % 5))));
  expect(most).toBe(2);
});

test('a piece that fails rejects its own caller alone', async () => {
  const turns = new FairTurns<string>(bounds);
  const failing = turns.run('a', () => Promise.reject(new Error('broken')));
  const working = turns.run('a', async () => 7);
  expect(await failing.catch((error: Error) => error.message)).toBe('broken');
  expect(await working).toBe(7);
});

test('at its bounds it rejects as overloaded, per key and in all', async () => {
  const turns = new FairTurns<string>({ ...bounds, runningMax: 1, waitingPerKeyMax: 1, waitingMax: 2 });
  const { promise, resolve } = Promise.withResolvers<void>();
  const codeOf = (work: Promise<void>) =>
    work.then(
      () => 'ok',
      (error: unknown) => (error instanceof StoreFailure ? error.code : 'bug'),
    );
  const outcomes = [
    codeOf(turns.run('a', () => promise)),
    codeOf(turns.run('a', async () => {})),
    codeOf(turns.run('a', async () => {})),
    codeOf(turns.run('b', async () => {})),
    codeOf(turns.run('c', async () => {})),
  ];
  resolve();
  expect(await Promise.all(outcomes)).toEqual(['ok', 'ok', 'overloaded', 'ok', 'overloaded']);
});

test('the event loop runs between slices', async () => {
  let nowMs = 0;
  const turns = new FairTurns<number>({ ...bounds, clock: { monotonicMs: () => nowMs } });
  let begun = 0;
  const all = Array.from({ length: 10 }, (_, key) =>
    turns.run(key, async () => {
      begun++;
      nowMs += 3;
    }),
  );
  await Promise.resolve();
  const first = begun;
  expect(first).toBeLessThan(10);
  await Promise.all(all);
  expect(begun).toBe(10);
});

test('work that throws synchronously rejects its caller and ends its turn', async () => {
  const turns = new FairTurns<string>({ ...bounds, runningMax: 1 });
  const failing = turns.run('a', () => {
    throw new Error('broken');
  });
  expect(await failing.catch((error: Error) => error.message)).toBe('broken');
  expect(await turns.run('a', async () => 7)).toBe(7);
});

test('while runningMax pieces run, waiting ones cost nothing', async () => {
  let looks = 0;
  const clock = {
    monotonicMs() {
      looks++;
      return 0;
    },
  };
  const turns = new FairTurns<string>({ ...bounds, clock, runningMax: 1 });
  const { promise, resolve } = Promise.withResolvers<void>();
  const all = [turns.run('a', () => promise), turns.run('a', async () => {}), turns.run('b', async () => {})];
  const before = looks;
  for (let turn = 0; turn < 20; turn++) await new Promise<void>((done) => void setImmediate(done));
  expect(looks).toBe(before);
  resolve();
  await Promise.all(all);
});

test('[property] every accepted piece starts once, each key in order, whatever fails, throws or takes long', async () => {
  const seed = testSeed('fair turns');
  const random = createRandom(seed);
  let nowMs = 0;
  const turns = new FairTurns<number>({ ...bounds, clock: { monotonicMs: () => nowMs }, waitingPerKeyMax: 60 });
  const begun = new Map<number, number[]>();
  const work = (key: number, number: number) => () => {
    begun.set(key, [...(begun.get(key) ?? []), number]);
    nowMs += Math.floor(random() * 4);
    const kind = random();
    if (kind < 0.1) throw new Error('thrown');
    if (kind < 0.2) return Promise.reject(new Error('rejected'));
    return kind < 0.6 ? Promise.resolve() : new Promise<void>((done) => void setImmediate(done));
  };
  // Of 500 pieces of 7 keys about 71 are a key's: some find their key's line full, and never begin.
  const all = Array.from({ length: 500 }, (_, number) => {
    const key = Math.floor(random() * 7);
    return turns.run(key, work(key, number));
  });
  const settled = await Promise.allSettled(all);
  const isRefused = (result: PromiseSettledResult<void>) =>
    result.status === 'rejected' && result.reason instanceof StoreFailure;
  const accepted = settled.flatMap((result, number) => (isRefused(result) ? [] : [number]));
  expect(accepted.length).toBeLessThan(500);
  expect([...begun.values()].flat().toSorted((a, b) => a - b)).toEqual(accepted);
  for (const numbers of begun.values()) expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
});
