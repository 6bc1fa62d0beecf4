// Text that is written but not sent, per conversation; kept on this device so that a reload loses nothing.

import type { ConversationId, UserId } from '@hongyan/client/api';
import type { BrowserStorage } from '../browser/browser-storage.ts';
import { Signal } from './signal.ts';

export class Drafts {
  readonly all: Signal<ReadonlyMap<ConversationId, string>>;
  readonly #storage: BrowserStorage;
  readonly #name: string;

  constructor(userId: UserId, storage: BrowserStorage) {
    this.#storage = storage;
    this.#name = `drafts.${userId}`;
    this.all = new Signal<ReadonlyMap<ConversationId, string>>(new Map(draftsIn(storage.readJson(this.#name))));
  }

  get(conversationId: ConversationId): string {
    return this.all.get().get(conversationId) ?? '';
  }

  set(conversationId: ConversationId, text: string): void {
    if (text === this.get(conversationId)) return;
    const next = new Map(this.all.get());
    if (text === '') next.delete(conversationId);
    else next.set(conversationId, text);
    this.all.set(next);
    this.#storage.write(this.#name, JSON.stringify([...next]));
  }

  forget(): void {
    this.#storage.remove(this.#name);
  }
}

/** Those that are well formed: another version may have written the rest. */
function draftsIn(kept: unknown): [ConversationId, string][] {
  if (!Array.isArray(kept)) return [];
  return kept.filter(
    (pair): pair is [ConversationId, string] =>
      Array.isArray(pair) && typeof pair[0] === 'string' && typeof pair[1] === 'string',
  );
}
