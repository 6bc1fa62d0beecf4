// The reads of the SQLite event log, on a separate connection.

import type { Database } from 'bun:sqlite';
import type { EventType } from '@hongyan/protocol/events';
import type { Seq, UserId } from '@hongyan/protocol/ids';
import type { Position } from '../../../domain/position.ts';
import { type EndpointRow, endpointOf } from '../endpoint-row.ts';
import type { Ends, EventLog, EventPage, StoredEvent } from '../event-log.ts';
import type { Attempt, DeadLetter, Endpoint, Parked } from '../webhooks.ts';

/** The maximum number of positions that a read scans for its types. */
const scanMax = 5_000;

interface EventRow {
  readonly position: number;
  readonly id: string;
  readonly type: EventType;
  readonly at_ms: number;
  readonly lane: string;
  readonly seq: Seq | null;
  readonly data: string;
}
const columns = 'position, id, type, at_ms, lane, seq, data';

export class EventReads {
  readonly #db: Database;
  /** One transaction reads one snapshot, so that events that retention removes meanwhile are either in the page or reported as a gap. */
  readonly read: (request: Parameters<EventLog['read']>[0]) => EventPage;

  constructor(db: Database) {
    this.#db = db;
    this.read = db.transaction((request) => this.#page(request));
  }

  meta(name: 'epoch' | 'feed_position' | 'removed_through' | 'event_bytes'): string | undefined {
    return this.#db.query<{ value: string }, [string]>('SELECT value FROM meta WHERE name = ?').get(name)?.value;
  }

  feedPosition(): Position | undefined {
    return this.meta('feed_position') as Position | undefined;
  }

  reportedOnline({ after, limit }: Parameters<EventLog['reportedOnline']>[0]): readonly UserId[] {
    return this.#db
      .query<{ user_id: UserId }, [string, number]>(
        'SELECT user_id FROM online WHERE user_id > ? ORDER BY user_id LIMIT ?',
      )
      .all(after ?? '', limit)
      .map(({ user_id }) => user_id);
  }

  end(): number {
    return this.#db.query<{ seq: number }, []>("SELECT seq FROM sqlite_sequence WHERE name = 'event'").get()?.seq ?? 0;
  }

  #page({ after, limit, types = [] }: Parameters<EventLog['read']>[0]): EventPage {
    const end = this.end();
    const removedThrough = Number(this.meta('removed_through') ?? 0);
    const from = Math.max(after, removedThrough);
    const through = types.length === 0 ? end : Math.min(end, from + scanMax);
    const filter = types.length === 0 ? '' : `AND type IN (${types.map(() => '?').join(', ')})`;
    const rows = this.#db
      .query<EventRow, (string | number)[]>(
        `SELECT ${columns} FROM event WHERE position > ? AND position <= ? ${filter} ORDER BY position LIMIT ?`,
      )
      .all(from, through, ...types, limit);
    const position = rows.length === limit ? (rows.at(-1)?.position ?? through) : Math.max(from, through);
    return { events: rows.map(eventOf), position, isAtEnd: position >= end, hasGap: after < removedThrough };
  }

  at(position: number): StoredEvent | undefined {
    const row = this.#db.query<EventRow, [number]>(`SELECT ${columns} FROM event WHERE position = ?`).get(position);
    return row ? eventOf(row) : undefined;
  }

  ends(): Ends {
    const oldest = this.#db.query<{ at_ms: number }, []>('SELECT at_ms FROM event ORDER BY position LIMIT 1').get();
    return {
      removedThrough: Number(this.meta('removed_through') ?? 0),
      end: this.end(),
      oldestMs: oldest?.at_ms,
      bytes: Number(this.meta('event_bytes') ?? 0),
    };
  }

  endpoints(): readonly Endpoint[] {
    return this.#db
      .query<EndpointRow & { readonly cursor: number }, []>(
        `SELECT id, url, types, secret, old_secret, old_secret_until, is_enabled, disabled_reason, created_at, cursor, failures,
           failing_since, paused_until FROM endpoint ORDER BY no`,
      )
      .all()
      .map((row) => endpointOf(row, row.cursor));
  }

  parked(endpointId: string): readonly Parked[] {
    return this.#db
      .query<Parked, [string]>(
        `SELECT position, lane, attempts, next_ms AS nextMs FROM parked
         WHERE endpoint_no = (SELECT no FROM endpoint WHERE id = ?) ORDER BY position`,
      )
      .all(endpointId);
  }

  attempts(endpointId: string, limit: number): readonly Attempt[] {
    return this.#db
      .query<Attempt, [string, number]>(
        `SELECT position, event_id AS eventId, type, at_ms AS atMs, duration_ms AS durationMs, status, error FROM attempt
         WHERE endpoint_no = (SELECT no FROM endpoint WHERE id = ?) ORDER BY no DESC LIMIT ?`,
      )
      .all(endpointId, limit);
  }

  deadLetters(endpointId: string, limit: number): readonly DeadLetter[] {
    return this.#db
      .query<DeadLetter, [string, number]>(
        `SELECT position, event_id AS eventId, type, lane, attempts, error, at_ms AS atMs FROM dead
         WHERE endpoint_no = (SELECT no FROM endpoint WHERE id = ?) ORDER BY position DESC LIMIT ?`,
      )
      .all(endpointId, limit);
  }

  counts(endpointId: string): { readonly parked: number; readonly dead: number } {
    const count = (table: 'parked' | 'dead'): number =>
      this.#db
        .query<{ count: number }, [string]>(
          `SELECT count(*) AS count FROM ${table} WHERE endpoint_no = (SELECT no FROM endpoint WHERE id = ?)`,
        )
        .get(endpointId)?.count ?? 0;
    return { parked: count('parked'), dead: count('dead') };
  }
}

function eventOf({ position, id, type, at_ms, lane, seq, data }: EventRow): StoredEvent {
  return { position, id, type, atMs: at_ms, lane, dataJson: data, ...(seq === null ? {} : { seq }) };
}
