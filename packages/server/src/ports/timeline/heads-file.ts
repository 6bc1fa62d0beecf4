// Where conversations stood at the end of the months that are closed: what keeps seq going on after a month was dropped [D2].

import type { Database } from 'bun:sqlite';
import type { Seq } from '@hongyan/protocol/ids';
import { openWriter } from '../../adapters/sqlite/open.ts';
import { headsPath, isWholeMonth, listMonths, monthPath, positionOf } from './month-file.ts';
import type { Month } from './timeline.ts';

export interface HeadRow {
  readonly last_seq: Seq;
  readonly last_position: number;
}

export function openHeads(folder: string): Database {
  const db = openWriter(headsPath(folder), { cacheBytes: 8 * 1024 * 1024 });
  db.run(
    'CREATE TABLE IF NOT EXISTS head(conversation_id TEXT PRIMARY KEY, last_seq INTEGER NOT NULL, last_position INTEGER NOT NULL) WITHOUT ROWID',
  );
  db.run('CREATE TABLE IF NOT EXISTS closed_month(month TEXT PRIMARY KEY) WITHOUT ROWID');
  db.run('CREATE TABLE IF NOT EXISTS begun_month(month TEXT PRIMARY KEY) WITHOUT ROWID');
  return db;
}

/** Before a month takes its first entry: from then on its file has to be there. */
export function beginMonth(db: Database, month: Month): void {
  db.query('INSERT INTO begun_month(month) VALUES(?) ON CONFLICT DO NOTHING').run(month);
}

/**
 * Throws when the file of a month that was begun is gone or empty: to go on without it would give its seqs a second time [D2].
 * Dropped months are no loss: those are always the oldest, never the newest.
 */
export function assertNothingLost(db: Database, folder: string): void {
  const begun = db.query<{ month: Month }, []>('SELECT month FROM begun_month ORDER BY month').all();
  const oldestKept = listMonths(folder)[0] ?? begun.at(-1)?.month;
  for (const { month } of begun) {
    if (oldestKept === undefined || month < oldestKept || isWholeMonth(folder, month)) continue;
    throw new Error(
      `${monthPath(folder, month)} is missing or empty, though entries were written to it: put it back from a backup`,
    );
  }
}

export function prepareHead(db: Database) {
  return db.prepare<HeadRow, [string]>('SELECT last_seq, last_position FROM head WHERE conversation_id = ?');
}

/** Takes over the heads of a month that gets no more entries, in one transaction. Doing it again changes nothing. */
export function closeMonth(db: Database, folder: string, month: Month): void {
  if (db.query('SELECT 1 FROM closed_month WHERE month = ?').get(month) !== null) return;
  db.query('ATTACH ? AS closing').run(monthPath(folder, month));
  try {
    db.transaction(() => {
      db.query(
        `INSERT INTO head(conversation_id, last_seq, last_position)
         SELECT c.id, max(e.seq), ? + max(e.n) FROM closing.conversation c JOIN closing.entry e ON e.conversation_no = c.no GROUP BY c.no
         ON CONFLICT DO UPDATE SET last_seq = max(last_seq, excluded.last_seq), last_position = max(last_position, excluded.last_position)`,
      ).run(positionOf(month, 0));
      db.query('INSERT INTO closed_month(month) VALUES(?)').run(month);
    })();
  } finally {
    db.run('DETACH closing');
  }
}
