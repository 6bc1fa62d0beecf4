// The tokens of a data folder.

import type { Clock } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import type { Config } from '../config/options.ts';
import { readOrCreateSecret } from '../config/secret.ts';
import { JwtTokens } from '../ports/tokens/jwt-tokens.ts';
import type { Tokens } from '../ports/tokens/tokens.ts';

/** Verified tokens that all gateways of this server together remember. */
const cachedMax = 20_000;

/** The secret is created when there is none. */
export async function openTokens(
  config: Config,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): Promise<Tokens> {
  const secret = await readOrCreateSecret(config.data, log);
  return new JwtTokens({ secret, ttlS: config.tokenTtlS, clock, cacheMax: Math.ceil(cachedMax / config.gateways) });
}
