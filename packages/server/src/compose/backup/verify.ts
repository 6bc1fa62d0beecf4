// Reads a copy of the stores back: each file whole, seqs without holes, keys once, and no store ahead of another.

import type { Database } from 'bun:sqlite';
import { existsSync } from 'node:fs';
import { closeWriter, openWriter } from '../../adapters/sqlite/open.ts';
import { dataLayout, storeFiles } from '../../config/data-layout.ts';
import { headsPath, listMonths, monthPath } from '../../ports/timeline/sqlite/month-file.ts';
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

function withStore<T>(path: string, read: (db: Database) => T): T {
  const db = openWriter(path);
  try {
    return read(db);
  } catch (error) {
    throw new Error(`${path}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  } finally {
    closeWriter(db);
  }
}

function assertWhole(db: Database): void {
  const rows = db.query<{ integrity_check: string }, []>('PRAGMA integrity_check(3)').all();
  const found = rows.map(({ integrity_check }) => integrity_check).join('; ');
  if (found !== 'ok') throw new Error(`SQLite finds it damaged: ${found}`);
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
    `SELECT c.id, count(*) AS count, min(r.seq) AS first, max(r.seq) AS last FROM (
       SELECT n >> 32 AS no, n & 4294967295 AS seq FROM entry
       UNION SELECT n >> 32, n & 4294967295 FROM change
       UNION SELECT conversation_no, seq FROM tail) r JOIN conversation c ON c.no = r.no GROUP BY r.no`,
  );
  let entries = 0;
  for (const { id, count, first, last } of spans.iterate()) {
    const before = lastSeqs.get(id);
    if (before !== undefined && first !== before + 1)
      throw new Error(`[D2] ${id} goes on with seq ${first} after ${before}`);
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
