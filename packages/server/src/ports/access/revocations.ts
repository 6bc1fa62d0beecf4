// Token revocations, and the tokens that each device used, so that a device can be signed out.

import type { DeviceId, UserId } from '@hongyan/protocol/ids';
import type { Revocation } from '../../domain/revocation.ts';

export interface TokenUse {
  readonly tokenId: string;
  readonly userId: UserId;
  readonly deviceId: DeviceId;
  readonly expiresAtMs: number;
}

/** A bound against clients that invent device ids. Signing out one recorded device of a token revokes the token, and so ends the others. */
export const devicesPerTokenMax = 100;

/** The maximum number of recorded uses per user. Signing out everywhere also revokes the tokens that are no longer recorded. */
export const usesPerUserMax = 1_000;

export interface RevocationPage {
  readonly revocations: readonly Revocation[];
  /** The `after` of the next page. Absent on the last page. */
  readonly next?: number;
}

/**
 * Durability: a resolved revocation MUST survive a loss of power. Every later read MUST return it until `untilMs` has passed and
 * `forgetExpired` was called.
 *
 * User ids are compared without regard to the case of ASCII letters.
 */
export interface Revocations {
  /** Atomic and idempotent. `full`: the store holds its maximum, and none was stored. */
  revoke(revocations: readonly Revocation[]): Promise<'revoked' | 'full'>;
  /**
   * In the order in which they took effect. A revocation that resolves after a page was read MUST come after that page, however many
   * `revoke` calls are concurrent. So a reader that continues from its last page misses none.
   */
  revocations(page: { readonly after?: number; readonly limit: number }): Promise<RevocationPage>;
  /** Tokens of the user that were issued before this time (Unix ms) are revoked. 0: no such revocation. */
  issuedBefore(userId: UserId): Promise<number>;

  /**
   * Records that the device opened a session with the token. Idempotent: a repeat costs a read. A loss of power may undo it.
   * A token with devicesPerTokenMax devices records no further one. A user with usesPerUserMax uses MAY lose the use that expires
   * first.
   */
  recordUse(use: TokenUse): Promise<void>;
  /** The devices of the user with a token that is neither expired nor revoked. */
  signedIn(user: { readonly userId: UserId; readonly nowMs: number }): Promise<readonly DeviceId[]>;
  /** The recorded tokens of the device that are not revoked. */
  tokensOf(device: { readonly userId: UserId; readonly deviceId: DeviceId }): Promise<readonly TokenUse[]>;
  /** The recorded devices of the token. */
  devicesOf(tokenId: string): Promise<readonly DeviceId[]>;

  /** Deletes up to `limit` revocations and up to `limit` uses that had expired at `nowMs`. Returns the number of deleted rows. */
  forgetExpired(request: { readonly nowMs: number; readonly limit: number }): Promise<number>;
}
