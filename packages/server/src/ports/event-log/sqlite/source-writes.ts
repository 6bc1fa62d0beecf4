// Events that are in no timeline: positions of members and presence. An event is appended when the state differs from the last appended
// one.

import type { Database } from 'bun:sqlite';
import type { ConversationId, Seq, UserId } from '@hongyan/protocol/ids';
import type { EventLog, PresenceChange, ReportedPosition } from '../event-log.ts';
import { positionEvents, presenceEvent } from '../source-events.ts';
import type { EventWrites } from './event-writes.ts';

interface PositionRow {
  readonly no: number;
  readonly conversation_id: ConversationId;
  readonly user_id: UserId;
  readonly delivered_seq: Seq;
  readonly read_seq: Seq;
  readonly delivered_told: Seq;
  readonly read_told: Seq;
}

/** The number of rows that one `retain` scans. */
const looksAtOnce = 5_000;
const untold = 'delivered_told < delivered_seq OR read_told < read_seq';

export class SourceWrites {
  readonly #events: EventWrites;
  readonly #note;
  readonly #untold;
  readonly #told;
  readonly #prune;
  readonly #lastNo;
  readonly #runOf;
  readonly #putOnline;
  readonly #removeOnline;
  /** The row at which the next scan for stale positions begins. */
  #pruneFrom = 0;

  constructor(db: Database, events: EventWrites) {
    this.#events = events;
    this.#note = db.prepare<undefined, [string, string, number, number]>(
      `INSERT INTO member_position(
         conversation_id, user_id, delivered_seq, read_seq, delivered_told, read_told, updated_at)
       VALUES (?, ?, ?, ?, 0, 0, 0)
       ON CONFLICT(conversation_id, user_id) DO UPDATE SET
         delivered_seq = max(delivered_seq, excluded.delivered_seq), read_seq = max(read_seq, excluded.read_seq)
       WHERE excluded.delivered_seq > delivered_seq OR excluded.read_seq > read_seq`,
    );
    this.#untold = db.prepare<PositionRow, [number]>(
      `SELECT no, conversation_id, user_id, delivered_seq, read_seq, delivered_told, read_told
       FROM member_position WHERE ${untold} ORDER BY no LIMIT ?`,
    );
    this.#told = db.prepare<undefined, [number, number]>(
      'UPDATE member_position SET delivered_told = delivered_seq, read_told = read_seq, updated_at = ? WHERE no = ?',
    );
    this.#prune = db.prepare<undefined, [number, number, number]>(
      `DELETE FROM member_position WHERE no > ? AND no <= ? AND updated_at < ? AND NOT (${untold})`,
    );
    this.#lastNo = db.prepare<{ no: number | null }, []>('SELECT max(no) AS no FROM member_position');
    this.#runOf = db.prepare<{ run: string }, [string]>('SELECT run FROM online WHERE user_id = ?');
    this.#putOnline = db.prepare<undefined, [string, string]>(
      'INSERT OR REPLACE INTO online(user_id, run) VALUES (?, ?)',
    );
    this.#removeOnline = db.prepare<undefined, [string]>('DELETE FROM online WHERE user_id = ?');
  }

  recordPositions(batch: readonly ReportedPosition[]): void {
    for (const { conversationId, userId, deliveredSeq, readSeq } of batch)
      this.#note.run(conversationId, userId, Math.max(deliveredSeq, readSeq), readSeq);
  }

  appendPositionEvents({ atMs, limit }: Parameters<EventLog['appendPositionEvents']>[0]): boolean {
    const rows = this.#untold.all(limit);
    for (const row of rows) {
      for (const event of eventsOf(row, atMs)) this.#events.add(event);
      this.#told.run(atMs, row.no);
    }
    return rows.length > 0;
  }

  recordPresence(batch: readonly PresenceChange[], run: string): void {
    for (const change of batch) {
      const { userId, isOnline } = change;
      const wasOnline = this.#runOf.get(userId) !== null;
      if (isOnline === wasOnline) continue;
      if (isOnline) this.#putOnline.run(userId, run);
      else this.#removeOnline.run(userId);
      this.#events.add(presenceEvent(change, run));
    }
  }

  /**
   * Removes old rows, so that they are not stored for ever. An event whose first copy retention has removed may then be appended again.
   */
  retain({ beforeMs }: Parameters<EventLog['retain']>[0]): boolean {
    const from = this.#pruneFrom;
    const last = this.#lastNo.get()?.no ?? 0;
    this.#prune.run(from, from + looksAtOnce, beforeMs);
    this.#pruneFrom = from + looksAtOnce >= last ? 0 : from + looksAtOnce;
    return false;
  }
}

const eventsOf = (row: PositionRow, atMs: number) =>
  positionEvents(
    {
      conversationId: row.conversation_id,
      userId: row.user_id,
      deliveredSeq: row.delivered_seq,
      readSeq: row.read_seq,
    },
    { deliveredSeq: row.delivered_told, readSeq: row.read_told },
    atMs,
  );
