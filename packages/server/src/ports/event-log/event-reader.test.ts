// Reading from a real log: the size of pages, and that readers do not affect each other.

import { afterEach, beforeEach, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '@hongyan/base/log';
import type { Seq } from '@hongyan/protocol/ids';
import { ManualClock } from '@hongyan/testing/manual-clock';
import type { EventLog } from './event-log.ts';
import { EventReader, type PulledEvents } from './event-reader.ts';
import { openSqliteEventLog } from './sqlite-event-log.ts';
import { events } from './testing/drafts.ts';

let folder: string;
let log: EventLog;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'hongyan-reader-'));
  log = await openSqliteEventLog({ path: join(folder, 'events.db'), log: silentLog, queueMax: 1_000, batchMax: 100 });
});
afterEach(async () => {
  await log.close();
  rmSync(folder, { recursive: true });
});

const reader = (contentBytesMax: number) =>
  new EventReader(log, {
    ...{ clock: new ManualClock(), contentBytesMax },
    timeline: {
      messagesAt: async (places) => places.map(() => undefined),
      range: () => Promise.reject(new Error('these events have no entries')),
    },
  });
async function pulled(from: EventReader, after: string | undefined, limit: number): Promise<PulledEvents> {
  const page = await from.pull({ after, limit, waitMs: 0 });
  if (page.type !== 'ok') throw new Error(page.message);
  return page.value;
}

test('[W10] where messages may be large a page has fewer events, and the pages together have all of them', async () => {
  await log.append({ events: events(10) });
  const own = reader(8 * 1024 * 1024);
  const sizes: number[] = [];
  const ids = new Set<string>();
  let after: string | undefined;
  for (let hasMore = true; hasMore; ) {
    const page = await pulled(own, after, 100);
    sizes.push(page.events.length);
    for (const { id } of page.events) ids.add(id);
    [after, hasMore] = [page.position, page.has_more];
  }
  expect(sizes).toEqual([4, 4, 2]);
  expect(ids.size).toBe(10);
});

test('[W10] two readers each get every event, whatever the other has read', async () => {
  await log.append({ events: events(3) });
  const own = reader(32_768);
  const first = await pulled(own, undefined, 2);
  expect((await pulled(own, undefined, 10)).events).toHaveLength(3);
  const rest = await pulled(own, first.position, 10);
  expect([...first.events, ...rest.events].map(({ position }) => position)).toEqual(
    (await pulled(own, undefined, 10)).events.map(({ position }) => position),
  );
});

test('[W10] a reader that is before removed events receives the gap first, and continues after it', async () => {
  await log.append({ events: events(2) });
  const own = reader(32_768);
  const read = await pulled(own, undefined, 1);
  await log.append({ events: events(2, { atMs: 2_000 }) });
  await log.retain({ beforeMs: 2_000, bytesMax: Number.MAX_SAFE_INTEGER });
  const [gap, ...rest] = (await pulled(own, read.position, 10)).events;
  expect(gap).toMatchObject({ type: 'events.gap', data: { reason: 'retention' } });
  expect(rest).toHaveLength(2);
  expect((await pulled(own, gap?.position, 10)).events.map(({ id }) => id)).toEqual(rest.map(({ id }) => id));
});

test('[W1] an event whose message was removed meanwhile reports that instead of its content', async () => {
  await log.append({ events: events(1, { seq: 1 as Seq }) });
  const [event] = (await pulled(reader(32_768), undefined, 10)).events;
  expect(event?.data.content).toEqual({ type: 'hongyan.removed' });
});

/** More than one request looks through, and the event that is wanted behind them. */
async function appendForeign(): Promise<void> {
  for (let batch = 0; batch < 13; batch++) await log.append({ events: events(10_000, { type: 'user.online' }) });
  await log.append({ events: events(1) });
}

test('[W10] a request that scans many events of other types is bounded, and reports that there are more', async () => {
  await appendForeign();
  const own = reader(32_768);
  const wanted = { limit: 10, types: ['message.created'], waitMs: 0 } as const;
  let pages = 0;
  const found: string[] = [];
  let after: string | undefined;
  for (let hasMore = true; hasMore; pages++) {
    const page = await own.pull({ ...wanted, after });
    if (page.type !== 'ok') throw new Error(page.message);
    found.push(...page.value.events.map(({ type }) => type));
    [after, hasMore] = [page.value.position, page.value.has_more];
  }
  expect(pages).toBe(2);
  expect(found).toEqual(['message.created']);
}, 60_000);

test('[W10] meanwhile others have their turns of the event loop, and who leaves ends it', async () => {
  await appendForeign();
  const leaving = new AbortController();
  setImmediate(() => setImmediate(() => leaving.abort()));
  const own = reader(32_768);
  const pulling = own.pull({ limit: 10, types: ['message.created'], waitMs: 0, signal: leaving.signal });
  const [left, whole] = [await pulling, await own.pull({ limit: 10, types: ['message.created'], waitMs: 0 })];
  if (left.type !== 'ok' || whole.type !== 'ok') throw new Error('both were answered');
  expect(left.value).toMatchObject({ events: [], has_more: true });
  expect(left.value.position).not.toBe(whole.value.position);
}, 60_000);
