// What a client keeps between runs, and what any storage of it must do: memory, IndexedDB and SQLite have one contract.

import type { ClientMsgId, ConversationId, DeviceId, UserId } from '@hongyan/protocol/ids';
import type { ClientMessage, SendTarget } from './api.ts';

/** A message, or a change of one, that waits in the outbox, as it is kept. */
export interface OutboxItem {
  /** Of a change: the entry that it becomes, with the content that the wire has for it. */
  readonly message: ClientMessage;
  readonly target: SendTarget;
  readonly isChange?: true;
  /** Of an edit. */
  readonly expectEdited?: number;
  /** Increases with each send of this device, as its clock does: the order in which they leave. */
  readonly no: number;
}

/** What a client keeps of a conversation between runs; opaque to the storage. */
export interface StoredConversation {
  readonly conversationId: ConversationId;
  readonly state: unknown;
}

export interface ConversationWrite extends StoredConversation {
  /** By their seq, which each has; replace. */
  readonly messages?: readonly ClientMessage[];
  /** Kept messages with a lower seq are deleted, before `messages` are put. */
  readonly deleteBeforeSeq?: number;
}

/** Both ends are inclusive. */
export interface KeptRange {
  readonly conversationId: ConversationId;
  readonly fromSeq: number;
  readonly throughSeq: number;
}

export interface StoredMeta {
  readonly deviceId?: DeviceId;
  /** The user whose data this is: data of another user is cleared, never sent. */
  readonly userId?: UserId;
  /** `sub` of the tokens of that user, where it is an identity provider's and the server has said whose they are. */
  readonly subject?: string;
  readonly cursor?: string;
  /** Of the store that the cursor and the conversations are of. */
  readonly epoch?: string;
  /** What the user has set in private; opaque to the storage. */
  readonly own?: unknown;
}

/**
 * What a client keeps between runs. MUST: make the writes of one call atomic, apply calls in the order they were made,
 * and resolve a write when it is as durable as the storage can make it. A call without an answer for 5 s counts as failed.
 * [C8] With an owner a call MUST change nothing, and reject, where `userId` of the meta is not that user: a client of another
 * account has taken the storage. The comparison is part of the call's own transaction.
 */
export interface ClientStorage {
  /**
   * Messages are kept up to so many bytes of their JSON, about. Above it those of the conversation that was opened longest ago are
   * deleted, its oldest first. 0: none are kept.
   */
  readonly messageBytesMax: number;
  load(): Promise<{
    readonly meta: StoredMeta;
    readonly outbox: readonly OutboxItem[];
    readonly conversations: readonly StoredConversation[];
  }>;
  /** Replaces the fields given, keeps the others. */
  saveMeta(meta: StoredMeta, owner?: UserId): Promise<void>;
  /** By client_msg_id; replaces. */
  putOutbox(item: OutboxItem, owner?: UserId): Promise<void>;
  deleteOutbox(clientMsgId: ClientMsgId, owner?: UserId): Promise<void>;
  putConversations(conversations: readonly ConversationWrite[], owner?: UserId): Promise<void>;
  /** Ascending by seq. */
  messages(range: KeptRange, owner?: UserId): Promise<readonly ClientMessage[]>;
  /** And its messages. */
  deleteConversation(conversationId: ConversationId, owner?: UserId): Promise<void>;
  /** Everything but the device id. Where nothing is the owner's it resolves all the same. */
  clear(owner?: UserId): Promise<void>;
}
