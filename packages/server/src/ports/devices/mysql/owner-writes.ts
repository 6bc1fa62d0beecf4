// Whose a device is, and what sessions know of it: one row for both from the moment its user binds it.

import type { DeviceId, DeviceToken, UserId } from '@hongyan/protocol/ids';
import { noteEvents } from '../../../adapters/mysql/outbox.ts';
import type { MysqlPool } from '../../../adapters/mysql/pool.ts';
import type { Statements } from '../../../adapters/mysql/session.ts';
import { encodeForgotten, forgottenKind } from '../device-events.ts';
import type { DeviceKey, Devices, DeviceTouch } from '../devices.ts';
import { tokenHash } from './token-hash.ts';

export class OwnerWrites {
  readonly #pool: MysqlPool;

  constructor(pool: MysqlPool) {
    this.#pool = pool;
  }

  /** And the tokens of the devices that it changed. */
  bind({ deviceToken, userId, deviceId }: Parameters<Devices['bind']>[0]): Promise<Bound> {
    return this.#pool.transaction(async (statements): Promise<Bound> => {
      const device = await byToken(statements, deviceToken);
      if (device === undefined) return { outcome: 'no_device', changed: [] };
      if (device.user_id !== null && !isSameUser(device.user_id, userId)) return { outcome: 'taken', changed: [] };
      if (deviceId === undefined || deviceId === device.id) {
        await own(statements, userId, device.no);
        return { outcome: 'bound', changed: [deviceToken] };
      }
      await leaveSession(statements, device);
      const [session] = await statements.rows<SessionRow>(selectSessions, [[[userId, deviceId]]]);
      // Its sessions were one device's, which has been installed anew with another token or is only now registered.
      if (session !== undefined) await forgetSessions(statements, [session]);
      await statements.run('UPDATE device SET user_id = ?, id = ?, name = ?, last_seen = ? WHERE no = ?', [
        userId,
        deviceId,
        session?.name ?? '',
        session?.last_seen ?? null,
        device.no,
      ]);
      return { outcome: 'bound', changed: session?.token ? [deviceToken, session.token] : [deviceToken] };
    });
  }

  unbind({ deviceToken, userId }: Parameters<Devices['unbind']>[0]): Promise<boolean> {
    return this.#pool.transaction(async (statements) => {
      const device = await byToken(statements, deviceToken);
      if (device === undefined || device.user_id === null || !isSameUser(device.user_id, userId)) return false;
      await leaveSession(statements, device);
      await own(statements, null, device.no);
      return true;
    });
  }

  /** In one order, so that those of two processes do not wait for each other in a ring. */
  async touch(touches: readonly DeviceTouch[]): Promise<void> {
    const rows = touches.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
    await this.#pool.transaction((statements) => touchRows(statements, rows));
  }

  forget({ keys, notSeenSinceMs }: Parameters<Devices['forget']>[0]): Promise<number> {
    return this.#pool.transaction(async (statements) => {
      const pairs = keys.map(({ userId, deviceId }) => [userId, deviceId]);
      const sessions = await statements.rows<SessionRow>(selectSessions, [pairs]);
      const stale = sessions.filter(({ last_seen }) => (last_seen ?? 0) < notSeenSinceMs);
      await forgetSessions(statements, stale);
      const forgotten = stale.map(({ user_id, id }) => ({ userId: user_id, deviceId: id }));
      if (forgotten.length > 0)
        await noteEvents(statements, [{ kind: forgottenKind, payload: encodeForgotten(forgotten) }]);
      return stale.length;
    });
  }
}

interface Bound {
  readonly outcome: Awaited<ReturnType<Devices['bind']>>;
  readonly changed: readonly DeviceToken[];
}

const keyOf = ({ userId, deviceId }: DeviceKey): string => `${userId.toLowerCase()} ${deviceId}`;

/** Ids are ASCII. */
const isSameUser = (one: string, other: string): boolean => one.toLowerCase() === other.toLowerCase();

interface OwnedRow {
  readonly no: number;
  readonly token: DeviceToken;
  readonly user_id: UserId | null;
  readonly id: DeviceId | null;
  readonly name: string | null;
  readonly last_seen: number | null;
}

async function byToken(statements: Statements, deviceToken: DeviceToken): Promise<OwnedRow | undefined> {
  const [row] = await statements.rows<OwnedRow>(
    'SELECT no, token, user_id, id, name, last_seen FROM device WHERE token_hash = ? FOR UPDATE',
    [tokenHash(deviceToken)],
  );
  return row;
}

const own = (statements: Statements, userId: UserId | null, no: number) =>
  statements.run('UPDATE device SET user_id = ? WHERE no = ?', [userId, no]);

/** What its user's sessions know of the device becomes a row of its own. */
async function leaveSession(statements: Statements, device: OwnedRow): Promise<void> {
  const { user_id, id, name, last_seen } = device;
  if (user_id === null || id === null) return;
  await forgetSessions(statements, [device]);
  if (last_seen !== null)
    await touchRows(statements, [{ userId: user_id, deviceId: id, name: name ?? '', atMs: last_seen }]);
}

interface SessionRow {
  readonly no: number;
  readonly user_id: UserId;
  readonly id: DeviceId;
  /** Absent: it was never registered. */
  readonly token: DeviceToken | null;
  readonly name: string | null;
  readonly last_seen: number | null;
}

const selectSessions = `SELECT no, user_id, id, token, name, last_seen FROM device
  WHERE (user_id, id) IN (?) FOR UPDATE`;

/** A device that was registered stays; of another nothing is left. */
async function forgetSessions(
  statements: Statements,
  sessions: readonly Pick<SessionRow, 'no' | 'token'>[],
): Promise<void> {
  const registered = sessions.filter(({ token }) => token !== null).map(({ no }) => no);
  const others = sessions.filter(({ token }) => token === null).map(({ no }) => no);
  if (registered.length > 0)
    await statements.run('UPDATE device SET id = NULL, name = NULL, last_seen = NULL WHERE no IN (?)', [registered]);
  if (others.length > 0) await statements.run('DELETE FROM device WHERE no IN (?)', [others]);
}

async function touchRows(statements: Statements, touches: readonly DeviceTouch[]): Promise<void> {
  await statements.run(
    `INSERT INTO device(user_id, id, name, last_seen) VALUES ?
     ON DUPLICATE KEY UPDATE last_seen = GREATEST(coalesce(last_seen, 0), VALUES(last_seen)),
       name = IF(VALUES(name) = '', name, VALUES(name))`,
    [touches.map(({ userId, deviceId, name, atMs }) => [userId, deviceId, name, atMs])],
  );
}
