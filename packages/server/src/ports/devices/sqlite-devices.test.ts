// The SQLite device store: its contract, colliding hashes, and the effects of disk failures.

import { Database } from 'bun:sqlite';
import { afterEach, beforeEach, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '@hongyan/base/log';
import { rejectionOf } from '@hongyan/testing/rejection';
import { openSqliteDeviceReader, openSqliteDevices } from './sqlite-devices.ts';
import { register, registration, token } from './testing/builders.ts';
import { devicesContract } from './testing/contract.ts';

const newFolder = () => mkdtempSync(join(tmpdir(), 'hongyan-devices-'));
const open = (path: string, maxBytes?: number) => openSqliteDevices({ path, log: silentLog, maxBytes });

devicesContract('sqlite devices', async () => {
  const folder = newFolder();
  const path = join(folder, 'devices.db');
  const devices = await open(path);
  let current = devices;
  return {
    devices,
    async reopen() {
      await current.close();
      current = await open(path);
      return current;
    },
    async remove() {
      await current.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
});

let folder: string;
let path: string;
beforeEach(() => {
  folder = newFolder();
  path = join(folder, 'devices.db');
});
afterEach(() => rmSync(folder, { recursive: true }));

const many = (count: number, from = 0) =>
  Array.from({ length: count }, (_, index) => registration(`token-${from + index}-${'x'.repeat(100)}`));

test('[T11] tokens whose hashes collide are stored in the next places, and each is found', async () => {
  let devices = await open(path);
  await register(devices, registration('token-a'));
  await devices.close();
  // Other tokens get into the places of those that come.
  const db = new Database(path);
  const seed = BigInt(db.query<{ value: number }, []>('SELECT value FROM seed').get()?.value ?? 0);
  const hash = Number(Bun.hash.wyhash('token-b', seed) & (2n ** 52n - 1n));
  for (const at of [hash, hash + 1]) db.run('INSERT INTO token_hash(hash, device_no) VALUES(?, 1)', [at]);
  db.close();
  devices = await open(path);
  expect(await devices.get(token('token-b'))).toBeUndefined();
  expect((await register(devices, registration('token-b'), registration('token-c'))).storedCount).toBe(2);
  expect((await register(devices, registration('token-b', { registeredAtMs: 2_000 }))).storedCount).toBe(1);
  expect(await devices.get(token('token-b'))).toMatchObject({ registeredAtMs: 2_000 });
  expect(await devices.get(token('token-a'))).toMatchObject({ registeredAtMs: 1_000 });
  expect(await devices.total()).toBe(3);
  await devices.close();
});

test('[T11] a full disk rejects registrations as unavailable and counts none that is not stored; with room they are stored', async () => {
  let devices = await open(path, 300 * 1024);
  await register(devices, ...many(100));
  expect(await rejectionOf(register(devices, ...many(9_000)))).toHaveProperty('code', 'unavailable');
  const { devices: stored } = await devices.list({ limit: 100_000 });
  expect(await devices.total()).toBe(stored.length);
  await devices.close();
  devices = await open(path);
  await register(devices, ...many(9_000));
  expect(await devices.total()).toBe(9_000);
  expect((await devices.list({ limit: 100_000 })).devices).toHaveLength(9_000);
  await devices.close();
});

test('a reader beside the writer sees committed devices; a file of another layout is rejected', async () => {
  const devices = await open(path);
  const reader = openSqliteDeviceReader(path);
  await register(devices, registration('token-a'));
  expect(await reader.total()).toBe(1);
  await reader.close();
  await devices.close();
  const db = new Database(path);
  db.run('PRAGMA user_version = 99');
  db.close();
  expect(() => openSqliteDeviceReader(path)).toThrow('later version');
});
