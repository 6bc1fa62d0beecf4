// Every storage keeps the same promises: here memory and SQLite; IndexedDB in a real browser, in tests/e2e.

import { afterAll, describe, expect, test } from 'bun:test';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConversationId, Seq } from '@hongyan/protocol/ids';
import { createBunSqliteStorage } from './bun-sqlite-storage.ts';
import type { ClientStorage } from './client-storage.ts';
import { createMemoryStorage } from './memory-storage.ts';
import { item, storageContract } from './testing/storage-contract.ts';

const folder = await mkdtemp(join(tmpdir(), 'hongyan-storage-'));
afterAll(() => rm(folder, { recursive: true }));

let count = 0;
const newPath = () => join(folder, `${count++}.db`);

/** A memory storage is itself the data. */
function memory(): () => ClientStorage {
  const storage = createMemoryStorage();
  return () => storage;
}

/** The file is closed before it is opened again, as by the next run of a program. */
function sqlite(): () => ClientStorage {
  const path = newPath();
  let last: ReturnType<typeof createBunSqliteStorage> | undefined;
  return () => {
    last?.close();
    last = createBunSqliteStorage(path);
    return last;
  };
}

describe.each([
  { name: 'memory', make: memory },
  { name: 'bun sqlite', make: sqlite },
])('$name', ({ make }) => {
  test.each([...storageContract])('$title', async ({ run, expected }) => {
    expect(await run(make())).toEqual(expected);
  });
});

const conversationId = 'g:1' as ConversationId;

test('[E5] what a message was before its recall is in no byte of the SQLite file', async () => {
  const path = newPath();
  const storage = createBunSqliteStorage(path);
  const write = (text: string, seq: number) => ({
    conversationId,
    state: {},
    messages: [{ ...item('k', 1).message, content: { type: 'text', text }, seq: seq as Seq }],
  });
  const secret = `secret ${'x'.repeat(3_000)}`;
  for (let seq = 1; seq <= 50; seq++)
    await storage.putConversations([write(seq === 25 ? secret : `other ${seq}`, seq)]);
  expect((await Bun.file(path).text()).includes('secret')).toBe(true);
  await storage.putConversations([write('', 25)]);
  expect((await Bun.file(path).text()).includes('secret')).toBe(false);
  storage.close();
});

test('a SQLite file of another version is emptied and opened', async () => {
  const path = newPath();
  const before = createBunSqliteStorage(path);
  await before.putOutbox(item('a', 1));
  before.close();
  const { Database } = await import('bun:sqlite');
  const db = new Database(path);
  db.run('PRAGMA user_version = 99');
  db.close();
  const storage = createBunSqliteStorage(path);
  expect((await storage.load()).outbox).toEqual([]);
  await storage.putOutbox(item('b', 2));
  expect((await storage.load()).outbox).toHaveLength(1);
  storage.close();
});

test('a SQLite file of another program is refused and left as it is', async () => {
  const path = newPath();
  const { Database } = await import('bun:sqlite');
  const db = new Database(path);
  db.run('CREATE TABLE message (text TEXT)');
  db.run("INSERT INTO message VALUES ('kept')");
  expect(() => createBunSqliteStorage(path)).toThrow(`${path} is a database of another program`);
  expect(db.query('SELECT text FROM message').all()).toEqual([{ text: 'kept' }]);
  db.close();
});
