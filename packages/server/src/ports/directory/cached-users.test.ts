// Users behind caches: the contract of users, and several processes.

import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '@hongyan/base/log';
import { StoreFailure } from '@hongyan/base/result';
import type { UserId } from '@hongyan/protocol/ids';
import { ManualClock } from '@hongyan/testing/manual-clock';
import { rejectionOf } from '@hongyan/testing/rejection';
import { until } from '@hongyan/testing/until';
import { MemoryCache } from '../cache/memory-cache.ts';
import { MemoryEventBus } from '../event-bus/memory-event-bus.ts';
import { CachedUsers } from './cached-users.ts';
import type { Directory } from './directory.ts';
import { openSqliteDirectory } from './sqlite-directory.ts';
import { newUser, user } from './testing/builders.ts';
import { searchContract, usersContract } from './testing/contract-users.ts';

let folder: string;
let directory: Directory;
let clock: ManualClock;
let bus: MemoryEventBus;
let cache: MemoryCache;
/** The number of queries of the store. */
let questions: number;
let opened: CachedUsers[];
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'hongyan-cached-users-'));
  directory = await openSqliteDirectory({
    path: join(folder, 'directory.db'),
    log: silentLog,
    queueMax: 1_000,
    batchMax: 100,
  });
  clock = new ManualClock();
  bus = new MemoryEventBus();
  cache = new MemoryCache({ clock, random: Math.random, valuesMax: 1_000 });
  questions = 0;
  opened = [];
});
afterEach(async () => {
  for (const users of opened) users.stop();
  await directory.close();
  rmSync(folder, { recursive: true, force: true });
});

/** The store, with its questions counted. */
const counted = (): Directory =>
  methodsOf(directory, {
    getUsers(userIds: readonly UserId[]) {
      questions++;
      return directory.getUsers(userIds);
    },
  });

/** A process. */
async function open(): Promise<CachedUsers> {
  const users = new CachedUsers(counted(), { cache, bus, clock, log: silentLog, localMax: 100, localMs: 5_000 });
  opened.push(users);
  await users.follow();
  await users.fill();
  return users;
}

/** `port` with some methods in the place of its own. */
function methodsOf<Port extends object>(port: Port, own: object): Port {
  return new Proxy(port, {
    get(target, name) {
      const from = name in own ? own : target;
      const value: unknown = Reflect.get(from, name);
      return typeof value === 'function' ? (value as (...args: unknown[]) => unknown).bind(from) : value;
    },
  });
}

describe('cached users', () => {
  let users: CachedUsers;
  beforeEach(async () => {
    users = await open();
  });
  const current = () => methodsOf(directory, users);
  usersContract(current);
  searchContract(current);
});

test('[F4] users who were read are not read again, by no process, until they change', async () => {
  await directory.createUser(newUser('Ann', 'Ann Lee'));
  const [one, other] = [await open(), await open()];
  for (const process of [one, one, other, other])
    expect((await process.getUsers([user('ANN')])).get(user('ANN'))?.displayName).toBe('Ann Lee');
  expect(questions).toBe(1);
  await other.updateUser({ userId: user('ann'), displayName: 'Ann Jones' });
  for (const process of [one, other])
    expect((await process.getUsers([user('ann')])).get(user('ann'))?.displayName).toBe('Ann Jones');
  await one.setTier({ userId: user('ann'), tier: 'paid' });
  expect(await other.getTier(user('Ann'))).toBe('paid');
});

test('[F5] missing users cost no query, and are found once another process has created them', async () => {
  const [one, other] = [await open(), await open()];
  expect((await one.getUsers(['x', 'y', 'ann'].map(user))).size).toBe(0);
  expect(await one.getTier(user('x'))).toBeUndefined();
  expect(questions).toBe(0);
  await other.createUser(newUser('Ann'));
  expect((await one.getUsers([user('x'), user('ann')])).size).toBe(1);
  expect(questions).toBe(1);
});

test('[F5] a user is not created when the other processes cannot be notified', async () => {
  const one = await open();
  const isDown = new StoreFailure('unavailable', 'down');
  const mute = methodsOf(bus, { publish: () => Promise.reject(isDown) });
  const other = new CachedUsers(directory, { cache, bus: mute, clock, log: silentLog, localMax: 10, localMs: 5_000 });
  expect(await rejectionOf(other.createUser(newUser('ann')))).toBe(isDown);
  expect((await directory.getUsers([user('ann')])).size).toBe(0);
  expect((await one.getUsers([user('ann')])).size).toBe(0);
  other.stop();
});

test('[F5] after a loss every user is queried until the existing ones are read again', async () => {
  const one = await open();
  await directory.createUser(newUser('ann'));
  // Of a process that did not notify.
  expect((await one.getUsers([user('ann')])).size).toBe(0);
  bus.reportLoss();
  expect((await one.getUsers([user('ann')])).size).toBe(1);
  const before = questions;
  clock.advance(5_000);
  await until(async () => {
    const asked = questions;
    await one.getUsers([user(`nobody ${asked}`)]);
    return questions === asked;
  });
  expect(questions).toBeGreaterThanOrEqual(before);
  expect((await one.getUsers([user('ann')])).size).toBe(1);
});
