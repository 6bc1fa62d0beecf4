// heads.db: the epoch of the store, the months that were begun, and the heads of conversations at the end of the closed months. It keeps
// seqs growing after a month was removed [D2].

import type { Database } from 'bun:sqlite';
import { existsSync } from 'node:fs';
import { assert } from '@hongyan/base/assert';
import type { ConversationId, Seq } from '@hongyan/protocol/ids';
import { closeWriter, openReader, openWriter } from '../../../adapters/sqlite/open.ts';
import type { EndedHead } from '../moved-page.ts';
import { newEpoch } from '../position.ts';
import { type Month, positionOf } from './month.ts';
import { headsPath, isWholeMonth, listMonths, monthPath } from './month-files.ts';
import { assertLayout, markLayout } from './month-schema.ts';
import type { MonthHead } from './month-statements.ts';

export interface HeadRow {
  readonly last_seq: Seq;
  readonly last_position: number;
  readonly last_count: number;
  /** Timestamp of the newest counted entry; null when there was none. */
  readonly last_counted: number | null;
}

/** Invalidates all positions of the store. Call it after a restore from a backup, while no server uses the folder. */
export function renewEpoch(folder: string): void {
  const heads = HeadsFile.openForWriting(folder);
  heads.renewEpoch();
  heads.close();
}

export class HeadsFile {
  readonly #folder: string;
  readonly #db: Database;
  readonly #isWriter: boolean;
  readonly #head;

  private constructor(folder: string, db: Database, { isWriter }: { readonly isWriter: boolean }) {
    this.#folder = folder;
    this.#db = db;
    this.#isWriter = isWriter;
    this.#head = db.prepare<HeadRow, [string]>(
      'SELECT last_seq, last_position, last_count, last_counted FROM head WHERE conversation_id = ?',
    );
  }

  static openForWriting(folder: string): HeadsFile {
    assertHeadsNotLost(folder);
    const db = openWriter(headsPath(folder), { cacheBytes: 8 * 1024 * 1024 });
    assertLayout(db, headsPath(folder));
    db.transaction(() => {
      db.run(
        `CREATE TABLE IF NOT EXISTS head(conversation_id TEXT PRIMARY KEY, last_seq INTEGER NOT NULL,
           last_position INTEGER NOT NULL, last_count INTEGER NOT NULL, last_counted INTEGER) WITHOUT ROWID`,
      );
      db.run('CREATE TABLE IF NOT EXISTS begun_month(month TEXT PRIMARY KEY) WITHOUT ROWID');
      db.run(
        'CREATE TABLE IF NOT EXISTS closed_month(month TEXT PRIMARY KEY, last_position INTEGER NOT NULL) WITHOUT ROWID',
      );
      db.run('CREATE TABLE IF NOT EXISTS store(only INTEGER PRIMARY KEY CHECK(only = 1), epoch TEXT NOT NULL)');
      db.query('INSERT INTO store(only, epoch) VALUES(1, ?) ON CONFLICT DO NOTHING').run(newEpoch());
      markLayout(db);
    }).immediate();
    return new HeadsFile(folder, db, { isWriter: true });
  }

  /** Throws when there is no timeline in `folder`. */
  static openForReading(folder: string): HeadsFile {
    const db = openReader(headsPath(folder), { cacheBytes: 8 * 1024 * 1024 });
    assertLayout(db, headsPath(folder));
    return new HeadsFile(folder, db, { isWriter: false });
  }

  epoch(): string {
    const row = this.#db.query<{ epoch: string }, []>('SELECT epoch FROM store').get();
    assert(row, 'heads.db holds the epoch of its store');
    return row.epoch;
  }

  renewEpoch(): void {
    this.#db.query('UPDATE store SET epoch = ?').run(newEpoch());
  }

  /** The head of a conversation at the end of the closed months. */
  head(conversationId: ConversationId): HeadRow | undefined {
    return this.#head.get(conversationId) ?? undefined;
  }

  /** The heads of conversations at the end of the closed months, ascending by id. */
  heads({ after, limit }: { readonly after: string; readonly limit: number }): readonly EndedHead[] {
    return this.#db
      .query<EndedHead, [string, number]>(
        `SELECT conversation_id AS conversationId, last_seq AS lastSeq, last_count AS lastCount,
           coalesce(last_counted, 0) AS lastCountedMs FROM head
         WHERE conversation_id > ? ORDER BY conversation_id LIMIT ?`,
      )
      .all(after, limit);
  }

  /** The position of the newest entry in a month older than `oldestKept`; 0 when there is none. */
  removedThrough(oldestKept: Month | undefined): number {
    const sql = 'SELECT max(last_position) AS position FROM closed_month WHERE month < ?';
    return this.#db.query<{ position: number | null }, [string]>(sql).get(oldestKept ?? '9999-12')?.position ?? 0;
  }

  /** MUST be called before the first entry of a month is stored. From then on the month's file must exist. */
  beginMonth(month: Month): void {
    this.#db.query('INSERT INTO begun_month(month) VALUES(?) ON CONFLICT DO NOTHING').run(month);
  }

  /**
   * Throws when the file of a begun month is missing or empty, because its seqs would be assigned a second time [D2]. Months that retention
   * removed are not missing: those are the oldest ones, and never the newest.
   */
  assertNothingLost(): void {
    const begun = this.#db.query<{ month: Month }, []>('SELECT month FROM begun_month ORDER BY month').all();
    const oldestKept = listMonths(this.#folder)[0] ?? begun.at(-1)?.month;
    for (const { month } of begun) {
      if (oldestKept === undefined || month < oldestKept || isWholeMonth(this.#folder, month)) continue;
      throw new Error(
        `${monthPath(this.#folder, month)} is missing or empty, though entries were written to it: put it back from a backup`,
      );
    }
  }

  isClosed(month: Month): boolean {
    return this.#db.query('SELECT 1 FROM closed_month WHERE month = ?').get(month) !== null;
  }

  /**
   * Copies some heads of a month that gets no more entries. MUST be called after all heads of the earlier months are copied. Idempotent.
   * Not durable: `closeMonth` makes it so.
   */
  addHeads(month: Month, heads: readonly MonthHead[]): void {
    const put = this.#db.query(
      `INSERT INTO head(conversation_id, last_seq, last_position, last_count, last_counted) VALUES(?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET last_seq = excluded.last_seq, last_position = excluded.last_position,
         last_count = excluded.last_count, last_counted = coalesce(excluded.last_counted, last_counted)
       WHERE excluded.last_seq > last_seq`,
    );
    this.#db.run('PRAGMA synchronous=NORMAL');
    try {
      this.#db
        .transaction(() => {
          for (const { id, seq, p, count, countedMs } of heads)
            put.run(id, seq, positionOf(month, p), count, countedMs);
        })
        .immediate();
    } finally {
      this.#db.run('PRAGMA synchronous=FULL');
    }
  }

  /**
   * MUST be called after all heads of the month are copied. Durable when it returns, including the heads. From then on the file of the
   * month may be removed [D2].
   */
  closeMonth(month: Month, lastP: number): void {
    this.#db
      .query(
        `INSERT INTO closed_month(month, last_position) VALUES(?, ?)
         ON CONFLICT DO UPDATE SET last_position = excluded.last_position`,
      )
      .run(month, positionOf(month, lastP));
  }

  close(): void {
    // Otherwise the statement would hold the connection, and with it the log of the file, until it is garbage collected.
    this.#head.finalize();
    if (this.#isWriter) closeWriter(this.#db);
    else this.#db.close();
  }
}

/** Without heads.db the seqs of removed months would be assigned again [D2]. */
function assertHeadsNotLost(folder: string): void {
  const [month] = listMonths(folder);
  if (month === undefined || existsSync(headsPath(folder))) return;
  throw new Error(`${headsPath(folder)} is missing beside ${monthPath(folder, month)}: put it back from a backup`);
}
