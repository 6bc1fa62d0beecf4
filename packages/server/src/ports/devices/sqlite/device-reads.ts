// Reads of devices: of users, by token, as pages, and as counts.

import type { Database } from 'bun:sqlite';
import type { DeviceId, DeviceToken, UserId } from '@hongyan/protocol/ids';
import type { OutboxEvent } from '../../outbox/outbox.ts';
import { toDevice } from '../device-row.ts';
import {
  type DeviceKey,
  type DevicePage,
  type DeviceReader,
  type DeviceRecord,
  devicesListedMax,
  type ModelCount,
  type RegisteredDevice,
} from '../devices.ts';
import { TokenHashes } from './token-hash.ts';
import { byToken, deviceColumns, type NamedDeviceRow } from './token-lookup.ts';

/**
 * The maximum number of rows that a page scans for a model or firmware. The page of a rare one ends early, and the next page continues.
 */
const scannedMax = 20_000;

export class DeviceReads {
  readonly #find: (token: string) => NamedDeviceRow | undefined;
  readonly #statements: ReturnType<typeof prepare>;

  constructor(db: Database) {
    this.#find = byToken(db, new TokenHashes(db));
    this.#statements = prepare(db);
  }

  ofUsers(userIds: readonly UserId[]): ReadonlyMap<UserId, readonly DeviceRecord[]> {
    const devices = new Map<UserId, readonly DeviceRecord[]>();
    for (const userId of userIds) {
      const rows = this.#statements.ofUser.all(userId, devicesListedMax);
      if (rows.length > 0) devices.set(userId, rows.map(toRecord));
    }
    return devices;
  }

  ofUser({ userId, deviceIds }: Parameters<DeviceReader['ofUser']>[0]): readonly DeviceRecord[] {
    return this.#statements.named.all(userId, JSON.stringify(deviceIds)).map(toRecord);
  }

  lastSeen(userIds: readonly UserId[]): ReadonlyMap<UserId, number> {
    const rows = this.#statements.lastSeen.all(JSON.stringify(userIds));
    return new Map(rows.map((row) => [row.asked, row.last_seen]));
  }

  get(deviceToken: DeviceToken): RegisteredDevice | undefined {
    const row = this.#find(deviceToken);
    return row && toDevice(row);
  }

  list({ after = 0, limit, model, firmware }: Parameters<DeviceReader['list']>[0]): DevicePage {
    const devices: RegisteredDevice[] = [];
    let scanned = 0;
    let last = after;
    for (const row of this.#statements.after.iterate(after, scannedMax)) {
      scanned++;
      last = row.no;
      if ((model ?? row.model) === row.model && (firmware ?? row.firmware) === row.firmware)
        devices.push(toDevice(row));
      if (devices.length >= limit) return { devices, next: last };
    }
    return scanned < scannedMax ? { devices } : { devices, next: last };
  }

  counts({ model, limit }: Parameters<DeviceReader['counts']>[0]): readonly ModelCount[] {
    return model === undefined ? this.#statements.counts.all(limit) : this.#statements.countsOfModel.all(model, limit);
  }

  total(): number {
    return this.#statements.total.get()?.total ?? 0;
  }

  pending(limit: number): readonly OutboxEvent[] {
    return this.#statements.pending.all(limit);
  }

  notSeenSince({ atMs, limit }: { readonly atMs: number; readonly limit: number }): readonly DeviceKey[] {
    return this.#statements.unseen.all(atMs, limit);
  }
}

interface SessionRow {
  readonly id: DeviceId;
  readonly name: string;
  readonly last_seen: number | null;
}

const toRecord = ({ id, name, last_seen }: SessionRow): DeviceRecord => ({
  deviceId: id,
  name,
  lastSeenMs: last_seen ?? 0,
});

function prepare(db: Database) {
  return {
    ofUser: db.prepare<SessionRow, [string, number]>(
      `SELECT id, name, last_seen FROM device WHERE user_id = ? AND id IS NOT NULL ORDER BY last_seen DESC, id LIMIT ?`,
    ),
    named: db.prepare<SessionRow, [string, string]>(
      `SELECT id, name, last_seen FROM device WHERE user_id = ? AND id IN (SELECT value FROM json_each(?))
       ORDER BY last_seen DESC, id`,
    ),
    lastSeen: db.prepare<{ asked: UserId; last_seen: number }, [string]>(
      `SELECT asked.value AS asked, max(device.last_seen) AS last_seen
       FROM json_each(?) AS asked CROSS JOIN device ON device.user_id = asked.value AND device.id IS NOT NULL
       GROUP BY asked.key HAVING max(device.last_seen) IS NOT NULL`,
    ),
    after: db.prepare<NamedDeviceRow, [number, number]>(
      `SELECT ${deviceColumns} FROM device d CROSS JOIN kind k ON k.no = d.kind_no
       WHERE d.no > ? AND d.token IS NOT NULL ORDER BY d.no LIMIT ?`,
    ),
    counts: db.prepare<ModelCount, [number]>(
      'SELECT model, firmware, count FROM kind WHERE count > 0 ORDER BY count DESC LIMIT ?',
    ),
    countsOfModel: db.prepare<ModelCount, [string, number]>(
      'SELECT model, firmware, count FROM kind WHERE model = ? AND count > 0 ORDER BY count DESC LIMIT ?',
    ),
    total: db.prepare<{ total: number }, []>('SELECT ifnull(sum(count), 0) AS total FROM kind'),
    pending: db.prepare<OutboxEvent, [number]>('SELECT no, kind, payload FROM outbox ORDER BY no LIMIT ?'),
    unseen: db.prepare<DeviceKey, [number, number]>(
      'SELECT user_id AS userId, id AS deviceId FROM device WHERE last_seen < ? ORDER BY last_seen LIMIT ?',
    ),
  };
}
