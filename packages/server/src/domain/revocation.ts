// Revocations: tokens that are rejected although they have not expired. One token, or all tokens of a user issued before a time.

import type { UserId } from '@hongyan/protocol/ids';

export type Revocation =
  | { readonly type: 'token'; readonly tokenId: string; readonly userId: UserId; readonly untilMs: number }
  /** Revokes all tokens of the user that were issued before `issuedBeforeMs`. */
  | { readonly type: 'user'; readonly userId: UserId; readonly issuedBeforeMs: number; readonly untilMs: number };

/** The claims of a token that decide whether it is revoked. */
export interface TokenFacts {
  readonly userId: UserId;
  readonly tokenId: string;
  /** Absent: unknown, and treated as before any revocation. */
  readonly issuedAtMs?: number | undefined;
}

/** Maximal lifetime of a token. After this time a revocation of all tokens can be removed. */
export const tokenLifeMaxS = 31_536_000;

/** Revocations are retained this long after the expiry of their token, because clocks differ. */
const marginMs = 120_000;

/** How far the time of issue may be in the future after the clock was set back. */
const stepBackMaxMs = 86_400_000;
/** The expiry of a token is rounded up to a whole second. */
const roundingMs = 1_000;

/**
 * [A2] Whether the claimed lifetime exceeds the maximum. It counts from the time of issue, or from now if that is unknown. A time of issue
 * in the future means that the clock was set back since.
 */
export function livesTooLong(
  { issuedAtMs, expiresAtMs }: { readonly issuedAtMs?: number | undefined; readonly expiresAtMs: number },
  nowMs: number,
): boolean {
  const fromMs = Math.min(issuedAtMs ?? nowMs, nowMs + stepBackMaxMs);
  return expiresAtMs > fromMs + tokenLifeMaxS * 1000 + roundingMs;
}

/**
 * [A11] Revokes all present tokens of a user; tokens issued later are valid. `newestIssueMs` is the time of issue of the newest known
 * token, which is in the future if the clock was set back since.
 */
export function ofAllTokens(
  userId: UserId,
  { nowMs, newestIssueMs = 0 }: { readonly nowMs: number; readonly newestIssueMs?: number },
): Revocation {
  const issuedBeforeMs = Math.max(nowMs, newestIssueMs) + 1;
  return { type: 'user', userId, issuedBeforeMs, untilMs: issuedBeforeMs + tokenLifeMaxS * 1000 + marginMs };
}

/** Until when the revocation of a token is retained. */
export const keptUntilMs = (expiresAtMs: number): number => expiresAtMs + marginMs;

/** Revocations in memory, checked for each request. */
export class RevocationSet {
  readonly #tokens = new Map<string, number>();
  readonly #users = new Map<string, { readonly issuedBeforeMs: number; readonly untilMs: number }>();

  get size(): number {
    return this.#tokens.size + this.#users.size;
  }

  /** Idempotent. A revocation is never withdrawn. */
  add(revocation: Revocation): void {
    if (revocation.type === 'token') {
      this.#tokens.set(revocation.tokenId, revocation.untilMs);
      return;
    }
    const { issuedBeforeMs, untilMs } = revocation;
    const key = keyOf(revocation.userId);
    const known = this.#users.get(key);
    if (known === undefined || known.issuedBeforeMs < issuedBeforeMs) this.#users.set(key, { issuedBeforeMs, untilMs });
  }

  has({ tokenId, userId, issuedAtMs = 0 }: TokenFacts): boolean {
    if (this.#tokens.has(tokenId)) return true;
    if (this.#users.size === 0) return false;
    const ofUser = this.#users.get(keyOf(userId));
    return ofUser !== undefined && issuedAtMs < ofUser.issuedBeforeMs;
  }

  /** Drops those whose tokens have all expired. */
  forget(nowMs: number): void {
    for (const [key, untilMs] of this.#tokens) if (untilMs <= nowMs) this.#tokens.delete(key);
    for (const [key, { untilMs }] of this.#users) if (untilMs <= nowMs) this.#users.delete(key);
  }
}

/** User ids are case-insensitive. */
const keyOf = (userId: UserId): string => userId.toLowerCase();
