// Access tokens as JWTs signed with the server's secrets. The algorithm is fixed, so that a token cannot choose a weaker one.

import type { Clock } from '@hongyan/base/clock';
import { type Ok, ok } from '@hongyan/base/result';
import { createUuidV7 } from '@hongyan/base/uuid';
import { isSystemUser, type UserId, userIdPattern } from '@hongyan/protocol/ids';
import { type Result, refusal } from '@hongyan/protocol/refusals';
import { errors, type JWTPayload, jwtVerify, SignJWT } from 'jose';
import QuickLRU from 'quick-lru';
import { livesTooLong } from '../../domain/revocation.ts';
import type { KeyRing } from './key-ring.ts';
import { tokenHeader } from './token-header.ts';
import type { IssuedToken, SignOptions, Tokens, VerifiedToken } from './tokens.ts';

export interface JwtTokensOptions {
  readonly keys: KeyRing;
  readonly ttlS: number;
  readonly clock: Clock;
  /** The maximum number of cached verified tokens, which take about half a kilobyte each. They are cached until they expire. */
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

  async sign(userId: UserId, options: SignOptions = {}): Promise<IssuedToken> {
    const { keys, clock } = this.#options;
    const { issuedFromMs = 0, tier, ttlS = this.#options.ttlS } = options;
    const { bytes, keyId } = await keys.signing();
    const nowMs = clock.nowMs();
    const issuedAtMs = Math.max(nowMs, issuedFromMs);
    const accessToken = await new SignJWT(tier === undefined ? {} : { tier })
      .setProtectedHeader({ alg: algorithm, typ: 'JWT', kid: keyId })
      .setSubject(userId)
      .setIssuedAt(issuedAtMs / 1000)
      .setExpirationTime(Math.ceil(nowMs / 1000 + ttlS))
      .setJti(this.#newTokenId())
      .sign(bytes);
    return { accessToken, expiresInS: ttlS, issuedAtMs };
  }

  async verify(token: string, { isOnce = false }: { readonly isOnce?: boolean } = {}): Promise<Result<VerifiedToken>> {
    const verified = this.#verified.get(token);
    if (verified !== undefined && verified.value.expiresAtMs > this.#options.clock.nowMs()) return verified;
    try {
      const payload = await this.#payload(token);
      const fresh = payload && this.#facts(payload);
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

  /** undefined when no key of this server signed it. */
  async #payload(token: string): Promise<JWTPayload | undefined> {
    const { keys, clock } = this.#options;
    const header = tokenHeader(token);
    if (header === undefined) return undefined;
    for (const { bytes } of await keys.verifying(header.kid)) {
      try {
        const { payload } = await jwtVerify(token, bytes, {
          algorithms: [algorithm],
          requiredClaims: ['sub', 'exp', 'jti'],
          currentDate: new Date(clock.nowMs()),
        });
        return payload;
      } catch (error) {
        if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw error;
      }
    }
    return undefined;
  }

  /** undefined when the token names no user, or claims a longer lifetime than tokens of this server have. */
  #facts({ sub = '', exp = 0, jti = '', iat, tier }: JWTPayload): VerifiedToken | undefined {
    const times = { issuedAtMs: iat === undefined ? undefined : Math.round(iat * 1000), expiresAtMs: exp * 1000 };
    if (!userIds.test(sub) || isSystemUser(sub as UserId) || livesTooLong(times, this.#options.clock.nowMs()))
      return undefined;
    return {
      userId: sub as UserId,
      tokenId: jti,
      issuedAtMs: times.issuedAtMs ?? 0,
      expiresAtMs: times.expiresAtMs,
      ...(typeof tier === 'string' ? { tier } : {}),
    };
  }
}
