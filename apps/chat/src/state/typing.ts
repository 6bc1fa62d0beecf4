// Users who are typing, per conversation; removed after a few seconds without another typing event.

import { systemClock, type Timer } from '@hongyan/base/clock';
import type { ConversationId, UserId } from '@hongyan/client/api';
import { Signal } from './signal.ts';

/** Clients report at most every 3 s while it goes on. */
const forgottenAfterMs = 5_000;

export type TypingMap = ReadonlyMap<ConversationId, readonly UserId[]>;

export class Typing {
  readonly who = new Signal<TypingMap>(new Map());
  readonly #timers = new Map<string, Timer>();

  started(conversationId: ConversationId, userId: UserId): void {
    const key = `${conversationId} ${userId}`;
    this.#timers.get(key)?.cancel();
    this.#timers.set(
      key,
      systemClock.after(forgottenAfterMs, () => this.stopped(conversationId, userId)),
    );
    const present = this.who.get().get(conversationId) ?? [];
    if (!present.includes(userId)) this.#put(conversationId, [...present, userId]);
  }

  /** Also when a message of the user arrives. */
  stopped(conversationId: ConversationId, userId: UserId): void {
    const key = `${conversationId} ${userId}`;
    this.#timers.get(key)?.cancel();
    this.#timers.delete(key);
    const present = this.who.get().get(conversationId);
    if (!present?.includes(userId)) return;
    this.#put(
      conversationId,
      present.filter((other) => other !== userId),
    );
  }

  #put(conversationId: ConversationId, users: readonly UserId[]): void {
    const next = new Map(this.who.get());
    if (users.length === 0) next.delete(conversationId);
    else next.set(conversationId, users);
    this.who.set(next);
  }
}
