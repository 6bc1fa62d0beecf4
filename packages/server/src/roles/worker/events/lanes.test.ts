import { expect, test } from 'bun:test';
import type { Parked } from '../../../ports/event-log/webhooks.ts';
import { Lanes } from './lanes.ts';

const parked = (position: number, lane: string, nextMs: number): Parked => ({ position, lane, attempts: 1, nextMs });

test('[W4] lanes that wait for another attempt are sent in the order in which they are due, and not before', () => {
  const lanes = new Lanes();
  lanes.load([parked(1, 'late', 300), parked(2, 'soon', 100), parked(3, 'later', 400), parked(4, 'next', 200)]);
  expect([lanes.nextMs, lanes.take(99)]).toEqual([100, undefined]);
  expect([lanes.take(300)?.name, lanes.take(300)?.name]).toEqual(['soon', 'next']);
  const late = lanes.take(300);
  if (late === undefined) throw new Error('it is due');
  expect([late.name, lanes.take(399), lanes.nextMs]).toEqual(['late', undefined, 400]);
  lanes.failed(late, 350);
  expect([lanes.nextMs, lanes.take(350)?.name, lanes.nextMs]).toEqual([350, 'late', 400]);
});
