// Reads of devices: of users, by token, as pages, and as counts.

import type { DeviceId, DeviceToken, UserId } from '@hongyan/protocol/ids';
import type { MysqlPool } from '../../../adapters/mysql/pool.ts';
import { type DeviceRow, toDevice } from '../device-row.ts';
import {
  type DeviceKey,
  type DevicePage,
  type DeviceReader,
  type DeviceRecord,
  devicesListedMax,
  type ModelCount,
  type RegisteredDevice,
} from '../devices.ts';
import { tokenHash } from './token-hash.ts';

/**
 * The maximum number of rows that a page scans for a model or firmware. The page of a rare one ends early, and the next page continues.
 */
const scannedMax = 20_000;

export class DeviceReads {
  readonly #pool: MysqlPool;

  constructor(pool: MysqlPool) {
    this.#pool = pool;
  }

  async ofUsers(userIds: readonly UserId[]): Promise<ReadonlyMap<UserId, readonly DeviceRecord[]>> {
    if (userIds.length === 0) return new Map();
    const rows = await this.#pool.read<SessionRow>(selectOfUsers, [[...userIds], devicesListedMax]);
    const byUser = Map.groupBy(rows, ({ user_id }) => user_id.toLowerCase());
    return inRequestedOrder(userIds, (key) => byUser.get(key)?.map(toRecord));
  }

  async ofUser({ userId, deviceIds }: Parameters<DeviceReader['ofUser']>[0]): Promise<readonly DeviceRecord[]> {
    if (deviceIds.length === 0) return [];
    const rows = await this.#pool.read<SessionRow>(selectOfUser, [userId, [...deviceIds]]);
    return rows.map(toRecord);
  }

  async lastSeen(userIds: readonly UserId[]): Promise<ReadonlyMap<UserId, number>> {
    if (userIds.length === 0) return new Map();
    const rows = await this.#pool.read<{ user_id: UserId; seen: number | null }>(selectLastSeen, [[...userIds]]);
    const seen = new Map(rows.map((row) => [row.user_id.toLowerCase(), row.seen ?? undefined]));
    return inRequestedOrder(userIds, (key) => seen.get(key));
  }

  async get(deviceToken: DeviceToken): Promise<RegisteredDevice | undefined> {
    const [row] = await this.#pool.read<DeviceRow>(`${selectDevice} WHERE d.token_hash = ?`, [tokenHash(deviceToken)]);
    return row && toDevice(row);
  }

  /** The tokens of the registered ones. */
  async tokensOf(keys: readonly DeviceKey[]): Promise<readonly DeviceToken[]> {
    const pairs = keys.map(({ userId, deviceId }) => [userId, deviceId]);
    const rows = await this.#pool.read<{ token: DeviceToken }>(
      'SELECT token FROM device WHERE (user_id, id) IN (?) AND token_hash IS NOT NULL',
      [pairs],
    );
    return rows.map(({ token }) => token);
  }

  async list({ after = 0, limit, model, firmware }: Parameters<DeviceReader['list']>[0]): Promise<DevicePage> {
    const kinds = await this.#kindsOf(model, firmware);
    if (kinds?.length === 0) return { devices: [] };
    const [end] = await this.#pool.read<{ no: number }>(selectEnd, [after, scannedMax - 1]);
    const rows = await this.#pool.read<DeviceRow>(
      `${selectDevice} WHERE d.no > ? AND d.no <= ? AND d.token_hash IS NOT NULL
       ${kinds === undefined ? '' : 'AND d.kind_no IN (?)'} ORDER BY d.no LIMIT ?`,
      [after, end?.no ?? Number.MAX_SAFE_INTEGER, ...(kinds === undefined ? [] : [kinds]), limit],
    );
    const devices = rows.map(toDevice);
    const next = rows.length < limit ? end?.no : rows.at(-1)?.no;
    return next === undefined ? { devices } : { devices, next };
  }

  counts({ model, limit }: Parameters<DeviceReader['counts']>[0]): Promise<readonly ModelCount[]> {
    const where = model === undefined ? '' : `WHERE ${is('k.model')}`;
    return this.#pool.read<ModelCount>(
      `SELECT k.model, k.firmware, CAST(sum(c.count) AS SIGNED) AS count FROM kind k JOIN kind_count c ON c.kind_no = k.no
       ${where} GROUP BY k.no, k.model, k.firmware HAVING sum(c.count) > 0 ORDER BY count DESC LIMIT ?`,
      model === undefined ? [limit] : [model, model, limit],
    );
  }

  async total(): Promise<number> {
    const [row] = await this.#pool.read<{ total: number }>(
      'SELECT CAST(coalesce(sum(count), 0) AS SIGNED) AS total FROM kind_count',
    );
    return row?.total ?? 0;
  }

  notSeenSince({ atMs, limit }: { readonly atMs: number; readonly limit: number }): Promise<readonly DeviceKey[]> {
    return this.#pool.read<DeviceKey>(
      'SELECT user_id AS userId, id AS deviceId FROM device WHERE last_seen < ? ORDER BY last_seen LIMIT ?',
      [atMs, limit],
    );
  }

  /** undefined: all kinds. */
  async #kindsOf(model: string | undefined, firmware: string | undefined): Promise<number[] | undefined> {
    if (model === undefined && firmware === undefined) return undefined;
    const conditions = [
      ...(model === undefined ? [] : [is('model')]),
      ...(firmware === undefined ? [] : [is('firmware')]),
    ];
    const rows = await this.#pool.read<{ no: number }>(
      `SELECT no FROM kind WHERE ${conditions.join(' AND ')}`,
      [model, model, firmware, firmware].filter((value) => value !== undefined),
    );
    return rows.map(({ no }) => no);
  }
}

/** Uses the index first, and then compares bytes, because collations ignore trailing spaces. */
const is = (column: string): string => `${column} = ? AND CAST(${column} AS BINARY) = ?`;

/** Keyed by the requested ids, in their order. The server compares ids without regard to case. */
function inRequestedOrder<T>(userIds: readonly UserId[], of: (key: string) => T | undefined): Map<UserId, T> {
  const found = new Map<UserId, T>();
  for (const userId of userIds) {
    const value = of(userId.toLowerCase());
    if (value !== undefined) found.set(userId, value);
  }
  return found;
}

interface SessionRow {
  readonly user_id: UserId;
  readonly id: DeviceId;
  readonly name: string | null;
  readonly last_seen: number | null;
}

const toRecord = ({ id, name, last_seen }: SessionRow): DeviceRecord => ({
  deviceId: id,
  name: name ?? '',
  lastSeenMs: last_seen ?? 0,
});

const selectDevice = `SELECT d.no, d.token, k.model, k.firmware, d.registered_at, d.details, d.user_id, d.id, d.last_seen
  FROM device d JOIN kind k ON k.no = d.kind_no`;
const selectEnd = 'SELECT no FROM device WHERE no > ? ORDER BY no LIMIT 1 OFFSET ?';
const selectOfUsers = `SELECT user_id, id, name, last_seen FROM (
    SELECT user_id, id, name, last_seen,
      ROW_NUMBER() OVER (PARTITION BY user_id ORDER BY last_seen DESC, id) AS place
    FROM device WHERE user_id IN (?) AND id IS NOT NULL) AS of_user
  WHERE place <= ? ORDER BY user_id, place`;
const selectOfUser = `SELECT user_id, id, name, last_seen FROM device WHERE user_id = ? AND id IN (?)
  ORDER BY last_seen DESC, id`;
const selectLastSeen = `SELECT user_id, max(last_seen) AS seen FROM device
  WHERE user_id IN (?) AND id IS NOT NULL GROUP BY user_id`;
