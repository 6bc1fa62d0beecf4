// Writes of owners and sessions of devices. Once a user has bound a device, both are in one row.

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

  /** Also returns the tokens of the changed devices. */
  bind({ deviceToken, userId, deviceId }: Parameters<Devices['bind']>[0]): Promise<Bound> {
    return this.#pool.transaction(async (statements): Promise<Bound> => {
      const device = await byToken(statements, deviceToken);
      if (device === undefined) return { outcome: 'no_device', changed: [] };
      if (device.user_id !== null && !isSameUser(device.user_id, userId)) return { outcome: 'taken', changed: [] };
      if (deviceId === undefined || deviceId === device.id) {
        await setOwner(statements, userId, device.no);
        return { outcome: 'bound', changed: [deviceToken] };
      }
      await leaveSession(statements, device);
      const [session] = await statements.rows<SessionRow>(selectSessions, [[[userId, deviceId]]]);
      // The sessions belonged to a device that was installed again with another token, or that is registered only now.
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
      await setOwner(statements, null, device.no);
      return true;
    });
  }

  /** In one order, so that two processes do not deadlock. */
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

const setOwner = (statements: Statements, userId: UserId | null, no: number) =>
  statements.run('UPDATE device SET user_id = ? WHERE no = ?', [userId, no]);

/** Moves the session data of the device to a separate row. */
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
  /** null when the device was never registered. */
  readonly token: DeviceToken | null;
  readonly name: string | null;
  readonly last_seen: number | null;
}

const selectSessions = `SELECT no, user_id, id, token, name, last_seen FROM device
  WHERE (user_id, id) IN (?) FOR UPDATE`;

/** Removes the session data. Deletes a device that is not registered. */
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
