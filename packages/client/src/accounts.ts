// Signing up and logging in: what an application does before it has a token for a client.

import type { UserId } from '@hongyan/protocol/ids';
import { call } from './http.ts';
import type { AuthResult } from './wire.ts';

export interface Credentials {
  /** As ClientOptions.url. */
  readonly url: string;
  readonly userId: string;
  readonly password: string;
}

/** Rejects with ClientError `unauthorized` for a wrong user id or password. */
export function login({ url, userId, password }: Credentials): Promise<AuthResult> {
  return call('login', { user_id: userId as UserId, password }, { url });
}

/** Rejects with ClientError `conflict` for a taken id, `forbidden` where sign-up is disabled. */
export function signup(account: Credentials & { readonly displayName?: string }): Promise<AuthResult> {
  const { url, userId, password, displayName } = account;
  return call('signup', { user_id: userId as UserId, password, display_name: displayName || undefined }, { url });
}
