// Typing frames: at most one for a conversation in a while, and at once again after a send.

import type { Clock } from '@hongyan/base/clock';
import type { ConversationId } from '@hongyan/protocol/ids';

/** Receivers show typing a little longer than this. */
const everyMs = 3_000;

export class TypingThrottle {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  /** Oldest first. */
  readonly #lastMs = new Map<ConversationId, number>();

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock;
  }

  /** Calls `post`, which returns whether the frame left, unless a frame left a moment ago. */
  run(conversationId: ConversationId, post: () => boolean): void {
    const nowMs = this.#clock.monotonicMs();
    for (const [id, atMs] of this.#lastMs) {
      if (nowMs - atMs < everyMs) break;
      this.#lastMs.delete(id);
    }
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
