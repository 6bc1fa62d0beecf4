// How far the user has read, reported as they have chosen: to all members, or to their own devices alone [E23].

import type { Client, ConversationId, Seq } from '@hongyan/client/api';
import type { UserSettings } from './user-settings.ts';

export class Reading {
  readonly #client: Pick<Client, 'conversation' | 'markRead' | 'markReadInPrivate'>;
  readonly #receipts: UserSettings['receipts'];
  /** Read before this device knows the choice. */
  readonly #held = new Map<ConversationId, Seq>();

  constructor(
    client: Pick<Client, 'conversation' | 'markRead' | 'markReadInPrivate'>,
    receipts: UserSettings['receipts'],
  ) {
    this.#client = client;
    this.#receipts = receipts;
    receipts.subscribe(() => this.#release());
  }

  report(conversationId: ConversationId, seq: Seq): void {
    const view = this.#client.conversation(conversationId);
    switch (this.#receipts.get()) {
      case 'shared':
        if (seq > (view?.readSeq ?? 0)) this.#client.markRead(conversationId, seq);
        return;
      case 'private':
        // A refusal leaves it unread, and the list shows that.
        if (seq > (view?.unreadAfterSeq ?? 0)) this.#client.markReadInPrivate(conversationId, seq).catch(() => {});
        return;
      default:
        this.#held.set(conversationId, seq);
    }
  }

  #release(): void {
    const held = [...this.#held];
    this.#held.clear();
    for (const [conversationId, seq] of held) this.report(conversationId, seq);
  }
}
