// The timeline port: every entry of every conversation, in order, durable. The only owner of seq.

import type { ClientMsgId, ConversationId, MsgId, Seq, UserId } from '@hongyan/protocol/ids';
import type { Fence, LogPosition } from '../../domain/fence.ts';
import type { Position } from '../../domain/position.ts';

export type { Position };

/** One entry to append; everything about it is decided but its seq. */
export interface NewEntry {
  /** MUST be new: a batch with an id that is taken is a bug of the caller and may reject. */
  readonly msgId: MsgId;
  readonly conversationId: ConversationId;
  readonly from: UserId;
  readonly clientMsgId: ClientMsgId;
  /** Unix ms. Stored as given. */
  readonly timestampMs: number;
  /** The content as its JSON text: encoded once at the edge, never parsed here. */
  readonly contentJson: string;
  /** A message. Other entries are state entries: they do not raise the count [E1]. */
  readonly isCounted: boolean;
  /** Of a counted entry: what it refers to beside its content. */
  readonly references?: References | undefined;
  /** Of a state entry that changes or supersedes an earlier entry of the same conversation: which, and its state after it. */
  readonly target?: Target | undefined;
  /** The traceparent of a traced send. It is not stored. */
  readonly trace?: string | undefined;
}

export interface References {
  /** JSON of the caller, never parsed here; erased with the content. */
  readonly json: string;
  /** Whom `mentionsAfter` counts the entry for, until it is erased. */
  readonly mentioned?: Mentioned | undefined;
}

export type Mentioned = readonly UserId[] | 'all';

export interface Target {
  /** MUST be below the seq that the entry gets. */
  readonly seq: Seq;
  /** JSON of the caller, replaced as a whole; kept beside the message and as long as it is. */
  readonly stateJson: string;
  /** Whether `pinned` lists the message from now on; absent: it does not. */
  readonly isPinned?: boolean | undefined;
  /**
   * Overwrites the content of that entry and of all entries that changed it so far by this JSON, and removes its references: no
   * read shows what was there, and the message no longer counts as unread [E5]. How much of it the disk still holds is the adapter's to state.
   */
  readonly erasedJson?: string | undefined;
}

export interface StoredEntry extends Omit<NewEntry, 'target' | 'references'> {
  readonly seq: Seq;
  /** Counted entries of the conversation up to and including this one [E1]. */
  readonly count: number;
  readonly referencesJson?: string | undefined;
  /** Of a state entry that changes a message. */
  readonly targetSeq?: Seq | undefined;
}

/** A message's state, as the newest entry that changed it left it. */
export interface MessageState {
  /** seq of that entry. */
  readonly asOfSeq: Seq;
  readonly stateJson: string;
}

export interface StateChange extends Place, MessageState {
  readonly isPinned: boolean;
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
  /** Counted entries ever appended. */
  readonly lastCount: number;
  /** Timestamp of the newest counted entry; 0 when there never was one. */
  readonly lastCountedMs: number;
}

export interface Place {
  readonly conversationId: ConversationId;
  readonly seq: Seq;
}

/** Both ends are inclusive. */
export interface SeqRange {
  readonly conversationId: ConversationId;
  readonly fromSeq: Seq;
  readonly throughSeq: Seq;
}

export interface RangeRequest {
  readonly conversationId: ConversationId;
  /** Entries with a target too: everything, without holes. Otherwise those are left out, and there are holes where they were. */
  readonly withTargeted?: boolean;
  /** Exactly one of the two; both are exclusive. */
  readonly afterSeq?: Seq;
  readonly beforeSeq?: Seq;
  /** With `withTargeted` of all entries. Otherwise of the counted ones: those between them come along, and none beyond the last. */
  readonly limit: number;
  /** How many entries that are not counted come along at most; absent: `limit`. */
  readonly uncountedMax?: number;
  /** Of contents and references. Stops before the entry that would pass it, the first one excepted: a page of large entries is read in bounded pieces. */
  readonly bytesMax?: number;
}

export interface Range {
  /** Ascending, within [firstSeq, lastSeq]. */
  readonly entries: readonly StoredEntry[];
  readonly firstSeq: Seq;
  readonly lastSeq: Seq;
  /** More entries are kept in the direction asked for. */
  readonly hasMore: boolean;
}

/**
 * MUST: when `append` resolves, the whole batch survives kill -9 and loss of power [D1]; the batch is atomic;
 * seqs of a conversation are 1, 2, 3 … in the order of the batch and of calls, without holes, also across restarts and
 * after `retain` removed entries [D2]; a repeated (from, clientMsgId) appends nothing and returns the first entry, for as long
 * as that entry is kept [D3], also within one batch and also when the repeat names another conversation.
 * Batches are committed in the order of the calls, with fences those of one partition; a caller may have several under way.
 * MUST NOT: show an entry to any read before it is durable; answer a read of removed entries with anything but a raised firstSeq [D5].
 * A rejected `append` (disk full, closed) leaves nothing of the batch behind, unless its StoreFailure says unknown_outcome.
 */
export interface Timeline extends TimelineReads {
  /**
   * `fence`: for whom a SharedTimeline appends; with offsets they become the partition's position in the same transaction, also
   * when the batch is empty or all of it is known already. The owner alone knows whether they grow: a log may be made anew [K8].
   */
  append(batch: readonly NewEntry[], fence?: Fence | LogPosition): Promise<readonly AppendResult[]>;
  /** Replaces the state of a kept message without an entry of its own. As durable as an append when it resolves. */
  setState(change: StateChange, fence?: Fence): Promise<void>;
  /**
   * [M18] Removes entries older than `fromMs`, as far as the adapter can remove them cheaply; entries at or after it MUST stay, and so
   * MUST the newest month that has any: the time is a clock's, and may be wrong.
   * MUST remove a prefix of each conversation, so that firstSeq alone describes the gap [D5].
   */
  retain(request: { readonly fromMs: number }): Promise<void>;
  close(): Promise<void>;
}

/**
 * A timeline that several cores write, each for the partitions of the command log that it owns.
 * MUST: reject with `Fenced`, and write nothing, when the partition of a fence was claimed with a newer epoch; the check and the
 * write are one transaction. A timeline that one process alone may open has no claims and MAY ignore fences.
 */
export interface SharedTimeline extends Timeline {
  /**
   * Makes the caller the owner of the partition, durably: a newer epoch, and the position as it is. A partition that was never
   * claimed is at 0. From its return on no write of an earlier owner takes effect.
   */
  claim(partition: number): Promise<LogPosition>;
}

/** Reads never wait for appends. Each takes a whole page of keys, so that a caller asks once however long its page is. */
export interface TimelineReads {
  /** Identifies this life of the store: made with it, made anew when it is restored. Positions of another epoch are void. */
  readonly epoch: string;
  range(request: RangeRequest): Promise<Range>;
  /** One head per id, in the order asked. */
  heads(conversationIds: readonly ConversationId[]): Promise<readonly Head[]>;
  /** The newest counted entry of each conversation that has one kept. */
  lastCounted(conversationIds: readonly ConversationId[]): Promise<ReadonlyMap<ConversationId, StoredEntry>>;
  /** For each place in the order asked, the counted entry there; undefined where none is kept. */
  messagesAt(places: readonly Place[]): Promise<readonly (StoredEntry | undefined)[]>;
  /** For each range in the order asked: the states of its messages that were changed. Costs no more the more often they were. */
  states(ranges: readonly SeqRange[]): Promise<readonly ReadonlyMap<Seq, MessageState>[]>;
  /** Counted entries after `seq` that were not erased, for each key in the order asked. 0 ≤ seq; one at or beyond the end gives 0. */
  countAfter(places: readonly Place[]): Promise<readonly number[]>;
  /** The same of those entries alone that mention the user, or all. */
  mentionsAfter(keys: readonly (Place & { readonly userId: UserId })[]): Promise<readonly number[]>;
  /** The messages of a conversation whose newest state is pinned, ascending. */
  pinned(conversationId: ConversationId): Promise<readonly Seq[]>;
  findByMsgId(msgId: MsgId): Promise<StoredEntry | undefined>;
  /** [D6] */
  findByClientMsgId(key: {
    readonly from: UserId;
    readonly clientMsgId: ClientMsgId;
  }): Promise<StoredEntry | undefined>;
  /** The end of the feed: MUST NOT be beyond a commit that other reads do not show yet. */
  position(): Promise<Position>;
  /**
   * Of these conversations, those that may have entries committed after `since`. MAY name too many, MUST NOT leave one out [D4].
   * A position that is not of this store (unreadable, another epoch, beyond its end): all of them.
   */
  changedSince(since: Position, conversationIds: readonly ConversationId[]): Promise<ReadonlySet<ConversationId>>;
  /** Where the entries of a conversation are kept, oldest first: for operators. */
  segments(conversationId: ConversationId): Promise<readonly Segment[]>;
}

/** A part of the store that holds entries of a conversation: a month's file, a partition. */
export interface Segment {
  readonly name: string;
  readonly firstSeq: Seq;
  readonly lastSeq: Seq;
}
