import { expect, test } from 'bun:test';
import { silentLog } from '@hongyan/base/log';
import { StoreFailure } from '@hongyan/base/result';
import type { Notice } from '@hongyan/protocol/notice';
import { ManualClock } from '@hongyan/testing/manual-clock';
import { type EventBus, everyoneTopic } from '../../ports/event-bus/event-bus.ts';
import { MemoryEventBus } from '../../ports/event-bus/memory-event-bus.ts';
import { Notices } from './notices.ts';

async function start(stored: readonly Notice[] = []) {
  const clock = new ManualClock();
  const bus = new MemoryEventBus();
  const steps: string[] = [];
  const attachment = bus.attach({
    onEvent: (event) => steps.push(event.type === 'frame' ? `published ${JSON.parse(event.frame).notice_id}` : ''),
    onLoss() {},
  });
  await attachment.subscribe([everyoneTopic]);
  let ids = 0;
  const options = {
    ...{ clock, bus, stored, log: silentLog },
    newId: () => `n${++ids}`,
    store: {
      put: async ({ notice_id, until }: Notice) =>
        void steps.push(`${until === 0 ? 'removed' : 'stored'} ${notice_id}`),
    },
  };
  return { clock, bus, steps, options, notices: new Notices(options) };
}
const notice = { text: 'x', severity: 'info', forS: 60 } as const;

test('[B1] a notice is stored before it is published, and in force until it expires', async () => {
  const { clock, steps, notices } = await start();
  expect(await notices.publish(notice)).toMatchObject({
    type: 'ok',
    value: { notice_id: 'n1', until: clock.nowMs() + 60_000 },
  });
  expect(steps).toEqual(['stored n1', 'published n1']);
  clock.advance(59_999);
  expect(notices.inForce()).toHaveLength(1);
  clock.advance(1);
  expect(notices.inForce()).toEqual([]);
});

test('[B1] the same id replaces a notice; a withdrawn notice is published as expired, once', async () => {
  const { steps, notices } = await start();
  await notices.publish({ ...notice, id: 'a' });
  await notices.publish({ ...notice, id: 'a', text: 'y' });
  expect(notices.inForce()).toMatchObject([{ notice_id: 'a', text: 'y' }]);
  expect(await notices.withdraw('a')).toMatchObject({ type: 'ok' });
  expect(steps.slice(-2)).toEqual(['removed a', 'published a']);
  expect(await notices.withdraw('a')).toMatchObject({ type: 'refused', code: 'not_found' });
});

test('[B1] concurrent publications and withdrawals lose no notice and bring none back', async () => {
  const { options } = await start();
  const puts: string[] = [];
  const notices = new Notices({
    ...options,
    store: {
      async put({ notice_id, until }) {
        // The other changes begin meanwhile.
        await new Promise<void>((resolve) => void setImmediate(resolve));
        puts.push(until === 0 ? `removed ${notice_id}` : notice_id);
        if (notice_id === 'd') throw new StoreFailure('unavailable', 'no room');
      },
    },
  });
  await notices.publish({ ...notice, id: 'a' });
  const ids = ['b', 'c', 'd'].map((id) => notices.publish({ ...notice, id }));
  const outcomes = await Promise.allSettled([...ids, notices.withdraw('a'), notices.publish({ ...notice, id: 'e' })]);
  expect(outcomes.map(({ status }) => status)).toEqual([
    ...Array(2).fill('fulfilled'),
    'rejected',
    ...Array(2).fill('fulfilled'),
  ]);
  expect(puts).toEqual(['a', 'b', 'c', 'd', 'removed a', 'e']);
  expect(notices.inForce().map(({ notice_id }) => notice_id)).toEqual(['b', 'c', 'e']);
});

test('[B1] at most 20 are in force; a replacement does not count as another one', async () => {
  const { notices } = await start();
  for (let count = 0; count < 20; count++) expect((await notices.publish(notice)).type).toBe('ok');
  expect(await notices.publish(notice)).toMatchObject({ type: 'refused', code: 'bad_request' });
  expect((await notices.publish({ ...notice, id: 'n7' })).type).toBe('ok');
});

test('[B1] a notice that the bus did not accept is in force: clients that reconnect after the loss receive it', async () => {
  const { options } = await start();
  const bus: EventBus = {
    publish: () => Promise.reject(new StoreFailure('unavailable', 'the bus is down')),
    attach: (listener) => options.bus.attach(listener),
  };
  const notices = new Notices({ ...options, bus });
  expect((await notices.publish(notice)).type).toBe('ok');
  expect(notices.inForce()).toHaveLength(1);
});

test('[B1] a notice that could not be stored is not published', async () => {
  const { steps, options } = await start();
  const notices = new Notices({ ...options, store: { put: () => Promise.reject(new Error('the disk is full')) } });
  expect(await notices.publish(notice).catch((error: Error) => error.message)).toBe('the disk is full');
  expect([steps, notices.inForce()]).toEqual([[], []]);
});
