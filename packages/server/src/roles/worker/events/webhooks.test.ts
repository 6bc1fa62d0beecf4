// Endpoints of webhooks where the log of events fails for a moment.

import { expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@hongyan/base/clock';
import { silentLog } from '@hongyan/base/log';
import { StoreFailure } from '@hongyan/base/result';
import { openSqliteEventLog } from '../../../ports/event-log/sqlite-event-log.ts';
import { GuardedOutbound } from '../../../ports/outbound/guarded-outbound.ts';
import type { Position } from '../../../ports/timeline/timeline.ts';
import { around } from '../../core/testing/faulty-port.ts';
import { codeOf } from '../../core/testing/world.ts';
import { Webhooks } from './webhooks.ts';

test('an endpoint that was added is not answered as one that was not, where the log cannot be read after it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'hongyan-webhooks-'));
  const bounds = { queueMax: 1_000, batchMax: 1_000, log: silentLog };
  const log = await openSqliteEventLog({ path: join(folder, 'events.db'), ...bounds });
  let isBroken = false;
  const faulty = around(log, async (name, call) => {
    if (isBroken && name === 'isRecording') throw new StoreFailure('unavailable', 'cannot be read now');
    const value = await call();
    if (name === 'addEndpoint') isBroken = true;
    return value;
  });
  const webhooks = new Webhooks({
    ...{ openLog: async () => faulty, isPulled: false, noticedWithinMs: 0 },
    ...{ clock: systemClock, timeoutMs: 1_000, version: 'test' },
    timeline: { position: async () => 'epoch.0' as Position },
    outbound: new GuardedOutbound({ mayReachPrivate: true }),
    newKey: (bytes) => new Uint8Array(bytes).fill(7),
  });
  expect(codeOf(await webhooks.add({ url: 'https://shop.example/hook', types: [] }))).toBe('unknown_outcome');
  expect(await log.endpoints()).toHaveLength(1);
  await log.close();
  rmSync(folder, { recursive: true, force: true });
});
