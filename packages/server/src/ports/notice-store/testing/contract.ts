// What every notice store does.

import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import type { Notice } from '@hongyan/protocol/notice';
import type { NoticeStore } from '../notice-store.ts';

export interface StoreUnderTest {
  readonly store: NoticeStore;
  /** Another store on the same notices: after a restart, or of another core. */
  reopen(): Promise<NoticeStore>;
  remove(): Promise<void>;
}

const farAhead = Date.now() + 3_600_000;
const notice = (id: string, changed: Partial<Notice> = {}): Notice => ({
  ...{ notice_id: id, text: `text of ${id}`, severity: 'info', until: farAhead },
  ...changed,
});

export function noticeStoreContract(name: string, open: () => Promise<StoreUnderTest>): void {
  describe(name, () => {
    let current: StoreUnderTest;
    beforeEach(async () => {
      current = await open();
    });
    afterEach(() => current.remove());
    const storedIds = async () => (await (await current.reopen()).read()).map(({ notice_id }) => notice_id);

    test('[B1] is empty at first, and returns what was put after a restart', async () => {
      expect(await current.store.read()).toEqual([]);
      const put = notice('a', { text: 'a "line" \u0001\n/ of 维护 😀', severity: 'critical' });
      await current.store.put(put);
      expect(await current.store.read()).toEqual([put]);
      expect(await (await current.reopen()).read()).toEqual([put]);
    });

    test('[B1] the same id replaces, and moves to the end', async () => {
      for (const id of ['a', 'b']) await current.store.put(notice(id));
      await current.store.put(notice('a', { text: 'another' }));
      expect(await current.store.read()).toEqual([notice('b'), notice('a', { text: 'another' })]);
    });

    test('[B1] a notice that has ended removes the stored one with its id, and repeats change nothing', async () => {
      for (const id of ['a', 'b']) await current.store.put(notice(id));
      for (let times = 0; times < 2; times++) await current.store.put(notice('a', { until: 0 }));
      expect(await storedIds()).toEqual(['b']);
      await current.store.put(notice('b', { until: 0 }));
      expect(await storedIds()).toEqual([]);
    });

    test('[B1] puts that run at once are all stored', async () => {
      const ids = Array.from({ length: 10 }, (_, index) => `n${index}`);
      await Promise.all(ids.map((id) => current.store.put(notice(id))));
      expect((await storedIds()).toSorted()).toEqual(ids.toSorted());
    });
  });
}
