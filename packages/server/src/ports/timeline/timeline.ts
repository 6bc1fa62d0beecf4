// The timeline port: the durable, ordered log of every conversation. It alone assigns seqs.

import type { ClientMsgId, ConversationId, MsgId, Seq, UserId } from '@hongyan/protocol/ids';
import type { Fence, LogPosition } from '../../domain/fence.ts';
import type { Position } from '../../domain/position.ts';

export type { Position };

/** An entry to append. The caller has decided everything except its seq. */
export interface NewEntry {
  /** MUST be unique. A batch with an id that exists is a bug of the caller and may reject. */
  readonly msgId: MsgId;
  readonly conversationId: ConversationId;
  readonly from: UserId;
  readonly clientMsgId: ClientMsgId;
  /** Unix ms. Stored as given. */
  readonly timestampMs: number;
  /** The content as JSON text, encoded once at the edge. The timeline never parses it. */
  readonly contentJson: string;
  /** True for messages. Other entries are state entries, which do not raise the count [E1]. */
  readonly isCounted: boolean;
  /** For counted entries: the messages and users that the entry refers to. */
  readonly references?: References | undefined;
  /** For state entries that change or supersede an earlier entry of the same conversation: that entry and its new state. */
  readonly target?: Target | undefined;
  /**
   * The entry was decided on the assumption that the entry before it in the batch is appended. It MUST be left out when that one is a
   * duplicate or left out itself; it then has no result. MUST NOT be set for the first entry of a batch.
   */
  readonly needsPrevious?: boolean | undefined;
  /** The traceparent of a traced send. Not stored. */
  readonly trace?: string | undefined;
}

export interface References {
  /** JSON of the caller. The timeline never parses it, and erases it with the content. */
  readonly json: string;
  /** The users for whom `mentionsAfter` counts the entry until it is erased. */
  readonly mentioned?: Mentioned | undefined;
}

export type Mentioned = readonly UserId[] | 'all';

export interface Target {
  /** MUST be lower than the seq that the new entry receives. */
  readonly seq: Seq;
  /** JSON of the caller. It replaces the previous state, and is retained as long as the message. */
  readonly stateJson: string;
  /** Whether `pinned` lists the message from now on. Default false. */
  readonly isPinned?: boolean | undefined;
  /**
   * Overwrites the content of the target, and of all earlier entries that changed it, with this JSON, and removes its references.
   * No later read returns the old content, and the message no longer counts as unread [E5]. Each adapter states when the old
   * content has left the disk.
   */
  readonly erasedJson?: string | undefined;
}

export interface StoredEntry extends Omit<NewEntry, 'target' | 'references' | 'needsPrevious'> {
  readonly seq: Seq;
  /** The number of counted entries of the conversation up to and including this one [E1]. */
  readonly count: number;
  readonly referencesJson?: string | undefined;
  /** For state entries that change a message: the seq of that message. */
  readonly targetSeq?: Seq | undefined;
}

/** The state of a message after the newest entry that changed it. */
export interface MessageState {
  /** The seq of that entry. */
  readonly asOfSeq: Seq;
  readonly stateJson: string;
}

export interface StateChange extends Place, MessageState {
  readonly isPinned: boolean;
}

export type AppendResult =
  | { readonly type: 'committed'; readonly entry: StoredEntry }
  /** [D3] The same (from, clientMsgId) was committed before. `entry` is the first entry with this key. */
  | { readonly type: 'duplicate'; readonly entry: StoredEntry };

/** The bounds and the count of a conversation. */
export interface Head {
  readonly conversationId: ConversationId;
  /** The oldest retained seq; lastSeq + 1 when no entry is retained. */
  readonly firstSeq: Seq;
  /** 0 when nothing was ever appended. */
  readonly lastSeq: Seq;
  /** The number of counted entries ever appended. */
  readonly lastCount: number;
  /** Unix ms of the newest counted entry; 0 when there never was one. */
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
  /** Includes entries with a target: then the range has no holes. Otherwise they are left out, and their seqs are missing. */
  readonly withTargeted?: boolean;
  /** Exactly one of `afterSeq` and `beforeSeq` is given. Both are exclusive. */
  readonly afterSeq?: Seq;
  readonly beforeSeq?: Seq;
  /**
   * With `withTargeted`, the maximum number of entries. Otherwise the maximum number of counted entries: the range also contains
   * the uncounted entries between them, and none after the last counted one.
   */
  readonly limit: number;
  /** The maximum number of uncounted entries. Default `limit`. */
  readonly uncountedMax?: number;
  /**
   * The maximum size of contents and references, in UTF-8 bytes. The range ends before the entry that would exceed it, but
   * contains at least one entry.
   */
  readonly bytesMax?: number;
}

export interface Range {
  /** Ascending by seq, within [firstSeq, lastSeq]. */
  readonly entries: readonly StoredEntry[];
  readonly firstSeq: Seq;
  readonly lastSeq: Seq;
  /** More entries are retained in the requested direction. */
  readonly hasMore: boolean;
}

/**
 * A durable log per conversation.
 *
 * Durability: when `append` resolves, the whole batch MUST survive kill -9 and a loss of power [D1]. No read may return an entry
 * before it is durable.
 *
 * Atomicity: a batch is stored as a whole or not at all. A rejected `append` MUST have stored nothing, unless its StoreFailure
 * has the code unknown_outcome: then the caller learns the outcome by appending again with the same keys.
 *
 * Order: the seqs of a conversation MUST be 1, 2, 3 … without holes, in the order of the calls and of the entries in a batch,
 * also across restarts and after `retain` [D2]. Batches commit in the order of the calls; with fences, this holds for the calls of
 * one partition. Callers may have several appends in flight.
 *
 * Idempotency: an entry whose (from, clientMsgId) exists MUST NOT be appended again. Its result is the first entry, as long as
 * that entry is retained [D3]. This also holds within one batch, and when the repeat names another conversation.
 *
 * Removal: a read of removed entries MUST show it by a raised firstSeq alone [D5].
 *
 * The timeline never retries. Callers retry.
 */
export interface Timeline extends TimelineReads {
  /**
   * `fence` names the partition owner that appends to a SharedTimeline. A LogPosition also becomes the position of the partition
   * in the same transaction, even when the batch is empty or consists of duplicates. The timeline does not require that positions
   * grow: the command log may have been created anew, which only the owner knows [K8].
   */
  append(batch: readonly NewEntry[], fence?: Fence | LogPosition): Promise<readonly AppendResult[]>;
  /** Replaces the state of a retained message without appending an entry. As durable as an append when it resolves. */
  setState(change: StateChange, fence?: Fence): Promise<void>;
  /**
   * [M18] Removes entries older than `fromMs` (Unix ms) as far as that is cheap for the adapter. Entries at or after `fromMs` MUST
   * stay. The newest month that has entries MUST stay too, because the clock behind `fromMs` may be wrong.
   * MUST remove a prefix of each conversation, so that firstSeq alone describes the gap [D5].
   */
  retain(request: { readonly fromMs: number }): Promise<void>;
  close(): Promise<void>;
}

/**
 * A timeline that several cores write, each for the partitions of the command log that it owns.
 *
 * A write with a fence MUST reject with `Fenced`, and store nothing, when its partition was claimed with a newer epoch. The check
 * and the write MUST be one transaction. A timeline that only one process may open has no claims and MAY ignore fences.
 */
export interface SharedTimeline extends Timeline {
  /**
   * Makes the caller the owner of the partition, durably. Returns a newer epoch with the stored position, which is 0 for a partition
   * that was never claimed. Once it has resolved, no write of an earlier owner takes effect.
   */
  claim(partition: number): Promise<LogPosition>;
}

/**
 * Reads MUST NOT wait for appends. Reads with keys take a whole page of them, so that a page of any length costs one call. Results
 * are in the order of the keys.
 */
export interface TimelineReads {
  /** Identifies the generation of the store. A restore from a backup changes it. Positions of another epoch are void. */
  readonly epoch: string;
  range(request: RangeRequest): Promise<Range>;
  /** One head per id. */
  heads(conversationIds: readonly ConversationId[]): Promise<readonly Head[]>;
  /** The newest retained counted entry of each conversation. Conversations without one are absent. */
  lastCounted(conversationIds: readonly ConversationId[]): Promise<ReadonlyMap<ConversationId, StoredEntry>>;
  /** The counted entry at each place; undefined where none is retained. */
  messagesAt(places: readonly Place[]): Promise<readonly (StoredEntry | undefined)[]>;
  /** The states of the changed messages of each range. The cost MUST NOT depend on the number of changes per message. */
  states(ranges: readonly SeqRange[]): Promise<readonly ReadonlyMap<Seq, MessageState>[]>;
  /** The number of counted entries after each place that are not erased. seq ≥ 0; at or beyond the end the number is 0. */
  countAfter(places: readonly Place[]): Promise<readonly number[]>;
  /** As `countAfter`, for the entries that mention the user or everyone. */
  mentionsAfter(keys: readonly (Place & { readonly userId: UserId })[]): Promise<readonly number[]>;
  /** The messages of a conversation that are pinned now, ascending by seq. */
  pinned(conversationId: ConversationId): Promise<readonly Seq[]>;
  findByMsgId(msgId: MsgId): Promise<StoredEntry | undefined>;
  /** [D6] */
  findByClientMsgId(key: {
    readonly from: UserId;
    readonly clientMsgId: ClientMsgId;
  }): Promise<StoredEntry | undefined>;
  /** The end of the feed. MUST NOT be beyond a commit that other reads do not return yet. */
  position(): Promise<Position>;
  /**
   * Those of the conversations that may have entries committed after `since`. MAY return too many; MUST NOT leave one out [D4].
   * Returns all of them for a position that is not of this store: unreadable, of another epoch, or beyond the end.
   */
  changedSince(since: Position, conversationIds: readonly ConversationId[]): Promise<ReadonlySet<ConversationId>>;
  /** The parts of the store that hold entries of a conversation, oldest first. For operators. */
  segments(conversationId: ConversationId): Promise<readonly Segment[]>;
}

/** A part of the store that holds entries of a conversation: the file of a month, or a table partition. */
export interface Segment {
  readonly name: string;
  readonly firstSeq: Seq;
  readonly lastSeq: Seq;
}
