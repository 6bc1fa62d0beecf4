// The memory registry: the contract every registry keeps, and its bound.

import { expect, test } from 'bun:test';
import type { DeviceId, UserId } from '@hongyan/protocol/ids';
import { createMemorySessionRegistry } from './memory-session-registry.ts';
import { sessionRegistryContract } from './testing/contract.ts';

sessionRegistryContract('memory session registry', async () => ({
  registry: createMemorySessionRegistry(),
  remove: async () => {},
}));

test('of 100,000 users who left it remembers when; of those before them no more, and of nobody online less', async () => {
  const registry = createMemorySessionRegistry();
  const session = (id: string) => ({ userId: id as UserId, deviceId: 'd' as DeviceId, sessionId: id, node: 'n1' });
  await registry.add(session('online'));
  for (let number = 0; number <= 100_000; number++) {
    await registry.add(session(`u${number}`));
    await registry.remove(session(`u${number}`), number);
  }
  const states = await registry.presence(['u0', 'u1', 'u100000', 'online'] as UserId[]);
  expect(states.map(({ online, lastSeenMs }) => [online, lastSeenMs])).toEqual([
    [false, undefined],
    [false, 1],
    [false, 100_000],
    [true, undefined],
  ]);
});
