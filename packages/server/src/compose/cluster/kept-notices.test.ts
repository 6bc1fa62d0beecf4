// Notices of several cores: what one publishes or withdraws, while another one starts or does the same.

import { afterEach, beforeEach, expect, test } from 'bun:test';
import { systemClock } from '@hongyan/base/clock';
import { silentLog } from '@hongyan/base/log';
import { describeWith } from '@hongyan/testing/services';
import { until } from '@hongyan/testing/until';
import type { RedisClient } from '../../adapters/redis/redis-client.ts';
import { openTestClient, removeTestClient, testOptions } from '../../adapters/redis/testing/clients.ts';
import { MemoryEventBus } from '../../ports/event-bus/memory-event-bus.ts';
import { Notices } from '../../roles/core/notices.ts';
import { KeptNotices } from './kept-notices.ts';

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

  /** A core that has read the notices, and follows them once it is told to. */
  async function start() {
    const kept = new KeptNotices(redis);
    const newId = () => `n${++ids}`;
    const notices = new Notices({ bus, clock: systemClock, log: silentLog, newId, ...(await kept.store()) });
    return { notices, follow: () => kept.follow(notices, bus, silentLog) };
  }
  async function ready(): Promise<Notices> {
    const { notices, follow } = await start();
    await follow();
    return notices;
  }
  const keptIds = async () => (await start()).notices.inForce().map(({ notice_id }) => notice_id);
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

  test('[B1] of what several cores change at one moment all is kept', async () => {
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
    expect(await keptIds()).toHaveLength(texts.length);
  });

  test('[B1] they are kept oldest first, as they are said, and those that are over go with the next change', async () => {
    const core = await ready();
    const odd = 'a "line" \u0001\n/ of 维护 😀 \ud800';
    await new KeptNotices(redis).put([{ notice_id: 'over', text: 'x', severity: 'info', until: 1 }]);
    for (const text of ['x', 'y', odd]) await core.publish({ ...notice(text), id: text.slice(0, 1) });
    await core.publish({ ...notice('x again'), id: 'x' });
    const { kept } = await new KeptNotices(redis).store();
    expect(kept.map(({ text }) => text)).toEqual(['y', odd.toWellFormed(), 'x again']);
    expect(kept).toEqual(core.inForce().map((one) => ({ ...one, text: one.text.toWellFormed() })));
    for (const id of ['x', 'y', 'a']) await core.withdraw(id);
    expect(await keptIds()).toEqual([]);
  });
});
