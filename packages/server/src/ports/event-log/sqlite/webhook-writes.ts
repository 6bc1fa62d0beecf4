// Writes of endpoints and their deliveries.

import type { Database } from 'bun:sqlite';
import type { Endpoint, EndpointChange, Settlement, Webhooks } from '../webhooks.ts';

/** The number of stored attempts per endpoint. The oldest are removed. */
const attemptsKept = 100;
const deadKept = 10_000;

export class WebhookWrites {
  readonly #db: Database;
  readonly #numberOf;

  constructor(db: Database) {
    this.#db = db;
    this.#numberOf = db.prepare<{ no: number }, [string]>('SELECT no FROM endpoint WHERE id = ?');
  }

  add(endpoint: Endpoint): void {
    const { id, url, types, secret, oldSecret, isEnabled, disabledReason, createdAtMs, progress } = endpoint;
    this.#db
      .query(
        `INSERT INTO endpoint(id, url, types, secret, old_secret, old_secret_until, is_enabled, disabled_reason, created_at,
           cursor, failures, failing_since, paused_until) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(
        ...[id, url, types.join(' '), secret, oldSecret?.secret ?? null, oldSecret?.untilMs ?? null],
        ...[
          isEnabled ? 1 : 0,
          disabledReason,
          createdAtMs,
          progress.cursor,
          progress.failures,
          progress.failingSinceMs,
          progress.pausedUntilMs,
        ],
      );
  }

  change(endpointId: string, change: EndpointChange): boolean {
    const no = this.#no(endpointId);
    if (no === undefined) return false;
    for (const [column, value] of columnsOf(change))
      this.#db.query(`UPDATE endpoint SET ${column} = ? WHERE no = ?`).run(value, no);
    // Enabling resets the failures.
    if (change.isEnabled) this.#db.query('UPDATE endpoint SET failures = 0, failing_since = 0 WHERE no = ?').run(no);
    // A pause that another receiver requested does not apply to the new URL.
    if (change.isEnabled || change.url !== undefined)
      this.#db.query('UPDATE endpoint SET paused_until = 0 WHERE no = ?').run(no);
    return true;
  }

  remove(endpointId: string): boolean {
    const no = this.#no(endpointId);
    if (no === undefined) return false;
    for (const table of ['parked', 'attempt', 'dead'])
      this.#db.query(`DELETE FROM ${table} WHERE endpoint_no = ?`).run(no);
    this.#db.query('DELETE FROM endpoint WHERE no = ?').run(no);
    return true;
  }

  replay(endpointId: string, after: number): boolean {
    const no = this.#no(endpointId);
    if (no === undefined) return false;
    this.#db
      .query('UPDATE endpoint SET cursor = ?, failures = 0, failing_since = 0, paused_until = 0 WHERE no = ?')
      .run(after, no);
    this.#db.query('DELETE FROM parked WHERE endpoint_no = ? AND position > ?').run(no, after);
    return true;
  }

  replayDead({ endpointId, position, nowMs }: Parameters<Webhooks['replayDead']>[0]): number {
    const no = this.#no(endpointId);
    if (no === undefined) return 0;
    const which = position === undefined ? '' : 'AND position = ?';
    const values = position === undefined ? [no] : [no, position];
    this.#db
      .query(
        `INSERT OR REPLACE INTO parked(endpoint_no, position, lane, attempts, next_ms)
         SELECT endpoint_no, position, lane, 0, ? FROM dead WHERE endpoint_no = ? ${which}`,
      )
      .run(nowMs, ...values);
    return this.#db.query(`DELETE FROM dead WHERE endpoint_no = ? ${which}`).run(...values).changes;
  }

  settle({ endpointId, progress, parked, unparked, attempts, dead }: Settlement): void {
    const no = this.#no(endpointId);
    // The endpoint was removed meanwhile.
    if (no === undefined) return;
    this.#db
      .query('UPDATE endpoint SET cursor = ?, failures = ?, failing_since = ?, paused_until = ? WHERE no = ?')
      .run(progress.cursor, progress.failures, progress.failingSinceMs, progress.pausedUntilMs, no);
    const unpark = this.#db.query('DELETE FROM parked WHERE endpoint_no = ? AND position = ?');
    for (const position of unparked) unpark.run(no, position);
    const park = this.#db.query(
      'INSERT OR REPLACE INTO parked(endpoint_no, position, lane, attempts, next_ms) VALUES (?, ?, ?, ?, ?)',
    );
    for (const { position, lane, attempts: count, nextMs } of parked) park.run(no, position, lane, count, nextMs);
    this.#addAttempts(no, attempts);
    this.#addDead(no, dead);
  }

  recordAttempts(endpointId: string, attempts: Settlement['attempts']): void {
    const no = this.#no(endpointId);
    if (no !== undefined) this.#addAttempts(no, attempts);
  }

  #addAttempts(no: number, attempts: Settlement['attempts']): void {
    if (attempts.length === 0) return;
    const insert = this.#db.query(
      `INSERT INTO attempt(endpoint_no, position, event_id, type, at_ms, duration_ms, status, error)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    for (const { position, eventId, type, atMs, durationMs, status, error } of attempts.slice(-attemptsKept))
      insert.run(no, position, eventId, type, atMs, durationMs, status, error);
    this.#db
      .query(
        `DELETE FROM attempt WHERE endpoint_no = ? AND no <=
           (SELECT no FROM attempt WHERE endpoint_no = ? ORDER BY no DESC LIMIT 1 OFFSET ${attemptsKept})`,
      )
      .run(no, no);
  }

  #addDead(no: number, dead: Settlement['dead']): void {
    if (dead.length === 0) return;
    const insert = this.#db.query(
      `INSERT OR REPLACE INTO dead(endpoint_no, position, event_id, type, lane, attempts, error, at_ms)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    for (const { position, eventId, type, lane, attempts, error, atMs } of dead)
      insert.run(no, position, eventId, type, lane, attempts, error, atMs);
    this.#db
      .query(
        `DELETE FROM dead WHERE endpoint_no = ? AND position <=
           (SELECT position FROM dead WHERE endpoint_no = ? ORDER BY position DESC LIMIT 1 OFFSET ${deadKept})`,
      )
      .run(no, no);
  }

  #no(endpointId: string): number | undefined {
    return this.#numberOf.get(endpointId)?.no;
  }
}

function columnsOf(change: EndpointChange): [column: string, value: string | number | null][] {
  const { url, types, secret, isEnabled, disabledReason, oldSecret } = change;
  return [
    ...(url === undefined ? [] : [['url', url] as [string, string]]),
    ...(types === undefined ? [] : [['types', types.join(' ')] as [string, string]]),
    ...(secret === undefined ? [] : [['secret', secret] as [string, string]]),
    ...(isEnabled === undefined ? [] : [['is_enabled', isEnabled ? 1 : 0] as [string, number]]),
    ...(disabledReason === undefined ? [] : [['disabled_reason', disabledReason] as [string, string]]),
    ...(oldSecret === undefined
      ? []
      : [
          ['old_secret', oldSecret.secret] as [string, string],
          ['old_secret_until', oldSecret.untilMs] as [string, number],
        ]),
  ];
}
