// Access tokens: JWTs signed with the server's secret. The algorithm is fixed, so a token cannot choose a weaker one.

import type { Clock } from '@hongyan/base/clock';
import { createUuidV7 } from '@hongyan/base/uuid';
import { type UserId, userIdPattern } from '@hongyan/protocol/ids';
import { errors, jwtVerify, SignJWT } from 'jose';
import { LRUCache } from 'lru-cache';

export type Verified =
  | { readonly type: 'ok'; readonly userId: UserId; readonly jti: string; readonly expiresAtMs: number }
  | { readonly type: 'invalid'; readonly reason: string };

export interface Tokens {
  sign(userId: UserId): Promise<string>;
  /** Checks signature and expiry. Cheap when repeated: the answer for a good token is remembered until it expires. */
  verify(token: string): Promise<Verified>;
}

export interface TokensOptions {
  readonly secret: Uint8Array;
  readonly ttlS: number;
  readonly clock: Clock;
  /** Good tokens that are remembered; one takes about half a kilobyte. */
  readonly cacheMax?: number;
}

const algorithm = 'HS256';
const userIds = new RegExp(userIdPattern);

export function createTokens({ secret, ttlS, clock, cacheMax = 20_000 }: TokensOptions): Tokens {
  const newJti = createUuidV7(() => clock.nowMs());
  const verified = new LRUCache<string, Extract<Verified, { type: 'ok' }>>({ max: cacheMax });

  return {
    sign(userId) {
      const nowS = Math.floor(clock.nowMs() / 1000);
      return new SignJWT({})
        .setProtectedHeader({ alg: algorithm, typ: 'JWT' })
        .setSubject(userId)
        .setIssuedAt(nowS)
        .setExpirationTime(nowS + ttlS)
        .setJti(newJti())
        .sign(secret);
    },
    async verify(token) {
      const known = verified.get(token);
      if (known && known.expiresAtMs > clock.nowMs()) return known;
      try {
        const { payload } = await jwtVerify(token, secret, {
          algorithms: [algorithm],
          requiredClaims: ['sub', 'exp', 'jti'],
          currentDate: new Date(clock.nowMs()),
        });
        const { sub = '', exp = 0, jti = '' } = payload;
        if (!userIds.test(sub)) return { type: 'invalid', reason: 'the token names no user' };
        const answer = { type: 'ok', userId: sub as UserId, jti, expiresAtMs: exp * 1000 } as const;
        verified.set(token, answer);
        return answer;
      } catch (error) {
        if (error instanceof errors.JWTExpired) return { type: 'invalid', reason: 'the token has expired' };
        if (error instanceof errors.JOSEError)
          return { type: 'invalid', reason: 'the token is missing or not one of this server' };
        throw error;
      }
    },
  };
}
