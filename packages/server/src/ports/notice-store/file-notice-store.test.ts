// Notices in a file: the contract of every store, the time at which they end, and a damaged file.

import { afterEach, beforeEach, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@hongyan/base/clock';
import { ManualClock } from '@hongyan/testing/manual-clock';
import { rejectionOf } from '@hongyan/testing/rejection';
import { FileNoticeStore } from './file-notice-store.ts';
import { noticeStoreContract } from './testing/contract.ts';

const newFolder = () => mkdtempSync(join(tmpdir(), 'hongyan-notices-'));

noticeStoreContract('notices in a file', async () => {
  const folder = newFolder();
  const open = () => new FileNoticeStore(join(folder, 'notices.json'), systemClock);
  return {
    store: open(),
    reopen: async () => open(),
    remove: async () => rmSync(folder, { recursive: true }),
  };
});

let folder: string;
beforeEach(() => {
  folder = newFolder();
});
afterEach(() => rmSync(folder, { recursive: true }));

test('[B1] notices that have ended are removed by the next put', async () => {
  const clock = new ManualClock();
  const store = new FileNoticeStore(join(folder, 'notices.json'), clock);
  const notice = (notice_id: string, forMs: number) =>
    ({ notice_id, text: 'x', severity: 'info', until: clock.nowMs() + forMs }) as const;
  await store.put(notice('short', 1_000));
  clock.advance(1_000);
  await store.put(notice('long', 2_000));
  expect(await store.read()).toMatchObject([{ notice_id: 'long' }]);
});

test('[B1] a damaged file is named with the remedy, and not overwritten', async () => {
  const path = join(folder, 'notices.json');
  const store = new FileNoticeStore(path, systemClock);
  for (const text of ['{', '[{"notice_id": 1}]']) {
    await Bun.write(path, text);
    expect(await rejectionOf(store.read())).toMatchObject({
      message: `${path} is damaged: delete it, and publish the notices in force again`,
    });
    await rejectionOf(store.put({ notice_id: 'a', text: 'x', severity: 'info', until: 1 }));
    expect(await Bun.file(path).text()).toBe(text);
  }
});
