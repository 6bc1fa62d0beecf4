// The pinned messages of the conversations that were opened, read from the server and kept up to date by what changes them.

import type { Client, ClientMessage, ConversationId, MessageChange, UserId } from '@hongyan/client/api';
import { applyChange } from '@hongyan/client/apply-change';
import { Signal } from './signal.ts';

type Lists = ReadonlyMap<ConversationId, readonly ClientMessage[]>;

export class Pinned {
  /** Oldest first; without those not read yet. */
  readonly lists = new Signal<Lists>(new Map());
  readonly #client: Pick<Client, 'pinned'>;
  readonly #self: UserId;
  readonly #wanted = new Set<ConversationId>();
  /** true: something happened since the answer was asked for, which may not contain it. */
  readonly #reading = new Map<ConversationId, boolean>();

  constructor(client: Pick<Client, 'pinned'>, self: UserId) {
    this.#client = client;
    this.#self = self;
  }

  /** The conversation is open: its list is read, now and after each reconnect. */
  want(conversationId: ConversationId): void {
    this.#wanted.add(conversationId);
    void this.#read(conversationId);
  }

  online(): void {
    for (const conversationId of this.#wanted) void this.#read(conversationId);
  }

  changed(conversationId: ConversationId, change: MessageChange): void {
    if (!this.#wanted.has(conversationId)) return;
    const isNew = change.content.type === 'hongyan.pin' && change.content.pinned === true;
    if (isNew || this.#reading.has(conversationId)) void this.#read(conversationId);
    const list = this.lists.get().get(conversationId) ?? [];
    const changed = list.map((message) => applyChange(message, change, this.#self));
    if (changed.some((message, index) => message !== list[index])) this.#put(conversationId, changed.filter(isPinned));
  }

  forget(conversationId: ConversationId): void {
    this.#wanted.delete(conversationId);
    this.#put(conversationId, []);
  }

  async #read(conversationId: ConversationId): Promise<void> {
    if (this.#reading.has(conversationId)) {
      this.#reading.set(conversationId, true);
      return;
    }
    do {
      this.#reading.set(conversationId, false);
      const list = await this.#client.pinned(conversationId).catch(() => undefined);
      // Offline, with nothing kept: read when the connection is back.
      if (list && this.#wanted.has(conversationId)) this.#put(conversationId, list);
    } while (this.#reading.get(conversationId));
    this.#reading.delete(conversationId);
  }

  #put(conversationId: ConversationId, list: readonly ClientMessage[]): void {
    this.lists.set(new Map(this.lists.get()).set(conversationId, list));
  }
}

const isPinned = ({ isPinned: pinned, isRecalled }: ClientMessage): boolean => pinned === true && !isRecalled;
