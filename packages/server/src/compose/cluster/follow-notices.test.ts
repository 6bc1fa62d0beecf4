// Notices of several cores: what one publishes or withdraws, while another one starts or does the same.

import { afterEach, beforeEach, expect, test } from 'bun:test';
import { systemClock } from '@hongyan/base/clock';
import { silentLog } from '@hongyan/base/log';
import { describeWith } from '@hongyan/testing/services';
import { until } from '@hongyan/testing/until';
import type { RedisClient } from '../../adapters/redis/redis-client.ts';
import { openTestClient, removeTestClient, testOptions } from '../../adapters/redis/testing/clients.ts';
import { MemoryEventBus } from '../../ports/event-bus/memory-event-bus.ts';
import { RedisNoticeStore } from '../../ports/notice-store/redis-notice-store.ts';
import { Notices } from '../../roles/core/notices.ts';
import { followNotices } from './follow-notices.ts';

describeWith(['redis'], 'notices of several cores', ({ redis: { address } }) => {
  let redis: RedisClient;
  let bus: MemoryEventBus;
  let ids: number;
  beforeEach(async () => {
    redis = await openTestClient(testOptions([address]));
    bus = new MemoryEventBus();
    ids = 0;
  });
  afterEach(() => removeTestClient(redis));

  /** A core that has read the notices; it follows the others once `follow` is called. */
  async function start() {
    const store = new RedisNoticeStore(redis);
    const newId = () => `n${++ids}`;
    const environment = { bus, clock: systemClock, log: silentLog, newId };
    const notices = new Notices({ ...environment, store, stored: await store.read() });
    return { notices, follow: () => followNotices(notices, { store, bus, log: silentLog }) };
  }
  async function ready(): Promise<Notices> {
    const { notices, follow } = await start();
    await follow();
    return notices;
  }
  const storedIds = async () => (await new RedisNoticeStore(redis).read()).map(({ notice_id }) => notice_id);
  const inForce = (notices: Notices) => notices.inForce().map(({ text }) => text);
  const notice = (text: string) => ({ text, severity: 'info', forS: 3_600 }) as const;

  test('[B1] a core that starts knows what was published until it follows the others', async () => {
    const first = await ready();
    const { notices, follow } = await start();
    await first.publish(notice('before it follows'));
    await follow();
    expect(inForce(notices)).toEqual(['before it follows']);
    expect((await notices.withdraw('n1')).type).toBe('ok');
    await until(() => first.inForce().length === 0);
  });

  test('[B1] changes of several cores at the same time are all stored', async () => {
    const cores = await Promise.all([ready(), ready(), ready()]);
    await cores[0].publish({ ...notice('over soon'), id: 'a' });
    await until(() => cores.every((one) => one.inForce().length === 1));
    await Promise.all([
      cores[0].withdraw('a'),
      ...cores.flatMap((one, index) => [one.publish(notice(`first of ${index}`)), one.publish(notice(`of ${index}`))]),
    ]);
    const texts = [0, 1, 2].flatMap((index) => [`first of ${index}`, `of ${index}`]);
    await until(() => cores.every((one) => one.inForce().length === texts.length));
    for (const one of cores) expect(inForce(one).toSorted()).toEqual(texts.toSorted());
    expect(await storedIds()).toHaveLength(texts.length);
  });
});
