// Revocations of tokens, and which device uses which token, so that a device can be signed out.

import type { DeviceId, UserId } from '@hongyan/protocol/ids';
import type { Revocation } from '../../domain/revocation.ts';

export interface TokenUse {
  readonly tokenId: string;
  readonly userId: UserId;
  readonly deviceId: DeviceId;
  readonly expiresAtMs: number;
}

/** Someone who makes up devices fills no disk. Signing out one of those that are noted ends the others too. */
export const devicesPerTokenMax = 100;

/** Of one user. Signing out everywhere ends also the tokens that are no longer noted. */
export const usesPerUserMax = 1_000;

export interface RevocationPage {
  readonly revocations: readonly Revocation[];
  /** Pass it as `after` for the next page; absent on the last one. */
  readonly next?: number;
}

/**
 * MUST: a revocation that resolved survives loss of power and is in every read after it, until its time `untilMs` has passed and
 * `forgetExpired` was called. User ids are compared without regard to the case of ASCII letters.
 */
export interface Revocations {
  /** All or none. `full`: there are as many as the store may hold; none was stored. What is there already is no error. */
  revoke(revocations: readonly Revocation[]): Promise<'revoked' | 'full'>;
  /**
   * In the order in which they took effect: one that resolves later MUST stand behind every page that was read before, however many
   * are made at once, so that a reader which goes on from its last page misses none.
   */
  revocations(page: { readonly after?: number; readonly limit: number }): Promise<RevocationPage>;
  /** Tokens of the user are revoked that were issued before; 0 = none. */
  issuedBefore(userId: UserId): Promise<number>;

  /** The device said hello with the token. Repeating it costs a read. May be lost with the power. Beyond devicesPerTokenMax nothing is noted; beyond usesPerUserMax the user's use that expires first MAY be forgotten. */
  noteUse(use: TokenUse): Promise<void>;
  /** Devices of the user with a token that is neither expired nor revoked. */
  signedIn(user: { readonly userId: UserId; readonly nowMs: number }): Promise<readonly DeviceId[]>;
  /** Tokens of the device that are neither revoked nor forgotten. */
  tokensOf(device: { readonly userId: UserId; readonly deviceId: DeviceId }): Promise<readonly TokenUse[]>;
  /** Devices that used the token. */
  devicesOf(tokenId: string): Promise<readonly DeviceId[]>;

  /** Drops up to `limit` of each that had expired at `nowMs`; returns how many. */
  forgetExpired(request: { readonly nowMs: number; readonly limit: number }): Promise<number>;
}
