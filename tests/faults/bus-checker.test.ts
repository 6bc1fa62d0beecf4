// The checker of buses finds what a broken bus does.

import { expect, test } from 'bun:test';
import type { BusEvent, EventBus } from '@hongyan/server/ports/event-bus/event-bus';
import { MemoryEventBus } from '@hongyan/server/ports/event-bus/memory-event-bus';
import { BusChecker } from './bus-checker.ts';

/** What the checker says of a bus whose publisher treats each call's events like this. */
async function problemsWith(change: (events: readonly BusEvent[], bus: MemoryEventBus) => readonly BusEvent[]) {
  const bus = new MemoryEventBus();
  const from: EventBus = {
    publish: (events) => bus.publish(change(events, bus)),
    attach: (listener) => bus.attach(listener),
  };
  const checker = new BusChecker({ from, to: bus, topicCount: 3 });
  await checker.start();
  await checker.heardAgain('the load');
  return checker.finish();
}

const numberOf = (event: BusEvent): number => (event.type === 'frame' ? Number(event.frame) : -1);

test('a bus that delivers everything, also twice, has no problem', async () => {
  expect(await problemsWith((events) => [...events, ...events])).toEqual([]);
});

test('an event that is missing without a report is a problem, one with a report after it is not', async () => {
  expect(await problemsWith((events) => events.filter((event) => numberOf(event) !== 1))).toHaveLength(3);
  const reporting = (events: readonly BusEvent[], bus: MemoryEventBus) => {
    if (events.some((event) => numberOf(event) === 2)) bus.reportLoss();
    return events.filter((event) => numberOf(event) !== 1);
  };
  expect(await problemsWith(reporting)).toEqual([]);
});

test('a report before the event was published is none', async () => {
  const early = (events: readonly BusEvent[], bus: MemoryEventBus) => {
    if (events.some((event) => numberOf(event) === 0)) bus.reportLoss();
    return events.filter((event) => numberOf(event) !== 1);
  };
  expect(await problemsWith(early)).toHaveLength(3);
});

test('an event that arrives behind a later one is a problem', async () => {
  let held: readonly BusEvent[] = [];
  const problems = await problemsWith((events) => {
    if (events.some((event) => numberOf(event) === 1)) {
      held = events;
      return [];
    }
    const all = [...events, ...held];
    held = [];
    return all;
  });
  expect(problems.length).toBeGreaterThan(0);
});
