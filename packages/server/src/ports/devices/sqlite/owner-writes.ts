// Writes of owners and sessions of devices. Once a user has bound a device, both are in one row.

import type { Database } from 'bun:sqlite';
import { encodeForgotten, forgottenKind } from '../device-events.ts';
import type { DeviceKey } from '../devices.ts';
import type { ResultOf, ValueOf } from './ops.ts';
import { TokenHashes } from './token-hash.ts';
import { byToken, type NamedDeviceRow } from './token-lookup.ts';

export class OwnerWrites {
  readonly #find: (token: string) => NamedDeviceRow | undefined;
  readonly #statements: ReturnType<typeof prepare>;

  constructor(db: Database) {
    this.#find = byToken(db, new TokenHashes(db));
    this.#statements = prepare(db);
  }

  bind({ deviceToken, userId, deviceId }: ValueOf<'bind'>): ResultOf<'bind'> {
    const device = this.#find(deviceToken);
    if (device === undefined) return 'no_device';
    if (device.user_id !== null && !isSameUser(device.user_id, userId)) return 'taken';
    if (deviceId === undefined || deviceId === device.id) {
      this.#statements.setOwner.run(userId, device.no);
      return 'bound';
    }
    this.#leaveSession(device);
    const session = this.#statements.session.get(userId, deviceId);
    // The sessions belonged to a device that was installed again with another token, or that is registered only now.
    if (session !== null && session.token === null) this.#statements.remove.run(session.no);
    else if (session !== null) this.#statements.forgetSession.run(session.no);
    this.#statements.adopt.run(userId, deviceId, session?.name ?? '', session?.last_seen ?? null, device.no);
    return 'bound';
  }

  unbind({ deviceToken, userId }: ValueOf<'unbind'>): boolean {
    const device = this.#find(deviceToken);
    if (device === undefined || device.user_id === null || !isSameUser(device.user_id, userId)) return false;
    this.#leaveSession(device);
    this.#statements.setOwner.run(null, device.no);
    return true;
  }

  touch({ userId, deviceId, name, atMs }: ValueOf<'touch'>): undefined {
    this.#statements.touch.run(userId, deviceId, name, atMs);
  }

  forget({ keys, notSeenSinceMs }: ValueOf<'forget'>): number {
    const forgotten: DeviceKey[] = [];
    for (const { userId, deviceId } of keys) {
      const session = this.#statements.session.get(userId, deviceId);
      if (session === null || (session.last_seen ?? 0) >= notSeenSinceMs) continue;
      if (session.token === null) this.#statements.remove.run(session.no);
      else this.#statements.forgetSession.run(session.no);
      forgotten.push({ userId, deviceId });
    }
    if (forgotten.length > 0) this.#statements.note.run(forgottenKind, encodeForgotten(forgotten));
    return forgotten.length;
  }

  delivered({ nos }: ValueOf<'delivered'>): undefined {
    for (const no of nos) this.#statements.delivered.run(no);
  }

  /** Moves the session data of the device to a separate row. */
  #leaveSession({ no, user_id, id, name, last_seen }: NamedDeviceRow): void {
    if (user_id === null || id === null) return;
    this.#statements.forgetSession.run(no);
    if (last_seen !== null) this.#statements.touch.run(user_id, id, name ?? '', last_seen);
  }
}

/** Ids are ASCII. */
const isSameUser = (one: string, other: string): boolean => one.toLowerCase() === other.toLowerCase();

interface SessionRow {
  readonly no: number;
  readonly token: string | null;
  readonly name: string;
  readonly last_seen: number | null;
}

function prepare(db: Database) {
  return {
    session: db.prepare<SessionRow, [string, string]>(
      'SELECT no, token, name, last_seen FROM device WHERE user_id = ? AND id = ? AND id IS NOT NULL',
    ),
    remove: db.prepare<unknown, [number]>('DELETE FROM device WHERE no = ?'),
    note: db.prepare<unknown, [string, string]>('INSERT INTO outbox(kind, payload) VALUES(?, ?)'),
    delivered: db.prepare<unknown, [number]>('DELETE FROM outbox WHERE no = ?'),
    forgetSession: db.prepare<unknown, [number]>(
      'UPDATE device SET id = NULL, name = NULL, last_seen = NULL WHERE no = ?',
    ),
    setOwner: db.prepare<unknown, [string | null, number]>('UPDATE device SET user_id = ? WHERE no = ?'),
    adopt: db.prepare<unknown, [string, string, string, number | null, number]>(
      'UPDATE device SET user_id = ?, id = ?, name = ?, last_seen = ? WHERE no = ?',
    ),
    touch: db.prepare<unknown, [string, string, string, number]>(
      `INSERT INTO device(user_id, id, name, last_seen) VALUES(?, ?, ?, ?)
       ON CONFLICT(user_id, id) WHERE id IS NOT NULL DO UPDATE SET last_seen = max(ifnull(last_seen, 0), excluded.last_seen),
         name = CASE excluded.name WHEN '' THEN name ELSE excluded.name END`,
    ),
  };
}
