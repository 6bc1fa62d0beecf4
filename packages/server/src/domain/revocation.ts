// Which tokens may no longer be used, although they have not expired: single ones, and all that a user had at some time.

import type { UserId } from '@hongyan/protocol/ids';

export type Revocation =
  | { readonly type: 'token'; readonly tokenId: string; readonly userId: UserId; readonly untilMs: number }
  /** Of all tokens of the user that were issued before. */
  | { readonly type: 'user'; readonly userId: UserId; readonly issuedBeforeMs: number; readonly untilMs: number };

/** What is asked about a token. */
export interface TokenFacts {
  readonly userId: UserId;
  readonly tokenId: string;
  /** Absent: unknown, and so before anything. */
  readonly issuedAtMs?: number | undefined;
}

/** No token lives longer: with the time of its issue, this says when a revocation of all can be forgotten. */
export const tokenLifeMaxS = 31_536_000;

/** Beyond the expiry of a token: clocks of issuers and gateways differ. */
const marginMs = 120_000;

/** The clock may step back by so much behind the issue of a token, and the token counts from its issue all the same. */
const stepBackMaxMs = 86_400_000;
/** The end of a token is a whole second, rounded up. */
const roundingMs = 1_000;

/**
 * [A2] Whether a token claims to live longer than tokens do: from its issue, or from now where it does not say when that was. An issue
 * in the future is one from before the clock stepped back.
 */
export function livesTooLong(
  { issuedAtMs, expiresAtMs }: { readonly issuedAtMs?: number | undefined; readonly expiresAtMs: number },
  nowMs: number,
): boolean {
  const fromMs = Math.min(issuedAtMs ?? nowMs, nowMs + stepBackMaxMs);
  return expiresAtMs > fromMs + tokenLifeMaxS * 1000 + roundingMs;
}

/**
 * [A11] Of all that a user has: what is issued from this moment on is good again. `newestIssueMs`: of the tokens that are known; it is
 * in the future where the clock stepped back since.
 */
export function ofAllTokens(
  userId: UserId,
  { nowMs, newestIssueMs = 0 }: { readonly nowMs: number; readonly newestIssueMs?: number },
): Revocation {
  const issuedBeforeMs = Math.max(nowMs, newestIssueMs) + 1;
  return { type: 'user', userId, issuedBeforeMs, untilMs: issuedBeforeMs + tokenLifeMaxS * 1000 + marginMs };
}

/** Until when the revocation of a token is kept. */
export const keptUntilMs = (expiresAtMs: number): number => expiresAtMs + marginMs;

/** Revocations in memory, asked for each request. */
export class RevocationSet {
  readonly #tokens = new Map<string, number>();
  readonly #users = new Map<string, { readonly issuedBeforeMs: number; readonly untilMs: number }>();

  get size(): number {
    return this.#tokens.size + this.#users.size;
  }

  /** What is there already changes nothing: a revocation is never taken back. */
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

/** Ids that differ in case alone are one id. */
const keyOf = (userId: UserId): string => userId.toLowerCase();
