// The memory bus: the contract of every bus, its guarantees within one process, and the hooks for a bus between processes.

import { expect, test } from 'bun:test';
import { StoreFailure } from '@hongyan/base/result';
import type { UserId } from '@hongyan/protocol/ids';
import { rejectionOf } from '@hongyan/testing/rejection';
import { type BusEvent, type BusListener, type Topic, userTopic } from './event-bus.ts';
import { MemoryEventBus } from './memory-event-bus.ts';
import { eventBusContract } from './testing/contract.ts';

eventBusContract('memory event bus', async () => {
  const bus = new MemoryEventBus();
  return { bus, elsewhere: bus, settle: async () => {}, remove: async () => {} };
});

const ann = userTopic('ann' as UserId);
const bob = userTopic('bob' as UserId);
const event: BusEvent = { type: 'frame', topic: ann, frame: '1' };

/** A listener that records its name for each event, and "loss" for each report. */
const writing = (into: string[], name: string): BusListener => ({
  onEvent: () => into.push(name),
  onLoss: (topics) => into.push(`${name} lost ${topics?.join() ?? 'any'}`),
});

test('an event is delivered before publish returns, and nothing after unsubscribe or detach returned', () => {
  const bus = new MemoryEventBus();
  const received: string[] = [];
  const first = bus.attach(writing(received, 'first'));
  const second = bus.attach(writing(received, 'second'));
  void first.subscribe([ann]);
  void second.subscribe([ann]);
  void bus.publish([event]);
  expect(received).toEqual(['first', 'second']);
  first.unsubscribe([ann]);
  void bus.publish([event]);
  expect(received).toEqual(['first', 'second', 'second']);
  second.detach();
  void bus.publish([event]);
  expect(received).toHaveLength(3);
});

test('publish and subscribe return the same promise: the hot path allocates none', () => {
  const bus = new MemoryEventBus();
  const { subscribe } = bus.attach(writing([], 'x'));
  expect(new Set([bus.publish([event]), bus.publish([]), subscribe([ann]), subscribe([ann, bob])]).size).toBe(1);
});

test('a listener that throws rejects the publish and does not throw through it', async () => {
  const bus = new MemoryEventBus();
  const broken = new Error('broken listener');
  const attachment = bus.attach({
    onEvent() {
      throw broken;
    },
    onLoss: () => {},
  });
  await attachment.subscribe([ann]);
  expect(await rejectionOf(bus.publish([event]))).toBe(broken);
});

test('a loss is reported to every attached listener, with its topics if they are known', async () => {
  const bus = new MemoryEventBus();
  const received: string[] = [];
  const first = bus.attach(writing(received, 'first'));
  bus.attach(writing(received, 'second'));
  bus.reportLoss();
  first.detach();
  bus.reportLoss([ann]);
  expect(received).toEqual(['first lost any', 'second lost any', `second lost ${ann}`]);
});

/** Hooks whose promises the test settles. */
function scriptedHooks() {
  const calls: string[] = [];
  const announced = new Map<Topic, PromiseWithResolvers<void>>();
  return {
    calls,
    settle: (topic: Topic) => announced.get(topic)?.resolve(),
    fail: (topic: Topic, error: Error) => announced.get(topic)?.reject(error),
    onFirst(topic: Topic) {
      calls.push(`first ${topic}`);
      const announcement = Promise.withResolvers<void>();
      announced.set(topic, announcement);
      return announcement.promise;
    },
    onLast: (topic: Topic) => void calls.push(`last ${topic}`),
  };
}

test('hooks are called for the first and the last subscriber of a topic', () => {
  const hooks = scriptedHooks();
  const bus = new MemoryEventBus(hooks);
  const [first, second] = [bus.attach(writing([], 'first')), bus.attach(writing([], 'second'))];
  for (const attachment of [first, second, first]) void attachment.subscribe([ann]);
  void second.subscribe([bob]);
  expect([...bus.topics()]).toEqual([ann, bob]);
  first.unsubscribe([ann]);
  second.detach();
  expect(hooks.calls).toEqual([`first ${ann}`, `first ${bob}`, `last ${ann}`, `last ${bob}`]);
  expect([...bus.topics()]).toEqual([]);
});

test('every subscription of a topic waits until the promise of its hook resolves', async () => {
  const hooks = scriptedHooks();
  const bus = new MemoryEventBus(hooks);
  const order: string[] = [];
  const subscribe = (name: string) =>
    bus
      .attach(writing([], name))
      .subscribe([ann])
      .then(() => order.push(name));
  const both = [subscribe('first'), subscribe('second')];
  await Promise.resolve();
  order.push('settled');
  hooks.settle(ann);
  await Promise.all(both);
  await subscribe('third');
  expect(order).toEqual(['settled', 'first', 'second', 'third']);
});

test('a failed subscription rejects and removes its topics, but not those subscribed before', async () => {
  const hooks = scriptedHooks();
  const bus = new MemoryEventBus(hooks);
  const received: string[] = [];
  const attachment = bus.attach(writing(received, 'x'));
  const before = attachment.subscribe([ann]);
  hooks.settle(ann);
  await before;
  const refused = attachment.subscribe([ann, bob]);
  const failure = new StoreFailure('unavailable', 'the bus is down');
  hooks.fail(bob, failure);
  expect(await rejectionOf(refused)).toBe(failure);
  await bus.publish([event, { ...event, topic: bob }]);
  expect(received).toEqual(['x']);
  expect(hooks.calls).toEqual([`first ${ann}`, `first ${bob}`, `last ${bob}`]);
});
