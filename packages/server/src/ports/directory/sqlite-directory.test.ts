// The SQLite directory: the contract every directory keeps, and what a disk and a kill may do to a file.

import { Database } from 'bun:sqlite';
import { afterEach, beforeEach, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '@hongyan/base/log';
import type { ConversationId, Seq, UserId } from '@hongyan/protocol/ids';
import { rejectionOf } from '@hongyan/testing/rejection';
import type { Directory } from './directory.ts';
import { openSqliteDirectory } from './sqlite-directory.ts';
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
      rmSync(folder, { recursive: true });
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

const user = (id: string) => ({ userId: id as UserId, displayName: id, createdAtMs: 1, passwordHash: 'x' });
const bigGroup = (size: number) => ({
  conversationId: 'g:big' as ConversationId,
  kind: 'group' as const,
  title: '',
  members: Array.from({ length: size }, (_, index) => ({ userId: `u${index}` as UserId, role: 'member' as const })),
  atMs: 1,
});

test('[D1] what resolved is there after kill -9', async () => {
  const writer = Bun.spawn([process.execPath, join(import.meta.dir, 'testing/endless-writer.ts'), path], {
    stdout: 'pipe',
    stderr: 'inherit',
  });
  const last = await lastLineBeforeKill(writer, 200);
  expect(last).toBeGreaterThanOrEqual(200);
  const directory = await open(path);
  const member = await directory.getMember({ conversationId: 'g:1' as ConversationId, userId: 'ann' as UserId });
  expect(member?.readSeq).toBeGreaterThanOrEqual(last);
  for (let number = 1; number <= last; number++) {
    expect(await directory.getUser(`u${number}` as UserId)).toBeDefined();
  }
  await directory.close();
}, 30_000);

/** Kills it at the line `enough`, in the middle of its work; the number of the last whole line that came out. */
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

test('a full disk rejects a conversation and leaves none of its members; room brings it back', async () => {
  let directory: Directory = await open(path, 128 * 1024);
  expect(await directory.createUser(user('ann'))).toBe(true);
  expect(await rejectionOf(directory.createConversation(bigGroup(10_000)))).toHaveProperty('code', 'SQLITE_FULL');
  expect(await directory.getConversation('g:big' as ConversationId)).toBeUndefined();
  expect(await directory.memberships('u0' as UserId)).toEqual([]);
  expect(await directory.createUser(user('bob'))).toBe(true);
  // What was learned about the conversation was forgotten with it.
  const join = {
    conversationId: 'g:big' as ConversationId,
    role: 'member',
    visibleFromSeq: 1 as Seq,
    atMs: 1,
  } as const;
  expect(await directory.addMember({ ...join, userId: 'ann' as UserId })).toBe(false);
  await directory.close();
  directory = await open(path);
  expect(await directory.createConversation(bigGroup(10_000))).toBe(true);
  expect((await directory.getConversation('g:big' as ConversationId))?.memberCount).toBe(10_000);
  await directory.close();
});

test('a file of a later version is refused and left as it is', async () => {
  await (await open(path)).close();
  const db = new Database(path);
  db.run('PRAGMA busy_timeout = 5000');
  db.run('PRAGMA user_version = 1000');
  db.close();
  expect(String(await rejectionOf(open(path)))).toContain('later version');
});

test('a write after close rejects, and closing again is nothing', async () => {
  const directory = await open(path);
  await directory.close();
  expect(String(await rejectionOf(directory.createUser(user('ann'))))).toContain('closed');
  await directory.close();
});
