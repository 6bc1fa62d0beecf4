// How far the user has read, reported as they have chosen: to all members, or to their own devices alone [E23].

import type { Client, ConversationId, ConversationView, Seq } from '@hongyan/client/api';
import type { UserSettings } from './user-settings.ts';

export class Reading {
  readonly #client: Pick<Client, 'conversation' | 'markRead' | 'markReadInPrivate'>;
  readonly #receipts: UserSettings['receipts'];
  /** Read before this device knows the choice. */
  readonly #held = new Map<ConversationId, Seq>();
  /** Up to here messages stood on a screen. An own message does not move it, as it moves no read position. [E3] */
  readonly #seen = new Map<ConversationId, Seq>();
  /** Conversations whose list was moved past messages that no screen has shown: nothing there is read until they are. */
  readonly #skipped = new Set<ConversationId>();

  constructor(
    client: Pick<Client, 'conversation' | 'markRead' | 'markReadInPrivate'>,
    receipts: UserSettings['receipts'],
  ) {
    this.#client = client;
    this.#receipts = receipts;
    receipts.subscribe(() => this.#release());
  }

  /** The conversation is shown, from where reading ended. */
  opened(conversationId: ConversationId): void {
    if (this.#skipped.has(conversationId)) return;
    this.#sawTo(conversationId, this.#client.conversation(conversationId)?.unreadAfterSeq ?? (0 as Seq));
  }

  /** The list is moved to another place: what stands between was not seen. */
  skip(conversationId: ConversationId): void {
    this.#skipped.add(conversationId);
  }

  /** What was skipped is in view, or the user has no wish to see it. */
  endSkip(conversationId: ConversationId): void {
    this.#skipped.delete(conversationId);
  }

  /** The last message before those that were skipped; undefined where none were. */
  skippedAfterSeq(conversationId: ConversationId): Seq | undefined {
    return this.#skipped.has(conversationId) ? this.#seenSeq(conversationId) : undefined;
  }

  report(conversationId: ConversationId, seq: Seq): void {
    if (this.#skipped.has(conversationId)) return;
    this.#sawTo(conversationId, seq);
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

  /** Marks all messages as read, also those that were skipped. */
  readAll({ conversationId, lastSeq }: Pick<ConversationView, 'conversationId' | 'lastSeq'>): void {
    this.endSkip(conversationId);
    this.report(conversationId, lastSeq);
  }

  #sawTo(conversationId: ConversationId, seq: Seq): void {
    if (seq > this.#seenSeq(conversationId)) this.#seen.set(conversationId, seq);
  }

  #seenSeq(conversationId: ConversationId): Seq {
    const here = this.#seen.get(conversationId) ?? (0 as Seq);
    const elsewhere = this.#client.conversation(conversationId)?.readSeq ?? here;
    return elsewhere > here ? elsewhere : here;
  }

  #release(): void {
    const held = [...this.#held];
    this.#held.clear();
    for (const [conversationId, seq] of held) this.report(conversationId, seq);
  }
}
