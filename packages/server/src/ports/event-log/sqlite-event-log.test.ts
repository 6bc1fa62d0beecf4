// The SQLite event log by the contract, and on a full disk.

import { expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '@hongyan/base/log';
import { rejectionOf } from '@hongyan/testing/rejection';
import { openSqliteEventLog } from './sqlite-event-log.ts';
import { eventLogContract } from './testing/contract.ts';
import { event, events } from './testing/drafts.ts';

const open = (folder: string, maxBytes?: number) =>
  openSqliteEventLog({ path: join(folder, 'events.db'), log: silentLog, queueMax: 1_000, batchMax: 1_000, maxBytes });

eventLogContract('sqlite', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'hongyan-events-'));
  let log = await open(folder);
  return {
    log,
    async reopen() {
      await log.close();
      log = await open(folder);
      return log;
    },
    async remove() {
      await log.close();
      rmSync(folder, { recursive: true });
    },
  };
});

test('a full disk rejects the batch and stores nothing of it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'hongyan-events-'));
  const log = await open(folder, 200 * 1024);
  await log.append({ events: events(1) });
  const large = events(300, { dataJson: JSON.stringify('x'.repeat(1_000)) });
  expect(await rejectionOf(log.append({ events: large }))).toMatchObject({ code: 'unavailable' });
  await log.append({ events: [event()] });
  expect((await log.read({ after: 0, limit: 10 })).events.map(({ position }) => position)).toEqual([1, 2]);
  await log.close();
  rmSync(folder, { recursive: true });
});
