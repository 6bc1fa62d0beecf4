// The memory log: the contract every command log keeps, and how its batches form.

import { expect, test } from 'bun:test';
import { silentLog } from '@hongyan/base/log';
import { createMemoryCommandLog } from './memory-command-log.ts';
import { codeOf, command, commandLogContract, heldHandler, keysOf } from './testing/contract.ts';

commandLogContract('memory command log', async (handle, bounds) => ({
  log: createMemoryCommandLog(handle, { ...bounds, log: silentLog }),
  remove: async () => {},
}));

test('a batch forms while the one before commits', async () => {
  const { handle, next } = heldHandler();
  const log = createMemoryCommandLog(handle, { queueMax: 100, batchMax: 100, log: silentLog });
  const all = [1, 2].map((key) => log.submit(command(key)));
  const first = await next();
  all.push(...[3, 4, 5].map((key) => log.submit(command(key))));
  expect(keysOf(first)).toEqual(['k1', 'k2']);
  first.finish();
  const second = await next();
  expect(keysOf(second)).toEqual(['k3', 'k4', 'k5']);
  second.finish();
  await Promise.all(all);
});

test('a handler that gives too few outcomes is a bug, told to the one who got none', async () => {
  const { handle, next } = heldHandler();
  const log = createMemoryCommandLog(handle, { queueMax: 100, batchMax: 100, log: silentLog });
  const all = [1, 2].map((key) => log.submit(command(key)));
  (await next()).finish([{ type: 'refused', code: 'conflict', message: '' }]);
  expect((await Promise.all(all)).map(codeOf)).toEqual(['conflict', 'internal']);
});
