// The memory bus: the contract every bus keeps, and what being in one process adds.

import { expect, test } from 'bun:test';
import type { UserId } from '@hongyan/protocol/ids';
import { type BusEvent, userTopic } from './event-bus.ts';
import { createMemoryEventBus } from './memory-event-bus.ts';
import { eventBusContract } from './testing/contract.ts';

eventBusContract('memory event bus', async () => {
  const bus = createMemoryEventBus();
  return { bus, elsewhere: bus, settle: async () => {}, remove: async () => {} };
});

test('an event is delivered before publish returns, and nothing after unsubscribe or detach returned', () => {
  const bus = createMemoryEventBus();
  const ann = userTopic('ann' as UserId);
  const event: BusEvent = { type: 'frame', topic: ann, frame: '1' };
  const heard: string[] = [];
  const [first, second] = ['first', 'second'].map((name) =>
    bus.attach({ onEvent: () => heard.push(name), onLoss: () => heard.push('loss') }),
  );
  first?.subscribe([ann]);
  second?.subscribe([ann]);
  bus.publish([event]);
  expect(heard).toEqual(['first', 'second']);
  first?.unsubscribe([ann]);
  bus.publish([event]);
  expect(heard).toEqual(['first', 'second', 'second']);
  second?.detach();
  bus.publish([event]);
  expect(heard).toHaveLength(3);
});
