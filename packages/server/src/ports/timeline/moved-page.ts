// The data that a move copies from one timeline into another. Seqs, counts and ids do not change.

import type { ConversationId, Seq } from '@hongyan/protocol/ids';
import type { Mentioned, Place, StoredEntry } from './timeline.ts';

/** The present state of a message that entries changed. */
export interface MovedMessage extends Place {
  readonly asOfSeq: Seq;
  readonly stateJson: string;
  readonly isPinned: boolean;
  /** For erased messages: the present contents of the message and of the entries that changed it. Empty for all others. */
  readonly erased: readonly { readonly seq: Seq; readonly contentJson: string }[];
}

export interface MovedEntry {
  readonly entry: StoredEntry;
  readonly mentioned: Mentioned | undefined;
}

export interface MovedPage {
  /** In commit order, without holes. */
  readonly entries: readonly MovedEntry[];
  /** The messages that these entries changed. */
  readonly messages: readonly MovedMessage[];
  /** The position of the last entry, as a number of the source store. */
  readonly through: number;
}

/** The head of a conversation at the end of the removed months. Entries that are copied later override it. */
export interface EndedHead {
  readonly conversationId: ConversationId;
  readonly lastSeq: number;
  readonly lastCount: number;
  readonly lastCountedMs: number;
}
