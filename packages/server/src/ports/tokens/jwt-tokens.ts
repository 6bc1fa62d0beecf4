// Access tokens as JWTs signed with the server's secret. The algorithm is fixed, so that a token cannot choose a weaker one.

import type { Clock } from '@hongyan/base/clock';
import { type Ok, ok } from '@hongyan/base/result';
import { createUuidV7 } from '@hongyan/base/uuid';
import { type UserId, userIdPattern } from '@hongyan/protocol/ids';
import { type Result, refusal } from '@hongyan/protocol/refusals';
import { errors, jwtVerify, SignJWT } from 'jose';
import QuickLRU from 'quick-lru';
import type { IssuedToken, SignOptions, Tokens, VerifiedToken } from './tokens.ts';

export interface JwtTokensOptions {
  readonly secret: Uint8Array;
  readonly ttlS: number;
  readonly clock: Clock;
  /** Verified tokens that are kept until they expire; one takes about half a kilobyte. */
  readonly cacheMax?: number;
}

const algorithm = 'HS256';
const userIds = new RegExp(userIdPattern);

export class JwtTokens implements Tokens {
  readonly #options: JwtTokensOptions;
  readonly #newTokenId: () => string;
  readonly #verified: QuickLRU<string, Ok<VerifiedToken>>;

  constructor(options: JwtTokensOptions) {
    this.#options = options;
    this.#newTokenId = createUuidV7(() => options.clock.nowMs());
    this.#verified = new QuickLRU({ maxSize: options.cacheMax ?? 20_000 });
  }

  async sign(userId: UserId, { issuedFromMs = 0 }: SignOptions = {}): Promise<IssuedToken> {
    const { secret, ttlS, clock } = this.#options;
    const nowMs = clock.nowMs();
    const accessToken = await new SignJWT({})
      .setProtectedHeader({ alg: algorithm, typ: 'JWT' })
      .setSubject(userId)
      .setIssuedAt(Math.max(nowMs, issuedFromMs) / 1000)
      .setExpirationTime(Math.floor(nowMs / 1000) + ttlS)
      .setJti(this.#newTokenId())
      .sign(secret);
    return { accessToken, expiresInS: ttlS };
  }

  async verify(token: string, { isOnce = false }: { readonly isOnce?: boolean } = {}): Promise<Result<VerifiedToken>> {
    const verified = this.#verified.get(token);
    if (verified !== undefined && verified.value.expiresAtMs > this.#options.clock.nowMs()) return verified;
    try {
      const fresh = await this.#check(token);
      if (fresh === undefined) return refusal.badToken();
      const answer = ok(fresh);
      if (!isOnce) this.#verified.set(token, answer);
      return answer;
    } catch (error) {
      if (error instanceof errors.JWTExpired) return refusal.expiredToken();
      if (error instanceof errors.JOSEError) return refusal.badToken();
      throw error;
    }
  }

  /** undefined when the token names no user. */
  async #check(token: string): Promise<VerifiedToken | undefined> {
    const { secret, clock } = this.#options;
    const { payload } = await jwtVerify(token, secret, {
      algorithms: [algorithm],
      requiredClaims: ['sub', 'exp', 'jti'],
      currentDate: new Date(clock.nowMs()),
    });
    const { sub = '', exp = 0, jti = '', iat = 0, tier } = payload;
    if (!userIds.test(sub)) return undefined;
    return {
      userId: sub as UserId,
      tokenId: jti,
      issuedAtMs: Math.round(iat * 1000),
      expiresAtMs: exp * 1000,
      ...(typeof tier === 'string' ? { tier } : {}),
    };
  }
}
