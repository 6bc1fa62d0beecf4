// The memory registry: the contract of every registry, on a clock that the test moves.

import { expect, test } from 'bun:test';
import type { DeviceId, UserId } from '@hongyan/protocol/ids';
import { ManualClock } from '@hongyan/testing/manual-clock';
import { MemorySessionRegistry } from './memory-session-registry.ts';
import { sessionRegistryContract } from './testing/contract.ts';

const ttlMs = 30_000;

sessionRegistryContract('memory session registry', async () => {
  const clock = new ManualClock();
  return {
    registry: new MemorySessionRegistry({ clock, ttlMs }),
    ttlMs,
    pass: async (ms) => clock.advance(ms),
    remove: async () => {},
  };
});

test('a node whose sessions have all ended leaves no state', async () => {
  const clock = new ManualClock();
  const registry = new MemorySessionRegistry({ clock, ttlMs });
  const session = { userId: 'ann' as UserId, deviceId: 'd' as DeviceId, sessionId: 's', node: 'n1' };
  await registry.add(session);
  await registry.remove(session);
  clock.advance(ttlMs);
  expect(await registry.expire()).toEqual([]);
  expect(await registry.forgetNode('n1')).toEqual([]);
});
