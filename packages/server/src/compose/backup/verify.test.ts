// A verification that finds what is wrong: each test breaks a copy of a small store in one way.

import { Database } from 'bun:sqlite';
import { afterEach, beforeEach, expect, test } from 'bun:test';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '@hongyan/base/log';
import { rejectionOf } from '@hongyan/testing/rejection';
import { openReader } from '../../adapters/sqlite/open.ts';
import { dataLayout } from '../../config/data-layout.ts';
import { openSqliteDirectory } from '../../ports/directory/sqlite-directory.ts';
import { advance, group, newUser, seq } from '../../ports/directory/testing/builders.ts';
import { openSqliteTimeline } from '../../ports/timeline/sqlite-timeline.ts';
import { entry } from '../../ports/timeline/testing/entries.ts';
import { verifyStores } from './verify.ts';
import { verifyInThread } from './verify-thread.ts';

const startMs = Date.UTC(2026, 9, 31, 23, 59, 57);
let data: string;

beforeEach(async () => {
  data = mkdtempSync(join(tmpdir(), 'hongyan-verify-'));
  const layout = dataLayout(data);
  const directory = await openSqliteDirectory({ path: layout.directory, log: silentLog, queueMax: 100, batchMax: 100 });
  for (const id of ['ann', 'bob']) await directory.createUser(newUser(id));
  await directory.createConversation(group('g:1', ['ann', 'bob']));
  const timeline = await openSqliteTimeline({ dir: layout.timeline, log: silentLog, queueMax: 100, batchMax: 100 });
  // Over the end of a month.
  for (let no = 1; no <= 6; no++) await timeline.append([entry({ atMs: startMs + no * 1000 })]);
  await timeline.close();
  await directory.advanceReceipts([advance({ deliveredSeq: seq(6) })]);
  await directory.close();
});
afterEach(() => rmSync(data, { recursive: true }));

function change(path: string, sql: string): void {
  const db = new Database(path);
  db.run(sql);
  db.close();
}
const october = () => join(dataLayout(data).timeline, 'timeline-2026-10.db');
const november = () => join(dataLayout(data).timeline, 'timeline-2026-11.db');

test('[O23] a store that is right is counted', () => {
  const { counts, epoch } = verifyStores(data);
  expect(counts).toEqual({ users: 2, conversations: 1, entries: 6 });
  expect(epoch).toMatch(/^\w{12}$/);
  // What the verification still held would have its log beside it.
  expect(existsSync(`${join(dataLayout(data).timeline, 'heads.db')}-wal`)).toBe(false);
});

test('[O23] a month that entries were written to, and that is missing or empty, is found', () => {
  change(dataLayout(data).directory, 'UPDATE member SET delivered_seq = 0');
  rmSync(november());
  expect(() => verifyStores(data)).toThrow(`${november()} is missing or empty`);
  writeFileSync(november(), '');
  expect(() => verifyStores(data)).toThrow(`${november()} is missing or empty`);
});

test('[O23] rows of the tail are counted, and those that are sorted too count once', () => {
  change(
    november(),
    `INSERT INTO tail SELECT p, n >> 32, n & 4294967295, msg_id, sender_no, client_msg_id, timestamp, content, count, 1, NULL, NULL
     FROM entry WHERE n & 4294967295 > 4;`,
  );
  expect(verifyStores(data).counts.entries).toBe(6);
  change(november(), 'DELETE FROM entry WHERE n & 4294967295 = 6');
  expect(verifyStores(data).counts.entries).toBe(6);
  change(november(), 'DELETE FROM tail WHERE seq = 5');
  change(november(), 'DELETE FROM entry WHERE n & 4294967295 = 5');
  expect(() => verifyStores(data)).toThrow('[D2] g:1 has 3 entries from seq 3 to 6');
});

test('[O23][D2] an entry that is missing within a month, or between months, is found', () => {
  change(november(), 'DELETE FROM entry WHERE n & 4294967295 = 5');
  expect(() => verifyStores(data)).toThrow('[D2] g:1 has 3 entries from seq 3 to 6');
  change(november(), 'DELETE FROM entry WHERE n & 4294967295 < 5');
  expect(() => verifyStores(data)).toThrow('[D2] g:1 continues with seq 6 after 2');
});

test('[O23][D3] a key with two entries is found', () => {
  change(
    november(),
    `INSERT INTO tail SELECT p + 100, 1, 7, msg_id, sender_no, client_msg_id, timestamp, content, count, 1, NULL, NULL FROM entry LIMIT 1`,
  );
  expect(() => verifyStores(data)).toThrow('[D3] 1 keys have more than one entry');
});

test('[O23][D7] positions beyond the end of a timeline are found', () => {
  change(dataLayout(data).directory, 'UPDATE member SET delivered_seq = 7');
  expect(() => verifyStores(data)).toThrow('[D7] g:1 is delivered up to seq 7, and its timeline ends at 6');
});

test('[O23] a damaged file is found and named', async () => {
  const bytes = new Uint8Array(await Bun.file(october()).arrayBuffer());
  bytes.fill(0x5a, 4096 * 2 + 200, 4096 * 4);
  await Bun.write(october(), bytes);
  expect(() => verifyStores(data)).toThrow(october());
});

test('[O23] a store whose log cannot be brought into its file is not called whole', () => {
  const reader = openReader(november());
  reader.run('BEGIN');
  reader.query('SELECT count(*) FROM entry').get();
  change(november(), 'UPDATE entry SET timestamp = timestamp + 1');
  expect(() => verifyStores(data)).toThrow(november());
  reader.run('COMMIT');
  reader.close();
  expect(verifyStores(data).counts.entries).toBe(6);
});

test('[O23] a verification in a thread finds the same, and is given up at once where it is stopped', async () => {
  const controller = new AbortController();
  expect(await verifyInThread(data, controller.signal)).toEqual(verifyStores(data));
  const underWay = rejectionOf(verifyInThread(data, controller.signal));
  controller.abort(new Error('stopped'));
  expect(await underWay).toMatchObject({ message: 'stopped' });
  expect(await rejectionOf(verifyInThread(data, controller.signal))).toMatchObject({ message: 'stopped' });
  change(november(), 'DELETE FROM entry WHERE n & 4294967295 = 5');
  const found = await rejectionOf(verifyInThread(data, new AbortController().signal));
  expect(String(found)).toContain('[D2] g:1 has 3 entries from seq 3 to 6');
});
