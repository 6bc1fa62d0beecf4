// Registrations become devices, and events where somebody wants them.

import { expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '@hongyan/base/log';
import { encodeBatch } from '../../ports/devices/registration-batch.ts';
import { openSqliteDevices } from '../../ports/devices/sqlite-devices.ts';
import { registration } from '../../ports/devices/testing/builders.ts';
import { noOutlet, type RegisteredDevice } from '../../ports/event-log/event-outlet.ts';
import type { ClaimedTask, TaskId } from '../../ports/task-queue/task-queue.ts';
import { registrationWork } from './registration-work.ts';

const taskOf = (...tokens: readonly string[]): ClaimedTask => ({
  ...{ taskId: '1' as TaskId, attempt: 1, kind: 'devices.register', failureCount: 0, addedAtMs: 1 },
  payload: encodeBatch(tokens.map((token) => registration(token))),
});

test('[T11][W1] each registration is stored, and told to whoever wants events, again where the task is done again', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'hongyan-registrations-'));
  const devices = await openSqliteDevices({ path: join(folder, 'devices.db'), log: silentLog });
  const told: RegisteredDevice[] = [];
  let isWanted = false;
  const work = registrationWork(devices, {
    ...noOutlet,
    get isWanted() {
      return isWanted;
    },
    async devices(registered) {
      told.push(...registered);
    },
  });
  await work.handle([taskOf('device-a')]);
  expect(told).toEqual([]);
  isWanted = true;
  await work.handle([taskOf('device-a', 'device-b'), taskOf('device-c')]);
  await work.handle([taskOf('device-c')]);
  expect(await devices.total()).toBe(3);
  expect(told.map(({ deviceToken }) => deviceToken)).toEqual(['device-a', 'device-b', 'device-c', 'device-c']);
  expect(told[0]).toMatchObject({ model: 'P1', firmware: '1.0', atMs: 1_000 });
  await devices.close();
  rmSync(folder, { recursive: true });
});
