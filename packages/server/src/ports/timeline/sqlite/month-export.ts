// Reads one month of a timeline for a move: its commits in order, including unsorted ones, with their mentions, states and erasures.

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

export class MonthExport {
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

  /** undefined while the writer has not created the month's tables yet. */
  static open(folder: string, month: Month): MonthExport | undefined {
    const reader = MonthReader.open(folder, month);
    if (reader === undefined) return undefined;
    const path = monthPath(folder, month);
    const db = openReader(path);
    assert(assertLayout(db, path), 'an open month has its tables', month);
    return new MonthExport(month, reader, db);
  }

  lastP(): number {
    return this.#reader.lastP();
  }

  /**
   * The commits with p > afterP, without holes. Rows are sorted in another order than they were committed, so that an unsorted row may
   * precede sorted ones, and a row may exist in both forms.
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
        throw new Error(`commit ${afterP + 1} of the month ${this.month} is missing: the store is damaged`);
      return found;
    } finally {
      this.#reader.endSnapshot();
    }
  }

  /** `entry` MUST be of this month. */
  mentionedBy({ conversationId, seq, referencesJson }: StoredEntry): Mentioned | undefined {
    if (referencesJson === undefined) return undefined;
    const rows = this.#sql.mentions.all(conversationId, seq);
    if (rows.length === 0) return undefined;
    return rows.some(({ id }) => id === null) ? 'all' : rows.flatMap(({ id }) => (id === null ? [] : [id]));
  }

  /** undefined when the message was not changed in this month. */
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

  /** The contents of the message and of the entries that changed it, if they are in this month. */
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
  // When a row exists in both forms, the later one wins. Both are equal.
  contents: db.prepare<MonthMessage, [string, number]>(
    `WITH at AS MATERIALIZED (SELECT no, (no << 32) + ?2 AS n FROM conversation WHERE id = ?1)
     SELECT ?2 AS seq, e.content AS contentJson FROM at CROSS JOIN entry e WHERE e.n = at.n
     UNION ALL SELECT h.n & 4294967295, h.content FROM at CROSS JOIN change h WHERE h.n = at.n OR h.target = at.n
     UNION ALL SELECT t.seq, t.content FROM at CROSS JOIN tail t
       WHERE t.conversation_no = at.no AND (t.seq = ?2 OR t.target_seq = ?2)`,
  ),
});
