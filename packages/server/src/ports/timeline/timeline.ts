// The timeline port: every entry of every conversation, in order, durable. The only owner of seq.

import type { ClientMsgId, ConversationId, MsgId, Seq, UserId } from '@hongyan/protocol/ids';

/** One entry that wants to be appended; everything about it is known but its seq. */
export interface NewEntry {
  /** MUST be new: a batch with one that is taken is a bug of the caller and may reject. */
  readonly msgId: MsgId;
  readonly conversationId: ConversationId;
  readonly from: UserId;
  readonly clientMsgId: ClientMsgId;
  /** Unix ms. The store keeps it as given; the first of a batch says the month, unless a later one was begun already. */
  readonly timestampMs: number;
  /** The content as its JSON text: encoded once at the edge, never parsed here. */
  readonly contentJson: string;
}

export interface StoredEntry extends NewEntry {
  readonly seq: Seq;
  /** Place in the commit order of the whole store; only grows. Sync cursors are made of it. */
  readonly position: number;
}

export type AppendResult =
  | { readonly type: 'committed'; readonly entry: StoredEntry }
  /** [D3] The same (from, clientMsgId) was committed before; `entry` is that first one. */
  | { readonly type: 'duplicate'; readonly entry: StoredEntry };

/** Where a conversation stands. */
export interface Head {
  readonly conversationId: ConversationId;
  /** Oldest seq still kept; lastSeq + 1 when nothing is kept. */
  readonly firstSeq: Seq;
  /** 0 when nothing was ever appended. */
  readonly lastSeq: Seq;
  /**
   * Position of the entry at lastSeq; 0 when nothing was ever appended. MUST NOT be beyond that of an entry which another head
   * asked at the same time does not show yet.
   */
  readonly lastPosition: number;
}

export interface RangeRequest {
  readonly conversationId: ConversationId;
  /** Exactly one of the two; both are exclusive. */
  readonly afterSeq?: Seq;
  readonly beforeSeq?: Seq;
  readonly limit: number;
}

export interface Range {
  /** Ascending and without holes within [firstSeq, lastSeq]. */
  readonly entries: readonly StoredEntry[];
  readonly firstSeq: Seq;
  readonly lastSeq: Seq;
  /** More entries are kept in the direction asked for. */
  readonly hasMore: boolean;
}

/** A month in UTC, "2026-11". */
export type Month = string;

/**
 * MUST: when `append` resolves, the whole batch survives kill -9 and loss of power [D1]; the batch is atomic;
 * seqs of a conversation are 1, 2, 3 … in the order of the batch and of calls, without holes, also across months,
 * restarts, and after months were dropped [D2]; a repeated (from, clientMsgId) appends nothing and returns the first
 * entry, for as long as that entry is kept [D3], also within one batch and also when the repeat names another conversation.
 * MUST NOT: show an entry to any read before it is durable; answer a read of dropped entries with anything but a raised firstSeq [D5].
 * A rejected `append` (disk full, closed) leaves nothing of the batch behind, unless its StoreFailure says unknown_outcome.
 */
export interface Timeline {
  append(batch: readonly NewEntry[]): Promise<readonly AppendResult[]>;
  range(request: RangeRequest): Promise<Range>;
  /** One head per id, in the order asked. */
  heads(conversationIds: readonly ConversationId[]): Promise<readonly Head[]>;
  /** The newest entry of each conversation that has one kept. */
  lastEntries(conversationIds: readonly ConversationId[]): Promise<ReadonlyMap<ConversationId, StoredEntry>>;
  findByMsgId(msgId: MsgId): Promise<StoredEntry | undefined>;
  /** [D6] */
  findByClientMsgId(key: {
    readonly from: UserId;
    readonly clientMsgId: ClientMsgId;
  }): Promise<StoredEntry | undefined>;
  /** Oldest first; the last one is being written. A month begins with the first append in it, were it a repeat. */
  months(): Promise<readonly Month[]>;
  /**
   * [M18] Removes the oldest month whole. Rejects for any other: a month dropped from between two would leave a hole that no
   * firstSeq tells [D5], and the one being written is never dropped.
   */
  dropMonth(month: Month): Promise<void>;
  close(): Promise<void>;
}
