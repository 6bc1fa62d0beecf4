// The reads and writes of revocations.

import type { UserId } from '@hongyan/protocol/ids';
import { insertRows } from '../../../adapters/mysql/insert.ts';
import type { MysqlPool } from '../../../adapters/mysql/pool.ts';
import type { SqlValue, Statements } from '../../../adapters/mysql/session.ts';
import type { Revocation } from '../../../domain/revocation.ts';
import type { RevocationPage, Revocations } from '../revocations.ts';
import { lockNumbers, saveNumbers } from './numbers.ts';
import { dropUses, tokenKeyOf, userKeyOf } from './token-rows.ts';

export class RevocationRows {
  readonly #pool: MysqlPool;
  readonly #revocationsMax: number;

  constructor(pool: MysqlPool, revocationsMax: number) {
    this.#pool = pool;
    this.#revocationsMax = revocationsMax;
  }

  async page({ after = 0, limit }: Parameters<Revocations['revocations']>[0]): Promise<RevocationPage> {
    const rows = await this.#pool.read<RevocationRow>(
      'select no, kind, user_id, token_id, issued_before, until_ms from revocation where no > ? order by no limit ?',
      [after, limit],
    );
    const last = rows.at(-1);
    const revocations = rows.map(toRevocation);
    return rows.length < limit || last === undefined ? { revocations } : { revocations, next: last.no };
  }

  async issuedBefore(userId: UserId): Promise<number> {
    const sql = "select issued_before from revocation where kind = 'user' and subject = ?";
    const [row] = await this.#pool.read<{ readonly issued_before: number }>(sql, [userKeyOf(userId)]);
    return row?.issued_before ?? 0;
  }

  revoke(revocations: readonly Revocation[]): ReturnType<Revocations['revoke']> {
    return this.#pool.transaction(async (db) => {
      const { next, held } = await lockNumbers(db, 'revocation');
      // Existing ones are counted twice here, which is safe near the bound.
      if (held + revocations.length > this.#revocationsMax) return 'full';
      const { fresh, outdated } = choose(revocations, await knownOf(db, revocations));
      if (outdated.length > 0) await db.run('delete from revocation where no in (?)', [outdated]);
      const rows = fresh.map((revocation, index) => [next + index, ...columnsOf(revocation)]);
      await insertRows(db, { into: insertInto, rows }, this.#pool.statementBytesMax);
      await saveNumbers(db, 'revocation', { next: next + rows.length, held: held + rows.length - outdated.length });
      await dropUses(db, revocations);
      return 'revoked';
    });
  }

  /** Returns the number of deleted rows. */
  forget({ nowMs, limit }: Parameters<Revocations['forgetExpired']>[0]): Promise<number> {
    return this.#pool.transaction(async (db) => {
      const numbers = await lockNumbers(db, 'revocation');
      const sql = 'delete from revocation where until_ms <= ? order by until_ms limit ?';
      const count = await db.run(sql, [nowMs, limit]);
      if (count > 0) await saveNumbers(db, 'revocation', { ...numbers, held: numbers.held - count });
      return count;
    });
  }
}

interface RevocationRow {
  readonly no: number;
  readonly kind: Revocation['type'];
  readonly user_id: UserId;
  readonly token_id: string | null;
  readonly issued_before: number;
  readonly until_ms: number;
}

const toRevocation = ({ user_id: userId, token_id, issued_before, until_ms: untilMs }: RevocationRow): Revocation =>
  token_id === null
    ? { type: 'user', userId, issuedBeforeMs: issued_before, untilMs }
    : { type: 'token', tokenId: token_id, userId, untilMs };

const insertInto = 'revocation (no, kind, subject, user_id, token_id, issued_before, until_ms)';

const subjectOf = (revocation: Revocation): string =>
  revocation.type === 'token' ? tokenKeyOf(revocation.tokenId) : userKeyOf(revocation.userId);

const keyOf = (kind: Revocation['type'], subject: string): string => `${kind} ${subject}`;

function columnsOf(revocation: Revocation): SqlValue[] {
  const [subject, { type, userId, untilMs }] = [subjectOf(revocation), revocation];
  return revocation.type === 'token'
    ? [type, subject, userId, revocation.tokenId, 0, untilMs]
    : [type, subject, userId, null, revocation.issuedBeforeMs, untilMs];
}

interface KnownRow {
  readonly no: number;
  readonly kind: Revocation['type'];
  readonly subject: string;
  readonly issued_before: number;
}

/** The stored revocations of these subjects. Other writers of the kind wait, so that the result stays valid. */
async function knownOf(
  db: Statements,
  revocations: readonly Revocation[],
): Promise<ReadonlyMap<string, Pick<KnownRow, 'no' | 'issued_before'>>> {
  if (revocations.length === 0) return new Map();
  const keys = revocations.map((revocation) => [revocation.type, subjectOf(revocation)]);
  const sql = 'select no, kind, subject, issued_before from revocation where (kind, subject) in (?)';
  const rows = await db.rows<KnownRow>(sql, [keys]);
  return new Map(rows.map((row) => [keyOf(row.kind, row.subject), row]));
}

/** Keeps one revocation per token, and per user the newest one, which covers the older ones. */
function choose(revocations: readonly Revocation[], known: Awaited<ReturnType<typeof knownOf>>) {
  const fresh = new Map<string, Revocation>();
  const outdated = new Set<number>();
  const issuedBefore = new Map([...known].map(([key, row]) => [key, row.issued_before]));
  for (const revocation of revocations) {
    const key = keyOf(revocation.type, subjectOf(revocation));
    const before = issuedBefore.get(key);
    const issuedBeforeMs = revocation.type === 'token' ? 0 : revocation.issuedBeforeMs;
    if (before !== undefined && before >= issuedBeforeMs) continue;
    const stored = known.get(key);
    if (stored !== undefined) outdated.add(stored.no);
    issuedBefore.set(key, issuedBeforeMs);
    // Inserted again at the end, so that the order is that of the revocations.
    fresh.delete(key);
    fresh.set(key, revocation);
  }
  return { fresh: [...fresh.values()], outdated: [...outdated] };
}
