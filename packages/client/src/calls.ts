// What a client asks over HTTP, under the token of its user.

import type { UserId } from '@hongyan/protocol/ids';
import type { Input, Output } from '@hongyan/protocol/operations/operations';
import { ClientError, toClientError } from './client-error.ts';
import type { ClientOptions } from './client-options.ts';
import { call } from './http.ts';
import { type Patience, patiently } from './patiently.ts';
import { type RouteName, routes } from './routes.ts';
import type { Session } from './session.ts';
import { otherUser, ownerOf } from './token.ts';

export interface CallsOptions {
  readonly client: Pick<ClientOptions, 'url' | 'token'>;
  readonly environment: Omit<Patience, 'signal'>;
  /** Undefined while there is none. */
  readonly session: () => Pick<Session, 'userId' | 'subject' | 'absence'> | undefined;
}

/** Whoever logs out, or opens, waits for it. */
const shortTimeoutMs = 5_000;

export class Calls {
  readonly #options: CallsOptions;
  /** Aborted when the user logs out. */
  #user = new AbortController();

  constructor(options: CallsOptions) {
    this.#options = options;
  }

  /** Waits for a server that is away where asking again does no harm. Rejects with ClientError. */
  async make<N extends RouteName>(name: N, input: Input<N>): Promise<Output<N>> {
    const { client, environment, session } = this.#options;
    const { signal } = this.#user;
    const ask = () =>
      patiently({ ...environment, signal }, async () => {
        const token = await this.token();
        if (signal.aborted) throw signal.reason;
        return call(name, input, { url: client.url, token });
      });
    const { absence } = session() ?? {};
    return absence ? absence.bridge(ask, (error) => isUndone(name, error)) : ask();
  }

  /** [C8] The user has logged out: what has not left yet is not asked in the name of the next one. */
  end(): void {
    this.#user.abort(new ClientError('unavailable', 'logged out meanwhile'));
    this.#user = new AbortController();
  }

  /** As the application gives it. Rejects with ClientError, `unauthorized` for one of another user. */
  async token(): Promise<string> {
    const token = await this.#askToken();
    const { userId, subject } = this.#options.session() ?? {};
    if (subject !== undefined && ownerOf(token).subject.toLowerCase() !== subject.toLowerCase()) {
      throw new ClientError('unauthorized', otherUser(ownerOf(token).subject, userId));
    }
    return token;
  }

  /** Whose the server says that a token is; undefined without an answer. */
  userOf(token: string): Promise<UserId | undefined> {
    const asked = call('getMe', {}, { url: this.#options.client.url, token, timeoutMs: shortTimeoutMs });
    return asked.then(({ user_id }) => user_id).catch(() => undefined);
  }

  async #askToken(): Promise<string> {
    try {
      return await this.#options.client.token();
    } catch (cause) {
      if (cause instanceof ClientError) throw cause;
      throw new ClientError('unavailable', `options.token failed: ${toClientError(cause).message}`, { cause });
    }
  }

  /** Whether the token is good for nobody now: one that the server refuses is so either. */
  async revoke(asked: Promise<string>): Promise<boolean> {
    const token = await asked.catch(() => undefined);
    if (token === undefined) return false;
    try {
      await call('logout', {}, { url: this.#options.client.url, token, timeoutMs: shortTimeoutMs });
      return true;
    } catch (error) {
      return ['unauthorized', 'token_revoked'].includes(toClientError(error).code);
    }
  }
}

/** Asking again does no harm: it changes nothing when it is done twice, or the server itself said that it did nothing. */
function isUndone(name: RouteName, { cause }: ClientError): boolean {
  return !/^(POST|PATCH) /.test(routes[name]) || cause === undefined;
}
