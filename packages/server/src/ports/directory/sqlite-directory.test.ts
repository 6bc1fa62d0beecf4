// The SQLite directory: its contract, and the effects of disk failures and kills on its file.

import { Database } from 'bun:sqlite';
import { afterEach, beforeEach, expect, test } from 'bun:test';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '@hongyan/base/log';
import { rejectionOf } from '@hongyan/testing/rejection';
import { createRandom, testSeed } from '@hongyan/testing/seed';
import { openSqliteDeviceReader } from '../devices/sqlite-devices.ts';
import type { Position } from '../timeline/timeline.ts';
import { conversationListSql } from './sqlite/conversation-reads.ts';
import { searchSql } from './sqlite/user-reads.ts';
import { openSqliteDirectory, openSqliteDirectoryReader } from './sqlite-directory.ts';
import {
  advance,
  allMembers,
  conversationOf,
  group,
  joining,
  keyOf,
  memberOf,
  newUser,
  receiptsOf,
  seq,
  user,
} from './testing/builders.ts';
import { directoryContract } from './testing/contract.ts';

const open = (path: string, maxBytes?: number) =>
  openSqliteDirectory({ path, log: silentLog, maxBytes, queueMax: 50_000, batchMax: 1_000 });

const newFolder = () => mkdtempSync(join(tmpdir(), 'hongyan-directory-'));

directoryContract('sqlite directory', async () => {
  const folder = newFolder();
  const path = join(folder, 'directory.db');
  const directory = await open(path);
  let current = directory;
  return {
    directory,
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
  path = join(folder, 'directory.db');
});
afterEach(() => rmSync(folder, { recursive: true }));

const ids = (size: number) => Array.from({ length: size }, (_, index) => `u${index}`);

test('[D1] [D9] resolved writes survive kill -9: users, and receipts that committed without an fsync', async () => {
  const writer = Bun.spawn([process.execPath, join(import.meta.dir, 'testing/endless-writer.ts'), path], {
    stdout: 'pipe',
    stderr: 'inherit',
  });
  const last = await lastLineBeforeKill(writer, 200);
  expect(last).toBeGreaterThanOrEqual(200);
  const directory = await open(path);
  expect((await memberOf(directory, 'ann'))?.readSeq).toBeGreaterThanOrEqual(last);
  expect((await receiptsOf(directory, 'ann'))[0]?.readSeq).toBeGreaterThanOrEqual(last);
  const created = ids(last + 1).filter((_, number) => number % 2 === 1);
  expect((await directory.getUsers(created.map(user))).size).toBe(created.length);
  await directory.close();
}, 30_000);

/** Kills the process at the line `enough`. Returns the number of the last complete line that it printed. */
async function lastLineBeforeKill(
  writer: Bun.Subprocess<'ignore', 'pipe', 'inherit'>,
  enough: number,
): Promise<number> {
  const decoder = new TextDecoder();
  let text = '';
  let last = 0;
  for await (const chunk of writer.stdout) {
    text += decoder.decode(chunk, { stream: true });
    const lines = text.split('\n');
    text = lines.pop() ?? '';
    last = Number(lines.at(-1) ?? last);
    if (last >= enough) writer.kill('SIGKILL');
  }
  await writer.exited;
  return last;
}

test('[E3] the sent mark is where it was moved last', async () => {
  let directory = await open(path);
  expect(await directory.sentThrough()).toBeUndefined();
  for (const position of ['a.1', 'a.7']) await directory.moveSentThrough(position as Position);
  expect(await directory.sentThrough()).toBe('a.7' as Position);
  await directory.close();
  directory = await open(path);
  expect(await directory.sentThrough()).toBe('a.7' as Position);
  await directory.close();
});

test('a full disk rejects a conversation and leaves none of its members; room brings it back', async () => {
  let directory = await open(path, 192 * 1024);
  expect(await directory.createUser(newUser('ann'))).toBe(true);
  const failure = await rejectionOf(directory.createConversation(group('g:big', ids(10_000))));
  expect(String(failure)).toContain('full');
  expect(await conversationOf(directory, 'g:big')).toBeUndefined();
  expect(await directory.countMemberships(user('u0'))).toBe(0);
  expect(await directory.createUser(newUser('bob'))).toBe(true);
  // The numbers of rolled back rows are forgotten, because they may now belong to other ids, or to none.
  expect(await directory.addMember(joining('ann', keyOf('ann', 'g:big')))).toBe('no_conversation');
  expect(await directory.advanceReceipts([advance({ userId: user('u0'), readSeq: seq(1) })])).toMatchObject([
    { changed: false },
  ]);
  await directory.close();
  directory = await open(path);
  expect(await directory.createConversation(group('g:big', ids(10_000)))).toEqual({ type: 'created' });
  expect(await allMembers(directory, 'g:big', 5_000)).toHaveLength(10_000);
  await directory.close();
});

test('positions that were rolled back are not remembered', async () => {
  const directory = await open(path, 192 * 1024);
  await directory.createConversation(group('g:1', ['ann', 'bob']));
  const failed = await Promise.allSettled([
    directory.advanceReceipts([advance({ readSeq: seq(5) })]),
    directory.createConversation(group('g:big', ids(10_000))),
  ]);
  expect(failed.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(await memberOf(directory, 'ann')).toMatchObject({ deliveredSeq: 0, readSeq: 0 });
  const [result] = await directory.advanceReceipts([advance({ readSeq: seq(3) })]);
  expect(result).toMatchObject({ readSeq: 3, changed: true });
  expect(await receiptsOf(directory, 'ann')).toMatchObject([{ readSeq: 3 }]);
  await directory.close();
});

/** Changes a closed file by hand. */
function edit(change: (db: Database) => void): void {
  const db = new Database(path, { create: true });
  db.run('PRAGMA busy_timeout = 5000');
  change(db);
  db.close();
}

test('a file of a later version is refused and left as it is', async () => {
  await (await open(path)).close();
  edit((db) => db.run('PRAGMA user_version = 1000'));
  expect(String(await rejectionOf(open(path)))).toContain('later version');
  expect(() => openSqliteDirectoryReader(path)).toThrow('later version');
});

test('[T15] devices of sessions are carried over to the store of devices, again where a crash came between, and keep their receipts', async () => {
  const directory = await open(path);
  await directory.createUser(newUser('Ann'));
  await directory.createConversation(group('g:1', ['ann']));
  await directory.advanceReceipts([advance({ readSeq: seq(5) })]);
  await directory.close();
  // Restores the previous layout, with its data of devices.
  const takeBack = () =>
    edit((db) => {
      db.run('ALTER TABLE device_number RENAME TO device');
      db.run("ALTER TABLE device ADD COLUMN name TEXT NOT NULL DEFAULT 'Chrome'");
      db.run('ALTER TABLE device ADD COLUMN last_seen INTEGER NOT NULL DEFAULT 7');
      db.run('CREATE INDEX device_by_last_seen ON device(last_seen)');
      db.run('DROP TABLE conversation_word');
      db.run('DROP TABLE sent_mark');
      db.run('PRAGMA user_version = 6');
    });
  for (let round = 0; round < 2; round++) {
    takeBack();
    const moved = await open(path);
    expect(await receiptsOf(moved, 'ann')).toMatchObject([{ deviceId: 'phone', readSeq: 5 }]);
    await moved.close();
    const devices = openSqliteDeviceReader(join(folder, 'devices.db'));
    expect((await devices.ofUsers([user('ann')])).get(user('ann'))).toMatchObject([
      { deviceId: 'phone', name: 'Chrome', lastSeenMs: 7 },
    ]);
    await devices.close();
  }
});

test('[O31] titles from before titles could be searched are found', async () => {
  const directory = await open(path);
  await directory.createConversation(group('g:1', ['ann']));
  await directory.close();
  edit((db) => {
    db.run('DROP TABLE conversation_word');
    db.run('DROP TABLE sent_mark');
    db.run('PRAGMA user_version = 7');
  });
  const later = await open(path);
  expect(await later.searchConversations({ query: 'title of', limit: 10 })).toHaveLength(1);
  await later.close();
});

test('a file of the layout of 0.1 is rejected with a remedy, and not changed', async () => {
  edit((db) => {
    db.run('CREATE TABLE user(id TEXT PRIMARY KEY, display_name TEXT NOT NULL) WITHOUT ROWID');
    db.run('PRAGMA user_version = 1');
  });
  const refusal = String(await rejectionOf(open(path)));
  for (const part of ['directory.db', 'version 0.1', '--data']) expect(refusal).toContain(part);
  // The rejection comes when the thread has ended and the log beside the file is deleted.
  expect(readdirSync(folder)).toEqual(['directory.db']);
  expect(() => openSqliteDirectoryReader(path)).toThrow('version 0.1');
  edit((db) => expect(db.query('SELECT name FROM sqlite_master').all()).toHaveLength(1));
});

test('a reader beside the writer sees committed rows and has no writes', async () => {
  const directory = await open(path);
  const reader = openSqliteDirectoryReader(path);
  expect((await reader.getUsers([user('ann')])).size).toBe(0);
  await directory.createUser(newUser('ann'));
  expect((await reader.getUsers([user('ann')])).size).toBe(1);
  expect(reader).not.toHaveProperty('createUser');
  await reader.close();
  await directory.close();
});

test('a search costs no more the more users match: it reads along an index, without sorting, to the limit', async () => {
  const directory = await open(path);
  await Promise.all(ids(20_000).map((id) => directory.createUser(newUser(id, 'Same Name'))));
  await Promise.all(ids(50).map((id) => directory.createConversation(group(`g:${id}`, ['ann']))));
  edit((db) => {
    for (const sql of Object.values({ ...searchSql, ...conversationListSql })) {
      const steps = db.query<{ detail: string }, []>(`EXPLAIN QUERY PLAN ${sql}`).all();
      for (const { detail } of steps) expect(detail).toStartWith('SEARCH');
    }
  });
  for (const query of ['same', 'name', 'u1'])
    expect(await directory.searchUsers({ query, limit: 20 })).toHaveLength(20);
  expect(await directory.searchConversations({ query: 'title', limit: 20 })).toHaveLength(20);
  await directory.close();
});

test('a write after close rejects, and closing again is harmless', async () => {
  const directory = await open(path);
  await directory.close();
  expect(String(await rejectionOf(directory.createUser(newUser('ann'))))).toContain('closed');
  await directory.close();
  expect(await rejectionOf(directory.getUsers([user('ann')]))).toHaveProperty('code', 'unavailable');
});

test('[E5][E22] no file contains removed private rows once the directory is closed', async () => {
  const random = createRandom(testSeed('private rows'));
  const directory = await open(path);
  const marks = new Map<string, string>();
  const removed: string[] = [];
  const set = (userId: string, after: number) => {
    const key = `draft ${Math.floor(random() * 10)}`;
    const [place, mark] = [`${userId} ${key}`, `~${userId} ${after}~`];
    const before = marks.get(place);
    if (before !== undefined) removed.push(before);
    marks.set(place, mark);
    const json = JSON.stringify(mark + 'x'.repeat(random() * 600));
    const update = { userId: user(userId), afterSeq: seq(after), asOfSeq: seq(after + 1), reads: [] };
    return directory.putPrivate({ ...update, rows: [{ key, seq: seq(after + 1), json }] });
  };
  for (let after = 0; after < 200; after++)
    await Promise.all(Array.from({ length: 40 }, (_, no) => set(`user${no}`, after)));
  await directory.close();
  const held = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'latin1'));
  const isHeld = (mark: string) => held.some((bytes) => bytes.includes(mark));
  expect([...marks.values()].every(isHeld)).toBe(true);
  expect(removed.filter(isHeld)).toEqual([]);
  const db = new Database(path);
  expect(db.query('PRAGMA integrity_check').all()).toEqual([{ integrity_check: 'ok' }]);
  db.close();
});
