// The reads and writes of revocations and of token uses.

import type { Database } from 'bun:sqlite';
import type { DeviceId, UserId } from '@hongyan/protocol/ids';
import type { Revocation } from '../../../domain/revocation.ts';
import { devicesPerTokenMax, type RevocationPage, type TokenUse, usesPerUserMax } from '../revocations.ts';
import type { ResultOf, ValueOf } from './ops.ts';

export class RevocationReads {
  readonly #statements: ReturnType<typeof prepareReads>;

  constructor(db: Database) {
    this.#statements = prepareReads(db);
  }

  page({ after = 0, limit }: { readonly after?: number; readonly limit: number }): RevocationPage {
    const rows = this.#statements.page.all(after, limit);
    const last = rows.at(-1);
    const revocations = rows.map(toRevocation);
    return rows.length < limit || last === undefined ? { revocations } : { revocations, next: last.no };
  }

  issuedBefore(userId: UserId): number {
    return this.#statements.ofUser.get(userId)?.issued_before ?? 0;
  }

  isNoted({ userId, deviceId, tokenId }: TokenUse): boolean {
    return this.#statements.use.get(userId, deviceId, tokenId) !== null;
  }

  signedIn({ userId, nowMs }: { readonly userId: UserId; readonly nowMs: number }): readonly DeviceId[] {
    return this.#statements.signedIn.all(userId, nowMs).map((row) => row.device_id);
  }

  tokensOf({ userId, deviceId }: { readonly userId: UserId; readonly deviceId: DeviceId }): readonly TokenUse[] {
    return this.#statements.tokensOf
      .all(userId, deviceId)
      .map((row) => ({ tokenId: row.token_id, userId, deviceId, expiresAtMs: row.expires_at }));
  }

  devicesOf(tokenId: string): readonly DeviceId[] {
    return this.#statements.devicesOf.all(tokenId).map((row) => row.device_id);
  }
}

export class RevocationWrites {
  readonly #statements: ReturnType<typeof prepareWrites>;
  readonly #revocationsMax: number;
  /** The cached number of revocations, because counting a million rows is slow. */
  #count: number | undefined;

  constructor(db: Database, revocationsMax: number) {
    this.#statements = prepareWrites(db);
    this.#revocationsMax = revocationsMax;
  }

  revoke(revocations: ValueOf<'revoke'>): ResultOf<'revoke'> {
    const count = this.#counted();
    // Existing ones are counted twice here, which is safe near the bound.
    if (count + revocations.length > this.#revocationsMax) return 'full';
    this.#count = undefined;
    let added = 0;
    for (const revocation of revocations) added += this.#add(revocation);
    this.#count = count + added;
    return 'revoked';
  }

  note({ tokenId, userId, deviceId, expiresAtMs }: ValueOf<'recordUse'>): void {
    const { count } = this.#statements.usesOf.get(tokenId) ?? { count: 0 };
    if (count >= devicesPerTokenMax) return;
    const { changes } = this.#statements.note.run(userId, deviceId, tokenId, expiresAtMs);
    if (changes > 0 && (this.#statements.usesOfUser.get(userId)?.count ?? 0) > usesPerUserMax)
      this.#statements.forgetFirst.run(userId);
  }

  forget({ nowMs, limit }: ValueOf<'forgetExpired'>): number {
    const { changes } = this.#statements.forget.run(nowMs, limit);
    if (this.#count !== undefined) this.#count -= changes;
    return changes + this.#statements.forgetUses.run(nowMs, limit).changes;
  }

  /** Reverts the in-memory state of a batch. */
  rolledBack(): void {
    this.#count = undefined;
  }

  /** Returns by how many the number of rows grew. One row per user, because the newest covers the older ones. */
  #add(revocation: Revocation): number {
    const { userId, untilMs } = revocation;
    if (revocation.type === 'token') {
      this.#statements.forgetToken.run(revocation.tokenId);
      return this.#statements.addToken.run(userId, revocation.tokenId, untilMs).changes;
    }
    const { issuedBeforeMs } = revocation;
    const before = this.#statements.ofUser.get(userId)?.issued_before ?? 0;
    if (before >= issuedBeforeMs) return 0;
    const removed = this.#statements.removeUser.run(userId).changes;
    this.#statements.forgetUser.run(userId);
    this.#statements.addUser.run(userId, issuedBeforeMs, untilMs);
    return 1 - removed;
  }

  #counted(): number {
    this.#count ??= this.#statements.count.get()?.count ?? 0;
    return this.#count;
  }
}

interface RevocationRow {
  readonly no: number;
  readonly user_id: UserId;
  readonly token_id: string | null;
  readonly issued_before: number;
  readonly until: number;
}

const toRevocation = ({ user_id: userId, token_id, issued_before, until: untilMs }: RevocationRow): Revocation =>
  token_id === null
    ? { type: 'user', userId, issuedBeforeMs: issued_before, untilMs }
    : { type: 'token', tokenId: token_id, userId, untilMs };

const ofUserSql = 'SELECT issued_before FROM revocation WHERE user_id = ? AND token_id IS NULL';

const prepareReads = (db: Database) => ({
  page: db.prepare<RevocationRow, [number, number]>(
    'SELECT no, user_id, token_id, issued_before, until FROM revocation WHERE no > ? ORDER BY no LIMIT ?',
  ),
  signedIn: db.prepare<{ device_id: DeviceId }, [string, number]>(
    'SELECT DISTINCT device_id FROM token_use WHERE user_id = ? AND expires_at > ?',
  ),
  ofUser: db.prepare<{ issued_before: number }, [string]>(ofUserSql),
  use: db.prepare<{ found: number }, [string, string, string]>(
    'SELECT 1 AS found FROM token_use WHERE user_id = ? AND device_id = ? AND token_id = ?',
  ),
  tokensOf: db.prepare<{ token_id: string; expires_at: number }, [string, string]>(
    'SELECT token_id, expires_at FROM token_use WHERE user_id = ? AND device_id = ?',
  ),
  devicesOf: db.prepare<{ device_id: DeviceId }, [string]>('SELECT device_id FROM token_use WHERE token_id = ?'),
});

const prepareWrites = (db: Database) => ({
  count: db.prepare<{ count: number }, []>('SELECT count(*) AS count FROM revocation'),
  addToken: db.prepare<unknown, [string, string, number]>(
    `INSERT INTO revocation(user_id, token_id, issued_before, until) VALUES(?, ?, 0, ?)
     ON CONFLICT(token_id) DO NOTHING`,
  ),
  ofUser: db.prepare<{ issued_before: number }, [string]>(ofUserSql),
  removeUser: db.prepare<unknown, [string]>('DELETE FROM revocation WHERE user_id = ? AND token_id IS NULL'),
  addUser: db.prepare<unknown, [string, number, number]>(
    'INSERT INTO revocation(user_id, issued_before, until) VALUES(?, ?, ?)',
  ),
  forgetToken: db.prepare<unknown, [string]>('DELETE FROM token_use WHERE token_id = ?'),
  forgetUser: db.prepare<unknown, [string]>('DELETE FROM token_use WHERE user_id = ?'),
  usesOf: db.prepare<{ count: number }, [string]>('SELECT count(*) AS count FROM token_use WHERE token_id = ?'),
  usesOfUser: db.prepare<{ count: number }, [string]>('SELECT count(*) AS count FROM token_use WHERE user_id = ?'),
  forgetFirst: db.prepare<unknown, [string]>(
    'DELETE FROM token_use WHERE no = (SELECT no FROM token_use WHERE user_id = ? ORDER BY expires_at, no LIMIT 1)',
  ),
  note: db.prepare<unknown, [string, string, string, number]>(
    `INSERT INTO token_use(user_id, device_id, token_id, expires_at) VALUES(?, ?, ?, ?)
     ON CONFLICT(user_id, device_id, token_id) DO NOTHING`,
  ),
  forget: db.prepare<unknown, [number, number]>(
    'DELETE FROM revocation WHERE no IN (SELECT no FROM revocation WHERE until <= ? ORDER BY until LIMIT ?)',
  ),
  forgetUses: db.prepare<unknown, [number, number]>(
    'DELETE FROM token_use WHERE no IN (SELECT no FROM token_use WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)',
  ),
});
