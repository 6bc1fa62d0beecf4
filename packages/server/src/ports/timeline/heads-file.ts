// Where conversations stood at the end of the months that are closed: what keeps seq going on after a month was dropped [D2].

import type { Database } from 'bun:sqlite';
import type { Seq } from '@hongyan/protocol/ids';
import { openWriter } from '../sqlite/open.ts';
import { headsPath, monthPath, positionOf } from './month-file.ts';
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
  return db;
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
