// One month of the timeline as a move reads it: commits in their order, also those that are not sorted yet, and what belongs to them.

import type { Database } from 'bun:sqlite';
import { assert } from '@hongyan/base/assert';
import type { Seq, UserId } from '@hongyan/protocol/ids';
import { openReader } from '../../../adapters/sqlite/open.ts';
import type { Mentioned, MessageState, Place, StoredEntry } from '../timeline.ts';
import type { Month } from './month.ts';
import { monthPath } from './month-files.ts';
import { MonthReader, type Placed } from './month-reader.ts';
import { assertLayout } from './month-schema.ts';

export interface MonthMessage {
  readonly seq: Seq;
  readonly contentJson: string;
}

interface PendingErasure {
  readonly bySeq: Seq;
  readonly contentJson: string;
}

export class DepartureMonth {
  readonly month: Month;
  readonly #reader: MonthReader;
  readonly #db: Database;
  readonly #sql: ReturnType<typeof prepare>;

  private constructor(month: Month, reader: MonthReader, db: Database) {
    this.month = month;
    this.#reader = reader;
    this.#db = db;
    this.#sql = prepare(db);
  }

  /** Undefined while the writer has not made the month's tables yet. */
  static open(folder: string, month: Month): DepartureMonth | undefined {
    const reader = MonthReader.open(folder, month);
    if (reader === undefined) return undefined;
    const path = monthPath(folder, month);
    const db = openReader(path);
    assert(assertLayout(db, path), 'a month that was opened has its tables', month);
    return new DepartureMonth(month, reader, db);
  }

  lastP(): number {
    return this.#reader.lastP();
  }

  /**
   * p > afterP, without holes. Rows are numbered as they are committed and sorted in another order: some of the unsorted ones may come
   * before sorted ones, and one may be in both forms.
   */
  commitsAfter(afterP: number, limit: number): readonly Placed[] {
    this.#reader.beginSnapshot();
    try {
      const sorted = this.#reader.feedAfter(afterP, Number.MAX_SAFE_INTEGER, limit);
      if (sorted.length === limit && sorted.at(-1)?.p === afterP + limit) return sorted;
      const byP = new Map([...this.#reader.tailAfter(afterP), ...sorted].map((placed) => [placed.p, placed]));
      const found: Placed[] = [];
      for (let p = afterP + 1; found.length < limit; p++) {
        const placed = byP.get(p);
        if (placed === undefined) break;
        found.push(placed);
      }
      if (found.length === 0 && byP.size > 0)
        throw new Error(`the month ${this.month} has no commit ${afterP + 1}, though later ones: the store is damaged`);
      return found;
    } finally {
      this.#reader.endSnapshot();
    }
  }

  /** Of an entry of this month. */
  mentionedBy({ conversationId, seq, referencesJson }: StoredEntry): Mentioned | undefined {
    if (referencesJson === undefined) return undefined;
    const rows = this.#sql.mentions.all(conversationId, seq);
    if (rows.length === 0) return undefined;
    return rows.some(({ id }) => id === null) ? 'all' : rows.flatMap(({ id }) => (id === null ? [] : [id]));
  }

  /** Undefined when the message was not changed in this month. */
  stateOf({
    conversationId,
    seq,
  }: Place): (MessageState & { readonly isPinned: boolean; readonly isErased: boolean }) | undefined {
    const row = this.#sql.state.get(conversationId, seq);
    if (row === null) return undefined;
    const { as_of_seq: asOfSeq, state: stateJson, is_pinned, is_erased } = row;
    return { asOfSeq, stateJson, isPinned: is_pinned === 1, isErased: is_erased === 1 };
  }

  pendingErasures({ conversationId, seq }: Place): readonly PendingErasure[] {
    return this.#sql.pending.all(conversationId, seq);
  }

  /** The message and the entries that changed it, as far as they are in this month. */
  contentsOf({ conversationId, seq }: Place): readonly MonthMessage[] {
    return this.#sql.contents.all(conversationId, seq);
  }

  close(): void {
    this.#reader.close();
    this.#db.close();
  }
}

interface StateRow {
  readonly as_of_seq: Seq;
  readonly state: string;
  readonly is_erased: number;
  readonly is_pinned: number;
}

const prepare = (db: Database) => ({
  mentions: db.prepare<{ id: UserId | null }, [string, number]>(
    `SELECT s.id FROM conversation c CROSS JOIN mention m INDEXED BY mention_by_n LEFT JOIN sender s ON s.no = m.sender_no
     WHERE c.id = ?1 AND m.n = (c.no << 32) + ?2`,
  ),
  state: db.prepare<StateRow, [string, number]>(
    `SELECT m.as_of_seq, m.state, m.is_erased, m.is_pinned FROM conversation c CROSS JOIN message_state m
     WHERE c.id = ?1 AND m.n = (c.no << 32) + ?2`,
  ),
  pending: db.prepare<PendingErasure, [string, number]>(
    `SELECT e.by_seq AS bySeq, e.content AS contentJson FROM conversation c CROSS JOIN pending_erasure e
     WHERE c.id = ?1 AND e.conversation_no = c.no AND e.seq = ?2 ORDER BY e.no`,
  ),
  // The tail last: of a row in both forms it is as right as the other.
  contents: db.prepare<MonthMessage, [string, number]>(
    `WITH at AS MATERIALIZED (SELECT no, (no << 32) + ?2 AS n FROM conversation WHERE id = ?1)
     SELECT ?2 AS seq, e.content AS contentJson FROM at CROSS JOIN entry e WHERE e.n = at.n
     UNION ALL SELECT h.n & 4294967295, h.content FROM at CROSS JOIN change h WHERE h.n = at.n OR h.target = at.n
     UNION ALL SELECT t.seq, t.content FROM at CROSS JOIN tail t
       WHERE t.conversation_no = at.no AND (t.seq = ?2 OR t.target_seq = ?2)`,
  ),
});
