// The tokens port: access tokens that the core issues at login and every gateway verifies by itself.

import type { UserId } from '@hongyan/protocol/ids';
import type { Result } from '@hongyan/protocol/refusals';

export interface IssuedToken {
  readonly accessToken: string;
  readonly expiresInS: number;
  readonly issuedAtMs: number;
}

export interface SignOptions {
  /** The token counts as issued then, if that is later than now: revocations of all of a user's tokens go by it. */
  readonly issuedFromMs?: number;
  /** The claim `tier`. */
  readonly tier?: string | undefined;
  /** Default: that of every token. */
  readonly ttlS?: number | undefined;
}

export interface VerifiedToken {
  readonly userId: UserId;
  /** Names this token alone: the key of its revocation. */
  readonly tokenId: string;
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
  /** The claim `tier`, where the token has one. */
  readonly tier?: string | undefined;
}

/**
 * MUST: verify accepts only what sign of the same server issued and what has not expired; whatever else is refused as
 * unauthorized, never thrown. Verifying a token again is cheap; but `isOnce` keeps nothing in memory, for a caller that keeps the
 * answer itself.
 */
export interface Tokens {
  sign(userId: UserId, options?: SignOptions): Promise<IssuedToken>;
  verify(token: string, options?: { readonly isOnce?: boolean }): Promise<Result<VerifiedToken>>;
}
