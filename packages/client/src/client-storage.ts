// The storage port of the client: what persists between runs. Memory, IndexedDB and SQLite pass one contract suite.

import type { ClientMsgId, ConversationId, DeviceId, UserId } from '@hongyan/protocol/ids';
import type { ClientMessage, SendTarget } from './api.ts';

/** A message of the outbox, or a change of one, as it is stored. */
export interface OutboxItem {
  /** For a change: the entry that it will become, with its content on the wire. */
  readonly message: ClientMessage;
  readonly target: SendTarget;
  readonly isChange?: true;
  /** For an edit only. */
  readonly expectEdited?: number;
  /** The order of sending: increases with each send of this device. */
  readonly no: number;
}

/** The state of one conversation. `state` is opaque to the storage. */
export interface StoredConversation {
  readonly conversationId: ConversationId;
  readonly state: unknown;
}

export interface ConversationWrite extends StoredConversation {
  /** Committed messages: each has a seq and replaces the stored one with that seq. */
  readonly messages?: readonly ClientMessage[];
  /** Stored messages with a lower seq are deleted before `messages` are put. */
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
  /** The owner of the data: a client of another user clears it and never sends it. */
  readonly userId?: UserId;
  /** The claim `sub` of an identity provider's tokens for `userId`, once the server has confirmed that they belong together. */
  readonly subject?: string;
  readonly cursor?: string;
  /** The epoch of the server's store that `cursor` and the conversations refer to. */
  readonly epoch?: string;
  /** The private state of the user; opaque to the storage. */
  readonly own?: unknown;
}

/**
 * A storage MUST apply the writes of one call atomically, apply calls in the order in which they were made, and resolve a write when
 * it is as durable as the storage can make it. The client treats a call as failed after 5 s.
 * [C8] A call with an owner MUST reject and change nothing if `userId` of the meta is another user, because a client of another
 * account has taken over the storage. The comparison MUST be part of the call's transaction.
 */
export interface ClientStorage {
  /**
   * Approximate upper limit of stored messages, in bytes of their JSON. Beyond it the oldest messages of the conversation that was
   * opened longest ago are deleted. 0: no messages are stored.
   */
  readonly messageBytesMax: number;
  load(): Promise<{
    readonly meta: StoredMeta;
    readonly outbox: readonly OutboxItem[];
    readonly conversations: readonly StoredConversation[];
  }>;
  /** Replaces the given fields; the others remain. */
  saveMeta(meta: StoredMeta, owner?: UserId): Promise<void>;
  /** Replaces the item with the same client_msg_id. */
  putOutbox(item: OutboxItem, owner?: UserId): Promise<void>;
  deleteOutbox(clientMsgId: ClientMsgId, owner?: UserId): Promise<void>;
  putConversations(conversations: readonly ConversationWrite[], owner?: UserId): Promise<void>;
  /** Ascending by seq. */
  messages(range: KeptRange, owner?: UserId): Promise<readonly ClientMessage[]>;
  /** Deletes the conversation and its messages. */
  deleteConversation(conversationId: ConversationId, owner?: UserId): Promise<void>;
  /** Deletes everything but the device id. Resolves also if the owner has no data. */
  clear(owner?: UserId): Promise<void>;
}
