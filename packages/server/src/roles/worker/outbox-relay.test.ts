// Events of one service become tasks for another, whatever fails in between.

import { expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@hongyan/base/clock';
import { silentLog } from '@hongyan/base/log';
import { StoreFailure } from '@hongyan/base/result';
import { until } from '@hongyan/testing/until';
import { decodeForgotten, forgottenKind } from '../../ports/devices/device-events.ts';
import { openSqliteDevices } from '../../ports/devices/sqlite-devices.ts';
import { device, touch, user } from '../../ports/devices/testing/builders.ts';
import type { NewTask } from '../../ports/task-queue/task-queue.ts';
import { startOutboxRelay } from './outbox-relay.ts';

test('[T16] an event is handed on until a queue has taken it, and then no more; a second relay adds it under the same key', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'hongyan-outbox-'));
  const devices = await openSqliteDevices({ path: join(folder, 'devices.db'), log: silentLog });
  const added: NewTask[] = [];
  let refusals = 1;
  const tasks = {
    async add(news: readonly NewTask[]) {
      if (refusals-- > 0) throw new StoreFailure('unavailable', 'the queue is away');
      added.push(...news);
      return { addedCount: news.length };
    },
  };
  const key = { userId: user('ann'), deviceId: device('phone') };
  await devices.touch(touch('ann', 'phone', 1));
  await devices.forget({ keys: [key], notSeenSinceMs: 50 });
  // The pauses are skipped.
  const clock = { ...systemClock, after: (_: number, run: () => void) => systemClock.after(1, run) };
  const relays = [1, 2].map(() =>
    startOutboxRelay({ outboxes: { devices: devices.outbox }, tasks, clock, log: silentLog }),
  );
  await until(async () => added.length > 0 && (await devices.outbox.pending(1)).length === 0);
  const count = added.length;
  await until(() => devices.outbox.pending(1).then((events) => events.length === 0));
  await Promise.all(relays.map((relay) => relay.drain()));
  expect(added).toHaveLength(count);
  expect(new Set(added.map((task) => task.key)).size).toBe(1);
  expect(added[0]?.kind).toBe(forgottenKind);
  expect(decodeForgotten(added[0]?.payload ?? '[]')).toEqual([key]);
  await devices.close();
  rmSync(folder, { recursive: true });
});
