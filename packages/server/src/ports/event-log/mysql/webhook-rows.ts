// The rows of endpoints and their deliveries. A transaction that changes data of an endpoint locks its row until it commits.

import { insertRows } from '../../../adapters/mysql/insert.ts';
import type { MysqlPool } from '../../../adapters/mysql/pool.ts';
import type { SqlValue, Statements } from '../../../adapters/mysql/session.ts';
import { ClaimLost, sendJob } from '../claims.ts';
import { EndpointListeners } from '../endpoint-listeners.ts';
import { type EndpointRow, endpointOf } from '../endpoint-row.ts';
import type { Attempt, DeadLetter, Endpoint, EndpointChange, Parked, Settlement, Webhooks } from '../webhooks.ts';
import { ClaimRows, endClaim } from './claim-rows.ts';

/** The number of stored attempts per endpoint. The oldest are removed. */
const attemptsKept = 100;
const deadKept = 10_000;

export class WebhookRows extends ClaimRows implements Webhooks {
  readonly #pool: MysqlPool;
  readonly #listeners = new EndpointListeners();

  constructor(pool: MysqlPool) {
    super(pool);
    this.#pool = pool;
  }

  onEndpointChanged = (heard: (endpointId: string) => void) => this.#listeners.add(heard);

  async endpoints(): Promise<readonly Endpoint[]> {
    const rows = await this.#pool.read<EndpointRow & { readonly progress: number }>(
      `select id, url, types, secret, old_secret, old_secret_until, is_enabled, disabled_reason, created_at, progress,
         failures, failing_since, paused_until from endpoint order by created_at, id`,
    );
    return rows.map((row) => endpointOf(row, row.progress));
  }

  async addEndpoint(endpoint: Endpoint): Promise<void> {
    // Locks the row of the log, because recording ends when there is no endpoint.
    await this.#pool.transaction(async (statements) => {
      await statements.rows('select no from log where no = 1 for update');
      await this.#insert(statements, endpoint);
    });
    this.#listeners.changed(endpoint.id);
  }

  async #insert(statements: Statements, endpoint: Endpoint): Promise<void> {
    const { id, url, types, secret, oldSecret, isEnabled, disabledReason, createdAtMs, progress } = endpoint;
    await statements.run(
      `insert into endpoint (id, url, types, secret, old_secret, old_secret_until, is_enabled, disabled_reason, created_at,
         progress, failures, failing_since, paused_until, attempts_made) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)`,
      [
        ...[id, url, types.join(' '), secret, oldSecret?.secret ?? null, oldSecret?.untilMs ?? null],
        ...[isEnabled ? 1 : 0, disabledReason, createdAtMs],
        ...[progress.cursor, progress.failures, progress.failingSinceMs, progress.pausedUntilMs],
      ],
    );
  }

  changeEndpoint(endpointId: string, change: EndpointChange): Promise<boolean> {
    return this.#changed(endpointId, false, async (statements) => {
      const columns = columnsOf(change);
      if (columns.length > 0) {
        const assignments = columns.map(([column]) => `${column} = ?`).join(', ');
        const values = columns.map(([, value]) => value);
        await statements.run(`update endpoint set ${assignments} where id = ?`, [...values, endpointId]);
      }
      return true;
    });
  }

  removeEndpoint(endpointId: string): Promise<boolean> {
    return this.#changed(endpointId, false, async (statements) => {
      for (const table of ['parked', 'attempt', 'dead'])
        await statements.run(`delete from ${table} where endpoint_id = ?`, [endpointId]);
      await statements.run('delete from claim where job = ?', [sendJob(endpointId)]);
      await statements.run('delete from endpoint where id = ?', [endpointId]);
      return true;
    });
  }

  replay(endpointId: string, after: number): Promise<boolean> {
    return this.#changed(endpointId, false, async (statements) => {
      await statements.run(
        'update endpoint set progress = ?, failures = 0, failing_since = 0, paused_until = 0 where id = ?',
        [after, endpointId],
      );
      await statements.run('delete from parked where endpoint_id = ? and position > ?', [endpointId, after]);
      return true;
    });
  }

  replayDead({ endpointId, position, nowMs }: Parameters<Webhooks['replayDead']>[0]): Promise<number> {
    const which = position === undefined ? '' : 'and position = ?';
    const values = position === undefined ? [endpointId] : [endpointId, position];
    return this.#changed(endpointId, 0, async (statements) => {
      await statements.run(
        `insert into parked (endpoint_id, position, lane, attempts, next_ms)
         select endpoint_id, position, lane, 0, ? from dead where endpoint_id = ? ${which}
         on duplicate key update attempts = 0, next_ms = ?`,
        [nowMs, ...values, nowMs],
      );
      return statements.run(`delete from dead where endpoint_id = ? ${which}`, values);
    });
  }

  async settle(settlement: Settlement): Promise<void> {
    const { endpointId, claim, progress, parked, unparked, attempts, dead } = settlement;
    // A removed endpoint has nothing to settle.
    await this.#ofEndpoint(endpointId, undefined, async (statements, { attempts_made, epoch }) => {
      if (epoch !== claim.epoch) throw new ClaimLost(claim);
      await statements.run(
        `update endpoint set progress = ?, failures = ?, failing_since = ?, paused_until = ?, attempts_made = ?
         where id = ?`,
        [
          ...[progress.cursor, progress.failures, progress.failingSinceMs, progress.pausedUntilMs],
          ...[attempts_made + attempts.length, endpointId],
        ],
      );
      if (unparked.length > 0)
        await statements.run('delete from parked where endpoint_id = ? and position in (?)', [
          endpointId,
          [...unparked],
        ]);
      await this.#park(statements, endpointId, parked);
      await this.#addAttempts(statements, { endpointId, attempts, made: attempts_made });
      await this.#addDead(statements, endpointId, dead);
    });
  }

  recordAttempts(endpointId: string, attempts: readonly Attempt[]): Promise<void> {
    return this.#ofEndpoint(endpointId, undefined, async (statements, { attempts_made: made }) => {
      const count = made + attempts.length;
      await statements.run('update endpoint set attempts_made = ? where id = ?', [count, endpointId]);
      await this.#addAttempts(statements, { endpointId, attempts, made });
    });
  }

  async parked(endpointId: string): Promise<readonly Parked[]> {
    return this.#pool.read<Parked>(
      'select position, lane, attempts, next_ms nextMs from parked where endpoint_id = ? order by position',
      [endpointId],
    );
  }

  async attempts(endpointId: string, limit: number): Promise<readonly Attempt[]> {
    return this.#pool.read<Attempt>(
      `select position, event_id eventId, type, at_ms atMs, duration_ms durationMs, status, error from attempt
       where endpoint_id = ? order by no desc limit ?`,
      [endpointId, limit],
    );
  }

  async deadLetters(endpointId: string, limit: number): Promise<readonly DeadLetter[]> {
    return this.#pool.read<DeadLetter>(
      `select position, event_id eventId, type, lane, attempts, error, at_ms atMs from dead
       where endpoint_id = ? order by position desc limit ?`,
      [endpointId, limit],
    );
  }

  async counts(endpointId: string): Promise<{ readonly parked: number; readonly dead: number }> {
    const [row] = await this.#pool.read<{ parked: number; dead: number }>(
      `select (select count(*) from parked where endpoint_id = ?) parked,
         (select count(*) from dead where endpoint_id = ?) dead`,
      [endpointId, endpointId],
    );
    return { parked: row?.parked ?? 0, dead: row?.dead ?? 0 };
  }

  /** Like #ofEndpoint, and ends the claim of the endpoint's sender. */
  async #changed<T>(endpointId: string, missing: T, work: (statements: Statements) => Promise<T>): Promise<T> {
    const result = await this.#ofEndpoint(endpointId, missing, async (statements) => {
      await endClaim(statements, sendJob(endpointId));
      return work(statements);
    });
    this.#listeners.changed(endpointId);
    return result;
  }

  /** Returns the result of `work`, or `missing` when the endpoint does not exist. */
  #ofEndpoint<T>(
    endpointId: string,
    missing: T,
    work: (statements: Statements, row: LockedRow) => Promise<T>,
  ): Promise<T> {
    return this.#pool.transaction(async (statements) => {
      const [row] = await statements.rows<LockedRow>(
        `select e.attempts_made, c.epoch from endpoint e left join claim c on c.job = ? where e.id = ? for update`,
        [sendJob(endpointId), endpointId],
      );
      return row === undefined ? missing : work(statements, row);
    });
  }

  #park(statements: Statements, endpointId: string, parked: readonly Parked[]): Promise<void> {
    const insert = {
      into: 'parked (endpoint_id, position, lane, attempts, next_ms)',
      rows: parked.map(({ position, lane, attempts, nextMs }) => [endpointId, position, lane, attempts, nextMs]),
      onDuplicate: 'on duplicate key update attempts = values(attempts), next_ms = values(next_ms)',
    };
    return insertRows(statements, insert, this.#pool.statementBytesMax);
  }

  async #addAttempts(
    statements: Statements,
    { endpointId, attempts, made }: { endpointId: string; attempts: readonly Attempt[]; made: number },
  ): Promise<void> {
    if (attempts.length === 0) return;
    const insert = {
      into: 'attempt (endpoint_id, no, position, event_id, type, at_ms, duration_ms, status, error)',
      rows: attempts.map(({ position, eventId, type, atMs, durationMs, status, error }, index) => [
        ...[endpointId, made + index + 1, position, eventId, type, atMs, durationMs, status, error],
      ]),
    };
    await insertRows(statements, insert, this.#pool.statementBytesMax);
    await statements.run('delete from attempt where endpoint_id = ? and no <= ?', [
      endpointId,
      made + attempts.length - attemptsKept,
    ]);
  }

  async #addDead(statements: Statements, endpointId: string, dead: readonly DeadLetter[]): Promise<void> {
    if (dead.length === 0) return;
    const insert = {
      into: 'dead (endpoint_id, position, event_id, type, lane, attempts, error, at_ms)',
      rows: dead.map(({ position, eventId, type, lane, attempts, error, atMs }) => [
        ...[endpointId, position, eventId, type, lane, attempts, error, atMs],
      ]),
      onDuplicate: 'on duplicate key update attempts = values(attempts), error = values(error), at_ms = values(at_ms)',
    };
    await insertRows(statements, insert, this.#pool.statementBytesMax);
    const [oldest] = await statements.rows<{ position: number }>(
      `select position from dead where endpoint_id = ? order by position desc limit 1 offset ${deadKept}`,
      [endpointId],
    );
    if (oldest === undefined) return;
    await statements.run('delete from dead where endpoint_id = ? and position <= ?', [endpointId, oldest.position]);
  }
}

export async function hasEndpoints(statements: Statements): Promise<boolean> {
  return (await statements.rows('select 1 from endpoint limit 1')).length > 0;
}

/** The row of an endpoint, with the epoch of its last claim, if any. */
interface LockedRow {
  readonly attempts_made: number;
  readonly epoch: number | null;
}

type Assignment = readonly [column: string, value: SqlValue];

function columnsOf({
  url,
  types,
  secret,
  isEnabled,
  disabledReason,
  oldSecret,
}: EndpointChange): readonly Assignment[] {
  const columns: Assignment[] = [];
  if (url !== undefined) columns.push(['url', url]);
  if (types !== undefined) columns.push(['types', types.join(' ')]);
  if (secret !== undefined) columns.push(['secret', secret]);
  if (oldSecret !== undefined) columns.push(['old_secret', oldSecret.secret], ['old_secret_until', oldSecret.untilMs]);
  if (disabledReason !== undefined) columns.push(['disabled_reason', disabledReason]);
  if (isEnabled !== undefined) columns.push(['is_enabled', isEnabled ? 1 : 0]);
  // Enabling resets the failures.
  if (isEnabled) columns.push(['failures', 0], ['failing_since', 0]);
  // A pause that another receiver requested does not apply to the new URL.
  if (isEnabled || url !== undefined) columns.push(['paused_until', 0]);
  return columns;
}
