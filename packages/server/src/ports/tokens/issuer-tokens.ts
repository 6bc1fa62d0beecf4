// Tokens of an application's identity provider, in addition to those of this server. The algorithm decides who issued a token: this server
// signs with HS256, an issuer with a key pair. No token is ever verified with the keys of the other.

import { createHash } from 'node:crypto';
import type { Clock } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import { type Ok, ok } from '@hongyan/base/result';
import { type UserId, userIdPattern } from '@hongyan/protocol/ids';
import { failure, type Result, refusal } from '@hongyan/protocol/refusals';
import { errors, type JWTPayload, jwtVerify } from 'jose';
import QuickLRU from 'quick-lru';
import { livesTooLong } from '../../domain/revocation.ts';
import { type Jwks, JwksUnavailable } from './jwks.ts';
import { tokenHeader } from './token-header.ts';
import type { Tokens, VerifiedToken } from './tokens.ts';

export interface IssuerTokensOptions {
  readonly own: Tokens;
  readonly jwks: Jwks;
  readonly issuer: string;
  readonly audience: string;
  /** The claim that has the user id. */
  readonly userClaim: string;
  /** Admits the user, and returns the stored id, or rejects the user. */
  readonly admit: (user: { readonly userId: UserId; readonly displayName?: string }) => Promise<Result<UserId>>;
  readonly clock: Clock;
  readonly log: Log;
  /** The maximum number of cached verified tokens. They are cached until they expire. */
  readonly cacheMax: number;
}

const algorithms = ['RS256', 'ES256', 'EdDSA', 'Ed25519'];
/** The tolerated difference between the clocks of two machines. */
const skewS = 30;
const userIds = new RegExp(userIdPattern);

export class IssuerTokens implements Tokens {
  readonly #options: IssuerTokensOptions;
  readonly #verified: QuickLRU<string, Ok<VerifiedToken>>;
  /** The ids of keys that were logged already, because anyone may send tokens that name them. */
  readonly #unusable = new Set<string | undefined>();
  #version = -1;

  constructor(options: IssuerTokensOptions) {
    this.#options = options;
    this.#verified = new QuickLRU({ maxSize: options.cacheMax });
  }

  readonly sign: Tokens['sign'] = (userId, options) => this.#options.own.sign(userId, options);

  async verify(token: string, { isOnce = false }: { readonly isOnce?: boolean } = {}): Promise<Result<VerifiedToken>> {
    const { own, jwks } = this.#options;
    if (!algorithms.includes(tokenHeader(token)?.alg ?? '')) return own.verify(token, { isOnce });
    await jwks.refresh();
    if (this.#version !== jwks.version) {
      this.#verified.clear();
      this.#unusable.clear();
      this.#version = jwks.version;
    }
    const known = this.#verified.get(token);
    if (known !== undefined && known.value.expiresAtMs > this.#options.clock.nowMs()) return known;
    const fresh = await this.#verifyFresh(token);
    if (fresh.type === 'ok' && !isOnce) this.#verified.set(token, fresh);
    return fresh;
  }

  async #verifyFresh(token: string): Promise<Result<VerifiedToken>> {
    const payload = await this.#payload(token);
    return payload.type === 'ok' ? this.#admit(token, payload.value) : payload;
  }

  async #payload(token: string): Promise<Result<JWTPayload>> {
    const { jwks, issuer, audience, clock } = this.#options;
    try {
      const { payload } = await jwtVerify(token, jwks.keyFor, {
        algorithms,
        issuer,
        audience,
        requiredClaims: ['exp'],
        clockTolerance: skewS,
        currentDate: new Date(clock.nowMs()),
      });
      return ok(payload);
    } catch (error) {
      if (error instanceof JwksUnavailable) return failure.issuerUnreachable();
      if (error instanceof errors.JWTExpired) return refusal.expiredToken();
      if (error instanceof errors.JWTClaimValidationFailed) return refusal.badClaim(error.claim);
      // jose and the runtime throw these for an invalid or too weak key of the issuer.
      if (error instanceof TypeError || error instanceof DOMException) this.#warnOnce(tokenHeader(token)?.kid, error);
      else if (!(error instanceof errors.JOSEError)) throw error;
      return refusal.badToken();
    }
  }

  #warnOnce(kid: string | undefined, error: Error): void {
    if (this.#unusable.has(kid)) return;
    this.#unusable.add(kid);
    this.#options.log.warn('unusable key of the issuer', { kid, error });
  }

  async #admit(token: string, payload: JWTPayload): Promise<Result<VerifiedToken>> {
    const { clock, userClaim, admit } = this.#options;
    const { [userClaim]: claimed, exp = 0, iat, name, tier } = payload;
    const issuedAtMs = iat === undefined ? undefined : Math.round(iat * 1000);
    if (typeof claimed !== 'string' || !userIds.test(claimed)) return refusal.badUserClaim(userClaim);
    const latestMs = clock.nowMs() + skewS * 1000;
    // [A11] Such a token would survive the next revocation of all tokens of its user.
    if (issuedAtMs !== undefined && issuedAtMs > latestMs) return refusal.badClaim('iat');
    if (livesTooLong({ issuedAtMs, expiresAtMs: exp * 1000 }, latestMs)) return refusal.badClaim('exp');
    const admitted = await admit({
      userId: claimed as UserId,
      ...(typeof name === 'string' ? { displayName: name } : {}),
    });
    if (admitted.type !== 'ok') return admitted;
    return ok({
      userId: admitted.value,
      tokenId: idOf(token),
      issuedAtMs: issuedAtMs ?? 0,
      expiresAtMs: (exp + skewS) * 1000,
      ...(typeof tier === 'string' ? { tier } : {}),
    });
  }
}

/** A hash of the signed part only, because some algorithms have several signatures for one text, and each would be another token. */
const idOf = (token: string): string =>
  `x-${createHash('sha256')
    .update(token.slice(0, token.lastIndexOf('.')))
    .digest('base64url')}`;
