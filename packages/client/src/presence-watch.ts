// The users whose presence this device subscribes to, on each connection anew.

import type { UserId } from '@hongyan/protocol/ids';
import type { Output } from '@hongyan/protocol/operations/operations';
import type { ClientEvents } from './api.ts';
import { toClientError } from './client-error.ts';
import type { Connection } from './connection.ts';
import type { Emits } from './emitter.ts';

/** As many as a server follows for one connection; the oldest give way. */
const watchedMax = 1_000;
/** User ids of one request. */
const askMax = 500;

export class PresenceWatch {
  readonly #watched = new Set<UserId>();
  readonly #connection: Connection;
  readonly #events: Emits<ClientEvents>;

  constructor(connection: Connection, events: Emits<ClientEvents>) {
    this.#connection = connection;
    this.#events = events;
  }

  async watch(userIds: readonly UserId[]): Promise<void> {
    for (const userId of userIds) {
      this.#watched.delete(userId);
      this.#watched.add(userId);
    }
    for (const userId of this.#watched) {
      if (this.#watched.size <= watchedMax) break;
      this.#watched.delete(userId);
    }
    // Without a connection, the next connection requests it.
    if (this.#connection.isOpen) await this.#ask(userIds);
  }

  /** Best effort [D9]: a refusal is a warning and does not keep the client from being online. */
  async connected(): Promise<void> {
    try {
      await this.#ask([...this.#watched]);
    } catch (error) {
      if (toClientError(error).isRetryable) return;
      this.#events.emit('warning', { message: 'the server refused the request for presence', error });
    }
  }

  report({ user_id, online, last_seen }: Output<'presence'>['users'][number]): void {
    this.#events.emit('presence', { userId: user_id, online, lastSeenMs: last_seen });
  }

  async #ask(userIds: readonly UserId[]): Promise<void> {
    for (let from = 0; from < userIds.length; from += askMax) {
      const asked = userIds.slice(from, from + askMax);
      const { users } = await this.#connection.request('presence', { user_ids: asked }).catch((error: unknown) => {
        // The next request with these would be refused again, and the others of the page with them.
        if (!toClientError(error).isRetryable) for (const userId of asked) this.#watched.delete(userId);
        throw error;
      });
      for (const user of users) this.report(user);
    }
  }
}
