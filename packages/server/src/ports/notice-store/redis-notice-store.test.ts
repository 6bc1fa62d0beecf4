// Notices in Redis: the contract of every store, and what only Redis does.

import { expect, test } from 'bun:test';
import { describeWith } from '@hongyan/testing/services';
import { openTestClient, removeTestClient, testOptions } from '../../adapters/redis/testing/clients.ts';
import { RedisNoticeStore } from './redis-notice-store.ts';
import { noticeStoreContract } from './testing/contract.ts';

describeWith(['redis'], 'notices in Redis', ({ redis: { address } }) => {
  const open = async () => {
    const redis = await openTestClient(testOptions([address]));
    const newStore = () => new RedisNoticeStore(redis);
    return { store: newStore(), reopen: async () => newStore(), remove: async () => removeTestClient(redis) };
  };

  noticeStoreContract('notices in Redis', open);

  test('[B1] a lone surrogate is stored as the replacement character', async () => {
    const { store, remove } = await open();
    const notice = { notice_id: 'a', text: 'x\ud800', severity: 'info', until: Date.now() + 60_000 } as const;
    await store.put(notice);
    expect(await store.read()).toEqual([{ ...notice, text: notice.text.toWellFormed() }]);
    await remove();
  });
});
