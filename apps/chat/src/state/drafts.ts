// What was written but not sent, per conversation; kept on this device so that a reload loses nothing.

import type { ConversationId, UserId } from '@hongyan/client/api';
import { Signal } from './signal.ts';

export class Drafts {
  readonly all: Signal<ReadonlyMap<ConversationId, string>>;
  readonly #key: string;

  constructor(userId: UserId) {
    this.#key = `hongyan.drafts.${userId}`;
    this.all = new Signal<ReadonlyMap<ConversationId, string>>(new Map(read(this.#key)));
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
    localStorage.setItem(this.#key, JSON.stringify([...next]));
  }

  clear(): void {
    localStorage.removeItem(this.#key);
  }
}

function read(key: string): [ConversationId, string][] {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(key) ?? '[]');
    return Array.isArray(stored) ? stored : [];
  } catch {
    return []; // written by hand or by another version: a draft is not worth failing for
  }
}
