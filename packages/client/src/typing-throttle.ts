// Typing frames: at most one for a conversation in a while, and at once again after a send.

import type { Clock } from '@hongyan/base/clock';
import type { ConversationId } from '@hongyan/protocol/ids';
import { deleteWhere } from './map-entries.ts';

/** Receivers show typing a little longer than this. */
const everyMs = 3_000;

export class TypingThrottle {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #lastMs = new Map<ConversationId, number>();

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock;
  }

  /** Calls `post`, which returns whether the frame left, unless a frame left a moment ago. */
  run(conversationId: ConversationId, post: () => boolean): void {
    const nowMs = this.#clock.monotonicMs();
    deleteWhere(this.#lastMs, (_id, atMs) => nowMs - atMs >= everyMs);
    if (!this.#lastMs.has(conversationId) && post()) this.#lastMs.set(conversationId, nowMs);
  }

  /** A message was sent: receivers hide typing, and what is typed next is shown at once. */
  sent(conversationId: ConversationId): void {
    this.#lastMs.delete(conversationId);
  }

  clear(): void {
    this.#lastMs.clear();
  }
}
