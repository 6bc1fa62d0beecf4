// The tokens port: access tokens, which the core issues at login and each gateway verifies without the core.

import type { UserId } from '@hongyan/protocol/ids';
import type { Result } from '@hongyan/protocol/refusals';

export interface IssuedToken {
  readonly accessToken: string;
  readonly expiresInS: number;
  readonly issuedAtMs: number;
}

export interface SignOptions {
  /** The issue time of the token when it is later than now. A revocation of all tokens of a user compares issue times. */
  readonly issuedFromMs?: number;
  /** The claim `tier`. */
  readonly tier?: string | undefined;
  /** Default: the configured lifetime of tokens. */
  readonly ttlS?: number | undefined;
}

export interface VerifiedToken {
  readonly userId: UserId;
  /** Unique per token: the key of its revocation. */
  readonly tokenId: string;
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
  /** The claim `tier`, if present. */
  readonly tier?: string | undefined;
}

/**
 * `verify` MUST accept only tokens that a trusted issuer signed and that have not expired. It MUST reject all others with
 * `unauthorized` as a value, and never throw. Whether a token was revoked is not checked here: see ports/access.
 *
 * Implementations MAY cache verified tokens. With `isOnce` they MUST NOT, because the caller stores the result itself.
 */
export interface Tokens {
  sign(userId: UserId, options?: SignOptions): Promise<IssuedToken>;
  verify(token: string, options?: { readonly isOnce?: boolean }): Promise<Result<VerifiedToken>>;
}
