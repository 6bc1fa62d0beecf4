// The access store on SQLite: the contract of every one, and a second process beside it.

import { expect, test } from 'bun:test';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '@hongyan/base/log';
import type { DeviceId, UserId } from '@hongyan/protocol/ids';
import { rejectionOf } from '@hongyan/testing/rejection';
import { hashOfSecret } from '../../domain/api-key.ts';
import { usesPerUserMax } from './revocations.ts';
import { openSqliteAccess } from './sqlite-access.ts';
import { accessContract, revocationsMax } from './testing/contract.ts';

const open = (path: string) =>
  openSqliteAccess({ path, log: silentLog, revocationsMax, queueMax: 10_000, batchMax: 1_000 });
const newFolder = () => mkdtempSync(join(tmpdir(), 'hongyan-access-'));

accessContract('sqlite access', async () => {
  const folder = newFolder();
  const path = join(folder, 'access.db');
  const access = await open(path);
  let current = access;
  return {
    access,
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

test('[A21] a key created or revoked by another process is so for this one at once, and no secret is in the file', async () => {
  const folder = newFolder();
  const path = join(folder, 'access.db');
  const [server, command] = [await open(path), await open(path)];
  const secret = 'a secret that only its holder has';
  const key = {
    keyId: 'k1',
    name: 'shop',
    scopes: ['messages:send'] as const,
    secretHash: hashOfSecret(secret),
    createdAtMs: 1,
  };
  await command.createKey(key);
  expect(await server.findKey('k1')).toEqual(key);
  await command.revokeKey('k1');
  expect(await server.findKey('k1')).toBeUndefined();
  await command.createKey(key);
  await command.close();
  await server.close();
  expect(readFileSync(path, 'latin1')).not.toContain(secret);
  expect(readFileSync(path, 'latin1')).toContain(hashOfSecret(secret));
  rmSync(folder, { recursive: true, force: true });
});

test('[A14] the uses of a user are bounded: a new one replaces the one that expires first', async () => {
  const folder = newFolder();
  const access = await open(join(folder, 'access.db'));
  const [ann, bob] = ['ann', 'bob'] as [UserId, UserId];
  const use = (userId: UserId, index: number) => ({
    tokenId: `${userId} ${index}`,
    userId,
    deviceId: `d${index}` as DeviceId,
    expiresAtMs: 1_000 + index,
  });
  await access.recordUse(use(bob, 0));
  for (let index = 0; index < usesPerUserMax + 3; index++) void access.recordUse(use(ann, index));
  await access.recordUse(use(ann, usesPerUserMax + 3));
  const kept = await access.signedIn({ userId: ann, nowMs: 0 });
  expect(kept).toHaveLength(usesPerUserMax);
  expect(kept).not.toContain('d3' as DeviceId);
  expect(kept).toContain('d4' as DeviceId);
  expect(await access.signedIn({ userId: bob, nowMs: 0 })).toEqual(['d0' as DeviceId]);
  await access.close();
  rmSync(folder, { recursive: true, force: true });
});

test('a file that is something else is refused, and named', async () => {
  const folder = newFolder();
  const path = join(folder, 'access.db');
  writeFileSync(path, 'not a store at all, and long enough to be read as one. '.repeat(100));
  expect(String(await rejectionOf(open(path)))).toContain('access.db');
  rmSync(folder, { recursive: true, force: true });
});
