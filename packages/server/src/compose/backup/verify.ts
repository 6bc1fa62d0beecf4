// Reads a copy of the stores back: each file whole, seqs without holes, keys once, and no store ahead of another.

import type { Database } from 'bun:sqlite';
import { existsSync } from 'node:fs';
import { openWriter } from '../../adapters/sqlite/open.ts';
import { emptyLog } from '../../adapters/sqlite/sweep.ts';
import { dataLayout, storeFiles } from '../../config/data-layout.ts';
import { HeadsFile } from '../../ports/timeline/sqlite/heads-file.ts';
import { headsPath, listMonths, monthPath } from '../../ports/timeline/sqlite/month-files.ts';
import type { Manifest } from './manifest.ts';

export interface Verified {
  readonly counts: Manifest['counts'];
  readonly epoch: string;
}

/** Throws with what is wrong. Brings the logs into the files on the way, so that each store is one file afterwards. */
export function verifyStores(data: string): Verified {
  const layout = dataLayout(data);
  for (const path of storeFiles(layout)) if (existsSync(path)) withStore(path, assertWhole);
  const epoch = withStore(headsPath(layout.timeline), (db) => {
    assertWhole(db);
    return db.query<{ epoch: string }, []>('SELECT epoch FROM store').get()?.epoch ?? '';
  });
  assertNoMonthLost(layout.timeline);
  const lastSeqs = new Map<string, number>();
  let entries = 0;
  for (const month of listMonths(layout.timeline))
    entries += withStore(monthPath(layout.timeline, month), (db) => {
      assertWhole(db);
      return checkMonth(db, lastSeqs);
    });
  addClosedHeads(headsPath(layout.timeline), lastSeqs);
  const counts = withStore(layout.directory, (db) => checkDirectory(db, lastSeqs));
  return { counts: { ...counts, entries }, epoch };
}

/** [D2] No server would start on it. */
function assertNoMonthLost(timeline: string): void {
  const heads = HeadsFile.openForReading(timeline);
  try {
    heads.assertNothingLost();
  } finally {
    heads.close();
  }
}

function withStore<T>(path: string, read: (db: Database) => T): T {
  const db = openWriter(path);
  try {
    const found = read(db);
    // The log is no part of a backup. Closing would pass over what keeps it from the file, as a full disk does.
    if (!emptyLog(db)) throw new Error('its write-ahead log is in use and cannot be merged into the file');
    return found;
  } catch (error) {
    throw new Error(`${path}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  } finally {
    db.close();
  }
}

function assertWhole(db: Database): void {
  const rows = db.query<{ integrity_check: string }, []>('PRAGMA integrity_check(3)').all();
  const found = rows.map(({ integrity_check }) => integrity_check).join('; ');
  if (found !== 'ok') throw new Error(`SQLite reports damage: ${found}`);
}

interface Span {
  readonly id: string;
  readonly count: number;
  readonly first: number;
  readonly last: number;
}

/** [D2][D3] Rows that a drain was about to move are in both forms: they count once. */
function checkMonth(db: Database, lastSeqs: Map<string, number>): number {
  const spans = db.query<Span, []>(
    `SELECT id, sum(count) AS count, min(first) AS first, max(last) AS last
     FROM (${spansOf('entry')} UNION ALL ${spansOf('change')} UNION ALL ${unsortedSpans}) GROUP BY id`,
  );
  let entries = 0;
  for (const { id, count, first, last } of spans.iterate()) {
    const before = lastSeqs.get(id);
    if (before !== undefined && first !== before + 1)
      throw new Error(`[D2] ${id} continues with seq ${first} after ${before}`);
    if (count !== last - first + 1) throw new Error(`[D2] ${id} has ${count} entries from seq ${first} to ${last}`);
    lastSeqs.set(id, last);
    entries += count;
  }
  const doubled = db
    .query<{ count: number }, []>(
      `SELECT count(*) AS count FROM (SELECT client_msg_id, sender_no FROM (
         SELECT client_msg_id, sender_no, n FROM by_key
         UNION SELECT client_msg_id, sender_no, (conversation_no << 32) | seq FROM tail)
       GROUP BY client_msg_id, sender_no HAVING count(*) > 1)`,
    )
    .get();
  if (doubled && doubled.count > 0) throw new Error(`[D3] ${doubled.count} keys have more than one entry`);
  return entries;
}

/** In the order of the table: to sort the rows of a month, or to make a set of them, takes 30 bytes of memory for each. */
const spansOf = (table: string): string =>
  `SELECT c.id, count(*) AS count, min(e.n) & 4294967295 AS first, max(e.n) & 4294967295 AS last
   FROM conversation c CROSS JOIN ${table} e ON e.n > c.no << 32 AND e.n < (c.no + 1) << 32 GROUP BY c.no`;

const isSorted = (table: string): string =>
  `EXISTS (SELECT 1 FROM ${table} WHERE n = (t.conversation_no << 32) | t.seq)`;

/** Of the tail alone, which is bounded. */
const unsortedSpans = `SELECT c.id, count(*) AS count, min(t.seq) AS first, max(t.seq) AS last
   FROM tail t CROSS JOIN conversation c ON c.no = t.conversation_no
   WHERE NOT ${isSorted('entry')} AND NOT ${isSorted('change')} GROUP BY t.conversation_no`;

/** Of conversations whose months retention removed. */
function addClosedHeads(path: string, lastSeqs: Map<string, number>): void {
  withStore(path, (db) => {
    const rows = db.query<{ id: string; last: number }, []>('SELECT conversation_id AS id, last_seq AS last FROM head');
    for (const { id, last } of rows.iterate()) lastSeqs.set(id, Math.max(last, lastSeqs.get(id) ?? 0));
  });
}

/** [D7] A directory that is ahead of the timeline would have read what is written next. */
function checkDirectory(db: Database, lastSeqs: ReadonlyMap<string, number>) {
  const rows = db.query<{ id: string; delivered: number }, []>(
    `SELECT c.id, max(m.delivered_seq) AS delivered FROM member m JOIN conversation c ON c.no = m.conversation_no
     GROUP BY m.conversation_no`,
  );
  for (const { id, delivered } of rows.iterate()) {
    const last = lastSeqs.get(id) ?? 0;
    if (delivered > last)
      throw new Error(`[D7] ${id} is delivered up to seq ${delivered}, and its timeline ends at ${last}`);
  }
  const count = (sql: string): number => db.query<{ n: number }, []>(`SELECT count(*) AS n FROM ${sql}`).get()?.n ?? 0;
  return { users: count('user WHERE created_at IS NOT NULL'), conversations: count('conversation') };
}
