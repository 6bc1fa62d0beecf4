// Display names, asked for once and shown on terminals. A pipe gets user ids: programs read it.

import type { Client, UserId } from '@hongyan/client';
import { printable } from './printable.ts';

/** More users at once than this keep their ids: a list so long is not worth a request for each. */
const askedMax = 50;

export class Names {
  readonly #client: Client;
  readonly #isShown: boolean;
  readonly #names = new Map<UserId, string>();

  constructor(client: Client, { isShown }: { readonly isShown: boolean }) {
    this.#client = client;
    this.#isShown = isShown;
  }

  /** The display name where it was learnt, else the id. */
  of(userId: UserId): string {
    return this.#names.get(userId) ?? userId;
  }

  /** "Bob (bob)": the id is what commands take. */
  withId(userId: UserId): string {
    const name = this.of(userId);
    return name === userId ? userId : `${name} (${userId})`;
  }

  /** Requests the names that are missing, while there is a connection; never rejects. */
  async learn(userIds: readonly UserId[]): Promise<void> {
    if (!this.#isShown || this.#client.state.type !== 'online') return;
    const unknown = [...new Set(userIds)].filter((userId) => !this.#names.has(userId));
    await Promise.all(unknown.slice(0, askedMax).map((userId) => this.#ask(userId)));
  }

  async #ask(userId: UserId): Promise<void> {
    try {
      const { display_name } = await this.#client.getUser(userId);
      if (display_name !== '') this.#names.set(userId, printable(display_name));
    } catch {
      // The id stands in, and the next page asks again.
    }
  }
}
