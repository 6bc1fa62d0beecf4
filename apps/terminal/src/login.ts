// The tokens of a chat: by password, renewed while it runs, and good for nobody any more once it has ended.

import type { Clock } from '@hongyan/base/clock';
import { login, type signup } from '@hongyan/client';

type Account = Parameters<typeof login>[0];
type Grant = Awaited<ReturnType<typeof signup>>;

/** Whoever ends a chat waits for it. */
const revokeMs = 2_000;

export class Login {
  readonly #account: Account;
  readonly #clock: Clock;
  /** The newest last; at most two are good, since each is renewed at half of its life. */
  #grants: readonly { readonly token: string; readonly renewAtMs: number }[] = [];

  constructor(account: Account, clock: Clock) {
    this.#account = account;
    this.#clock = clock;
  }

  take({ access_token: token, expires_in }: Pick<Grant, 'access_token' | 'expires_in'>): void {
    const renewAtMs = this.#clock.monotonicMs() + (expires_in * 1000) / 2;
    this.#grants = [...this.#grants.slice(-1), { token, renewAtMs }];
  }

  /** Logs in again when half of the token's life is over, so that a terminal left open goes on. */
  async token(): Promise<string> {
    const newest = this.#grants.at(-1);
    if (newest !== undefined && this.#clock.monotonicMs() <= newest.renewAtMs) return newest.token;
    const grant = await login(this.#account);
    this.take(grant);
    return grant.access_token;
  }

  /** What the device keeps stays: the next run logs in with the password. Where the server cannot be reached they are good until they expire. */
  async revoke(): Promise<void> {
    await Promise.allSettled(
      this.#grants.map(({ token }) =>
        fetch(`${this.#account.url}/v1/auth/logout`, {
          method: 'POST',
          headers: { authorization: `Bearer ${token}` },
          signal: AbortSignal.timeout(revokeMs),
        }),
      ),
    );
  }
}
