// What a timeline takes over from another one that is moved into it, and how far it has come: seqs, counts and ids stay as they are.

import type { ConversationId, Seq } from '@hongyan/protocol/ids';
import type { Mentioned, Place, StoredEntry } from './timeline.ts';

/** A message that entries changed, as it is now. */
export interface MovedMessage extends Place {
  readonly asOfSeq: Seq;
  readonly stateJson: string;
  readonly isPinned: boolean;
  /** Of an erased message: its content, and those of the entries that changed it, as reads show them. Empty for all others. */
  readonly erased: readonly { readonly seq: Seq; readonly contentJson: string }[];
}

export interface MovedEntry {
  readonly entry: StoredEntry;
  readonly mentioned: Mentioned | undefined;
}

export interface MovedPage {
  /** In the order of their commits, one after the other. */
  readonly entries: readonly MovedEntry[];
  /** The messages that these entries changed. */
  readonly messages: readonly MovedMessage[];
  /** The position of the last of them, as the number of the store that they come from. */
  readonly through: number;
}

/** Where a conversation stood at some moment. What is moved of it afterwards is right where the two differ. */
export interface EndedHead {
  readonly conversationId: ConversationId;
  readonly lastSeq: number;
  readonly lastCount: number;
  readonly lastCountedMs: number;
}
