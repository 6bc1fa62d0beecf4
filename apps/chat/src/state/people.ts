// Who is who: display names, asked for once when first shown, and who is online.

import type { Client, User, UserId } from '@hongyan/client/api';
import { eachFrame } from './each-frame.ts';
import { Signal } from './signal.ts';

/** More are not followed: a list so long is not looked at as a whole. */
const watchedMax = 500;

export interface Presence {
  readonly online: boolean;
  readonly lastSeenMs?: number;
}

export class People {
  /** Both maps are replaced when they change, so that readers can compare them. */
  readonly names = new Signal<ReadonlyMap<UserId, string>>(new Map());
  readonly presence = new Signal<ReadonlyMap<UserId, Presence>>(new Map());
  readonly #client: Client;
  readonly #names = new Map<UserId, string>();
  readonly #presence = new Map<UserId, Presence>();
  readonly #asked = new Set<UserId>();
  readonly #watched = new Set<UserId>();
  readonly #publishNames = eachFrame(() => this.names.set(new Map(this.#names)));
  readonly #publishPresence = eachFrame(() => this.presence.set(new Map(this.#presence)));

  constructor(client: Client) {
    this.#client = client;
  }

  learn(users: readonly { readonly userId: UserId; readonly displayName: string }[]): void {
    for (const { userId, displayName } of users) if (displayName !== '') this.#names.set(userId, displayName);
    this.#publishNames();
  }

  learnUsers(users: readonly User[]): void {
    this.learn(users.map((user) => ({ userId: user.user_id, displayName: user.display_name })));
  }

  /** Asks the server for a name that is not known; what failed is asked for again by the next call. */
  want(userId: UserId): void {
    if (this.#names.has(userId) || this.#asked.has(userId)) return;
    this.#asked.add(userId);
    this.#client.getUser(userId).then(
      (user) => this.learnUsers([user]),
      () => this.#asked.delete(userId),
    );
  }

  /** Follows the presence of these users from now on. Best effort [D9]. */
  watch(userIds: readonly UserId[]): void {
    const fresh = userIds.filter((userId) => !this.#watched.has(userId)).slice(0, watchedMax - this.#watched.size);
    if (fresh.length === 0) return;
    for (const userId of fresh) this.#watched.add(userId);
    this.#client.watchPresence(fresh).catch(() => {
      // Not online yet: asked again when the connection is.
      for (const userId of fresh) this.#watched.delete(userId);
    });
  }

  /** Without a connection nobody's presence is known. */
  forgetPresence(): void {
    this.#presence.clear();
    this.#publishPresence();
  }

  setPresence(userId: UserId, presence: Presence): void {
    this.#presence.set(userId, presence);
    this.#publishPresence();
  }
}
