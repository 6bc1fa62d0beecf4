// The memory log: the contract of every command log, and how its batches form.

import { expect, test } from 'bun:test';
import { systemClock } from '@hongyan/base/clock';
import { silentLog } from '@hongyan/base/log';
import { type Result, refusal } from '@hongyan/protocol/refusals';
import type { CommandOutcome } from './command-log.ts';
import { MemoryCommandLog } from './memory-command-log.ts';
import { codeOf, command, commandLogContract, HeldHandler, keysOf, roomy } from './testing/contract.ts';

commandLogContract('memory command log', async (bounds) => ({
  log: new MemoryCommandLog({ ...bounds, clock: systemClock, log: silentLog }),
  // Commands are there once submit has returned.
  arrived: async () => {},
  remove: async () => {},
}));

function start() {
  const handler = new HeldHandler();
  const log = new MemoryCommandLog({ ...roomy, clock: systemClock, log: silentLog });
  log.consume(handler.handle);
  return { handler, log };
}

test('two batches are in flight, and the third gathers meanwhile', async () => {
  const { handler, log } = start();
  const all = [1, 2].map((key) => log.submit(command(key)));
  const first = await handler.next();
  all.push(log.submit(command(3)));
  const second = await handler.next();
  all.push(...[4, 5, 6].map((key) => log.submit(command(key))));
  expect([keysOf(first), keysOf(second)]).toEqual([['k1', 'k2'], ['k3']]);
  second.finish();
  const third = await handler.next();
  expect(keysOf(third)).toEqual(['k4', 'k5', 'k6']);
  third.finish();
  first.finish();
  expect((await Promise.all(all)).map(codeOf)).toEqual(Array(6).fill('conflict'));
  expect(handler.runningMax).toBe(2);
});

test('a handler that returns too few outcomes is a bug: every submit of the batch rejects', async () => {
  const { handler, log } = start();
  const all = [1, 2].map((key) => log.submit(command(key)));
  (await handler.next()).finish([refusal.taken('k1')]);
  const settled = await Promise.allSettled(all);
  expect(settled.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
});

test('[D8] a command whose outcome is a promise holds no batch, counts towards the bounds, and drain waits for it', async () => {
  const log = new MemoryCommandLog({ ...roomy, queuePerUserMax: 2, clock: systemClock, log: silentLog });
  const held = [1, 2, 3].map(() => Promise.withResolvers<Result<CommandOutcome>>());
  const [first, second, third] = held;
  let next = 0;
  log.consume(async (batch) =>
    batch.map(({ from }) => (from === 'ann' ? (held[next++]?.promise ?? refusal.taken('x')) : refusal.taken('x'))),
  );
  const all = [1, 2].map((key) => log.submit(command(key)));
  for (let batches = 0; batches < 4; batches++) expect(codeOf(await log.submit(command(3, 'bob')))).toBe('conflict');
  expect(log.depth).toBe(2);
  expect(codeOf(await log.submit(command(4)))).toBe('overloaded');
  first?.resolve(refusal.taken('x'));
  expect(codeOf((await all[0]) ?? refusal.notMember())).toBe('conflict');
  all.push(log.submit(command(5)));
  let isDrained = false;
  const drained = log.drain().then(() => {
    isDrained = true;
  });
  expect(codeOf(await log.submit(command(6, 'bob')))).toBe('unavailable');
  second?.reject(new Error('a bug'));
  expect(codeOf((await all[1]) ?? refusal.notMember())).toBe('unknown_outcome');
  expect(isDrained).toBe(false);
  third?.resolve(refusal.taken('x'));
  await drained;
  expect(codeOf((await all[2]) ?? refusal.notMember())).toBe('conflict');
});

test('a second consumer and a batch without a consumer are bugs', async () => {
  const { log } = start();
  expect(() => log.consume(async () => [])).toThrow('one consumer');
  const unread = new MemoryCommandLog({ ...roomy, clock: systemClock, log: silentLog });
  await expect(unread.submit(command(1))).rejects.toThrow('is consumed before');
});
