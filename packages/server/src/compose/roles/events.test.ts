// What happens when the store of events cannot be had: on a real log, with timelines and sessions that nobody asks.

import { afterAll, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, systemClock } from '@hongyan/base/clock';
import { type Log, silentLog } from '@hongyan/base/log';
import { StoreFailure } from '@hongyan/base/result';
import { ManualClock } from '@hongyan/testing/manual-clock';
import { loadConfig } from '../../config/load.ts';
import { Metrics } from '../../metrics/metrics.ts';
import type { EventLog, Position } from '../../ports/event-log/event-log.ts';
import { openSqliteEventLog } from '../../ports/event-log/sqlite-event-log.ts';
import { type EventSources, type OpenEvents, openEvents } from './events.ts';

const folder = mkdtempSync(join(tmpdir(), 'hongyan-events-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const endpoint = { url: 'https://hooks.example.org/', types: [] };

const sources = {
  timeline: {
    position: async () => 'e.1' as Position,
    feed: {
      read: async () => ({ entries: [], position: 'e.1' as Position }),
      wait: ({ signal }: { signal: AbortSignal }) =>
        new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve())),
    },
  },
  directory: {},
  registry: { online: async () => new Map() },
} as unknown as EventSources;

const openLog = (file: string): Promise<EventLog> =>
  openSqliteEventLog({ path: join(folder, file), log: silentLog, queueMax: 100, batchMax: 10 });

function openWith(
  open: () => Promise<EventLog>,
  { sends, clock = systemClock, log = silentLog }: { sends: boolean; clock?: Clock; log?: Log },
): Promise<OpenEvents> {
  const loaded = loadConfig({ argv: [], env: {}, readFile: () => '' });
  if (loaded.type !== 'ok') throw new Error('the defaults are a configuration');
  const metrics = new Metrics({ process: 'test' });
  return openEvents(loaded.config, { log, clock, metrics }, sources, { open, isThere: false, isShared: false, sends });
}

test('a store of events that could not be opened, or asked, is opened anew by the next endpoint, and is no trouble at the end', async () => {
  const closed: EventLog[] = [];
  let tries = 0;
  async function open(): Promise<EventLog> {
    if (++tries === 1) throw new StoreFailure('unavailable', 'the disk is full');
    const log = await openLog(`${tries}.db`);
    const close = log.close.bind(log);
    log.close = () => close().finally(() => closed.push(log));
    if (tries === 2) log.isRecording = () => Promise.reject(new StoreFailure('unavailable', 'the disk is gone'));
    return log;
  }
  const events = await openWith(open, { sends: false });
  expect(await events.webhooks.add(endpoint).catch((error: Error) => error.message)).toBe('the disk is full');
  expect(await events.webhooks.add(endpoint).catch((error: Error) => error.message)).toBe('the disk is gone');
  expect(closed).toHaveLength(1);
  expect(await events.webhooks.add(endpoint)).toMatchObject({ type: 'ok' });
  expect(events.outlet.isWanted).toBe(true);
  await events.close();
  expect(closed).toHaveLength(2);
});

test('a close that comes while the first endpoint opens the store ends what sends from it', async () => {
  const clock = new ManualClock();
  const errors: string[] = [];
  const log = { ...silentLog, error: (line: string) => void errors.push(line) };
  const held = Promise.withResolvers<void>();
  const events = await openWith(() => held.promise.then(() => openLog('late.db')), { sends: true, clock, log });
  const adding = events.webhooks.add(endpoint).catch(() => undefined);
  const closing = events.close();
  held.resolve();
  await Promise.all([adding, closing]);
  for (let turn = 0; turn < 10; turn++) {
    clock.advance(1_000);
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  expect(errors).toEqual([]);
});
