// The tokens of a data folder.

import type { Clock } from '@hongyan/base/clock';
import { type Log, silentLog } from '@hongyan/base/log';
import type { Config } from '../../config/options.ts';
import { readOrCreateSecrets, readSecrets, stampOfSecrets } from '../../config/secret.ts';
import type { GatewayQuestions } from '../../ports/core/core.ts';
import { IssuerTokens } from '../../ports/tokens/issuer-tokens.ts';
import { Jwks } from '../../ports/tokens/jwks.ts';
import { JwtTokens } from '../../ports/tokens/jwt-tokens.ts';
import { KeyRing } from '../../ports/tokens/key-ring.ts';
import type { Tokens } from '../../ports/tokens/tokens.ts';

/** Bound of the caches of verified tokens, over all gateways of this server. */
const cachedMax = 20_000;

export interface TokensOptions {
  readonly ttlS: number;
  readonly clock: Clock;
  readonly log?: Log;
  readonly cacheMax?: number;
}

/** A secret is created when there is none. */
export async function openTokens(
  config: Config,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): Promise<Tokens> {
  await readOrCreateSecrets(config.data, log);
  return tokensOf(config.data, {
    clock,
    log,
    ttlS: config.tokenTtlS,
    cacheMax: Math.ceil(cachedMax / config.gateways),
  });
}

/** The keys of the configured issuer; undefined when there is none. They are still to be read. */
export const issuerKeys = (
  { jwtJwks }: Config,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): Jwks | undefined => (jwtJwks === '' ? undefined : new Jwks({ source: jwtJwks, clock, log }));

/** Accepts tokens of the configured issuer too. */
export function withIssuer(
  { jwtIssuer, jwtAudience, jwtUserClaim, gateways }: Config,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
  {
    tokens,
    core,
    jwks,
  }: { readonly tokens: Tokens; readonly core: Pick<GatewayQuestions, 'admitUser'>; readonly jwks: Jwks | undefined },
): Tokens {
  if (jwks === undefined) return tokens;
  return new IssuerTokens({
    own: tokens,
    jwks,
    issuer: jwtIssuer,
    audience: jwtAudience,
    userClaim: jwtUserClaim,
    admit: (user) => core.admitUser(user),
    clock,
    log,
    cacheMax: Math.ceil(cachedMax / gateways),
  });
}

/** Of a folder that has a secret. */
export async function tokensOf(
  data: string,
  { ttlS, clock, log = silentLog, cacheMax }: TokensOptions,
): Promise<Tokens> {
  const store = { read: () => readSecrets(data), stamp: () => stampOfSecrets(data) };
  const keys = await KeyRing.open({ store, ttlS, clock, log });
  return new JwtTokens({ keys, ttlS, clock, ...(cacheMax === undefined ? {} : { cacheMax }) });
}
