// Events that are in no timeline: positions of members and who is online, each told when it differs from what was told before.

import type { Database } from 'bun:sqlite';
import type { ConversationId, Seq, UserId } from '@hongyan/protocol/ids';
import { eventIdOf } from '../../../domain/event-id.ts';
import type { EventLog, PresenceChange, ReportedPosition } from '../event-log.ts';
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

/** Rows that one `retain` looks at. */
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
  readonly #left;
  /** Where the next look for stale positions begins. */
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
    this.#left = db.prepare<{ user_id: UserId }, [string, number]>(
      'SELECT user_id FROM online WHERE run <> ? ORDER BY user_id LIMIT ?',
    );
  }

  notePositions(batch: readonly ReportedPosition[]): void {
    for (const { conversationId, userId, deliveredSeq, readSeq } of batch)
      this.#note.run(conversationId, userId, Math.max(deliveredSeq, readSeq), readSeq);
  }

  tellPositions({ atMs, limit }: Parameters<EventLog['tellPositions']>[0]): boolean {
    const rows = this.#untold.all(limit);
    for (const row of rows) {
      if (row.delivered_seq > row.delivered_told) this.#tell('message.delivered', row, atMs);
      if (row.read_seq > row.read_told) this.#tell('message.read', row, atMs);
      this.#told.run(atMs, row.no);
    }
    return rows.length > 0;
  }

  #tell(type: 'message.delivered' | 'message.read', row: PositionRow, atMs: number): void {
    const { conversation_id, user_id, delivered_seq, read_seq } = row;
    const seq = type === 'message.read' ? read_seq : delivered_seq;
    const data = { conversation_id, user_id, delivered_seq, read_seq, timestamp: atMs };
    const id = eventIdOf(type, conversation_id, user_id, seq);
    this.#events.add({ id, type, atMs, lane: conversation_id, dataJson: JSON.stringify(data) });
  }

  notePresence(batch: readonly PresenceChange[], run: string): void {
    for (const change of batch) {
      const { userId, isOnline } = change;
      const isKnown = this.#runOf.get(userId) !== null;
      if (isOnline) this.#putOnline.run(userId, run);
      else this.#removeOnline.run(userId);
      // Back after a crash, before anyone was told that the user had gone.
      if (!isOnline || !isKnown) this.#tellPresence(change, run);
    }
  }

  expirePresence({ run, atMs, limit }: Parameters<EventLog['expirePresence']>[0]): boolean {
    const left = this.#left.all(run, limit);
    for (const { user_id: userId } of left) {
      this.#removeOnline.run(userId);
      this.#tellPresence({ userId, isOnline: false, atMs }, run);
    }
    return left.length > 0;
  }

  #tellPresence({ userId, isOnline, atMs }: PresenceChange, run: string): void {
    const type = isOnline ? 'user.online' : 'user.offline';
    const data = { user_id: userId, timestamp: atMs };
    const id = eventIdOf(type, userId, atMs, run);
    this.#events.add({ id, type, atMs, lane: `user ${userId}`, dataJson: JSON.stringify(data) });
  }

  /** What was told so long ago that its event is gone may be told once more: rows are not kept for ever. */
  retain({ beforeMs }: Parameters<EventLog['retain']>[0]): boolean {
    const from = this.#pruneFrom;
    const last = this.#lastNo.get()?.no ?? 0;
    this.#prune.run(from, from + looksAtOnce, beforeMs);
    this.#pruneFrom = from + looksAtOnce >= last ? 0 : from + looksAtOnce;
    return false;
  }
}
