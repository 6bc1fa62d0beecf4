// The public shape of the client library: what applications see and may rely on. Types only.

import type { DownOf } from '@hongyan/protocol/down';
import type {
  Content,
  Conversation,
  ConversationKind,
  Entry,
  MemberRole,
  MessageStatus,
  User,
} from '@hongyan/protocol/entry';
import type { MessageWhere } from '@hongyan/protocol/http';
import type { ClientMsgId, ConversationId, DeviceId, MsgId, Seq, UserId } from '@hongyan/protocol/ids';

export type {
  ClientMsgId,
  Content,
  Conversation,
  ConversationId,
  ConversationKind,
  DeviceId,
  Entry,
  MemberRole,
  MessageStatus,
  MessageWhere,
  MsgId,
  Seq,
  User,
  UserId,
};

export type ConnectionState =
  | {
      readonly type: 'closed';
      readonly reason?: 'on_purpose' | 'unauthorized' | 'token_revoked' | 'protocol_error' | 'replaced';
    }
  | { readonly type: 'connecting'; readonly attempt: number }
  | { readonly type: 'catching_up' }
  | { readonly type: 'online' }
  /** Waiting for the next attempt. */
  | { readonly type: 'reconnecting'; readonly attempt: number; readonly retryAtMs: number };

/** A message as the application shows it: committed entries, and those of the outbox (seq absent) that wait for their ack. */
export interface ClientMessage {
  readonly conversationId: ConversationId;
  readonly clientMsgId: ClientMsgId;
  readonly from: UserId;
  readonly content: Content;
  /** Unix ms: the server's once acked, the device's before. */
  readonly timestampMs: number;
  readonly seq?: Seq;
  readonly msgId?: MsgId;
  /** queued: in the outbox; failed: refused by the server for good (see `error`), kept until retried or discarded. */
  readonly status: 'queued' | 'failed' | MessageStatus;
  readonly error?: { readonly code: string; readonly message: string };
}

/** A conversation with what this device knows on top of the server's view. */
export interface ConversationView {
  readonly conversationId: ConversationId;
  readonly kind: ConversationKind;
  readonly title: string;
  /** User ids, up to the server's inline limit; direct: the other user (or oneself). */
  readonly members: readonly UserId[];
  readonly memberCount: number;
  readonly lastSeq: Seq;
  readonly firstSeq: Seq;
  readonly readSeq: Seq;
  readonly deliveredSeq: Seq;
  readonly unread: number;
  readonly lastMessage?: ClientMessage;
  /** Positions of the other members as far as known; direct conversations and small groups. */
  readonly receipts: ReadonlyMap<UserId, { readonly deliveredSeq: Seq; readonly readSeq: Seq }>;
}

export interface ClientEvents {
  state: ConnectionState;
  /** Each committed message exactly once, in seq order per conversation [C1]. */
  message: ClientMessage;
  /** An outbox message changed: queued, acked, failed. */
  outbox: ClientMessage;
  /** A conversation was added or changed (unread, last message, title, members). */
  conversation: ConversationView;
  /** The user is no longer a member, or never was. */
  left: { readonly conversationId: ConversationId };
  receipt: DownOf<'receipt'>;
  typing: { readonly conversationId: ConversationId; readonly userId: UserId };
  presence: { readonly userId: UserId; readonly online: boolean; readonly lastSeenMs?: number };
  /** Something that was not asked for failed (the storage, a receipt the server refused); the client goes on. */
  warning: { readonly message: string; readonly error?: unknown };
  /** [D5] Messages that can no longer be had: seqs from…to were removed by retention or are hidden from this member. */
  gap: { readonly conversationId: ConversationId; readonly from: Seq; readonly to: Seq };
}

export interface Client {
  /** Both undefined until the storage and the token were read: `connect` and `send` do. */
  readonly userId: UserId | undefined;
  readonly deviceId: DeviceId | undefined;
  readonly state: ConnectionState;
  on<E extends keyof ClientEvents>(event: E, listener: (value: ClientEvents[E]) => void): () => void;

  /** Resolves when first online; rejects when the server says stop (bad token) or it is closed first. Reconnects by itself from then on. */
  connect(): Promise<void>;
  /** On purpose: no reconnect. The outbox stays. Resolves when everything known is kept. */
  close(): Promise<void>;

  /** Queues durably (as far as the storage is), sends, resolves with the acked message; rejects with ClientError when refused for good. Works offline. */
  send(target: SendTarget, content: Content, options?: { readonly clientMsgId?: ClientMsgId }): Promise<ClientMessage>;
  retry(clientMsgId: ClientMsgId): void;
  discard(clientMsgId: ClientMsgId): void;
  /** Messages that wait for their ack or failed, oldest first. */
  outbox(conversationId?: ConversationId): readonly ClientMessage[];

  /** Known conversations, newest activity first. */
  conversations(): readonly ConversationView[];
  conversation(conversationId: ConversationId): ConversationView | undefined;
  /** One page from the server, ascending; neither bound = the newest page. Rejects with `unavailable` while not connected. */
  history(request: {
    readonly conversationId: ConversationId;
    readonly beforeSeq?: Seq;
    readonly afterSeq?: Seq;
    readonly limit?: number;
  }): Promise<{
    readonly messages: readonly ClientMessage[];
    readonly firstSeq: Seq;
    readonly lastSeq: Seq;
    readonly hasMore: boolean;
  }>;
  /** Marks everything up to seq as read (and delivered). Coalesced; survives being offline. */
  markRead(conversationId: ConversationId, seq: Seq): void;
  /** Tells the others that this user is writing; at most one frame per 3 s leaves. */
  typing(conversationId: ConversationId): void;
  /** Asks for and follows the presence of users; changes arrive as `presence`. */
  watchPresence(userIds: readonly UserId[]): Promise<void>;

  createDirect(userId: UserId): Promise<ConversationView>;
  createGroup(group: {
    readonly kind?: 'group' | 'broadcast';
    readonly title: string;
    readonly members: readonly UserId[];
  }): Promise<ConversationView>;
  setTitle(conversationId: ConversationId, title: string): Promise<void>;
  addMember(conversationId: ConversationId, userId: UserId): Promise<void>;
  removeMember(conversationId: ConversationId, userId: UserId): Promise<void>;
  members(conversationId: ConversationId): Promise<
    readonly {
      readonly userId: UserId;
      readonly displayName: string;
      readonly role: MemberRole;
      readonly deliveredSeq: Seq;
      readonly readSeq: Seq;
    }[]
  >;
  whereIs(key: { readonly msgId: MsgId } | { readonly clientMsgId: ClientMsgId }): Promise<MessageWhere>;
  getUser(userId: UserId): Promise<User>;
  searchUsers(query: string): Promise<readonly User[]>;
  /** Closes on purpose and forgets what this device kept: conversations, cursor, outbox. Sends that wait reject. Rejects when the storage cannot forget. */
  logout(): Promise<void>;
}

export type SendTarget = { readonly to: UserId } | { readonly conversationId: ConversationId };

/** A message that waits in the outbox, as it is kept. */
export interface OutboxItem {
  readonly message: ClientMessage;
  readonly target: SendTarget;
  /** Grows with each send of this device: the order in which they leave. */
  readonly no: number;
}

/** What a client knows of a conversation between runs; the library's own, opaque to the storage. */
export interface StoredConversation {
  readonly conversationId: ConversationId;
  readonly state: unknown;
}

export interface StoredMeta {
  readonly deviceId?: DeviceId;
  /** Whose data this is: another user's is cleared, never sent. */
  readonly userId?: UserId;
  readonly cursor?: string;
}

/**
 * What a client keeps between runs. MUST: make the writes of one call atomic, apply calls in the order they were made,
 * and resolve a write when it is as durable as the storage can make it. A call without an answer for 5 s counts as failed.
 */
export interface ClientStorage {
  load(): Promise<{
    readonly meta: StoredMeta;
    readonly outbox: readonly OutboxItem[];
    readonly conversations: readonly StoredConversation[];
  }>;
  /** Replaces the fields given, keeps the others. */
  saveMeta(meta: StoredMeta): Promise<void>;
  /** By client_msg_id; replaces. */
  putOutbox(item: OutboxItem): Promise<void>;
  deleteOutbox(clientMsgId: ClientMsgId): Promise<void>;
  putConversations(conversations: readonly StoredConversation[]): Promise<void>;
  deleteConversation(conversationId: ConversationId): Promise<void>;
  /** Everything but the device id. */
  clear(): Promise<void>;
}

export interface ClientOptions {
  /** http(s) base address of the server, e.g. "https://chat.example.com"; "" in a browser = the page's own origin. */
  readonly url: string;
  /**
   * Called at every connect and request, so that a fresh token can be given. Rejects with ClientError `unauthorized` when
   * nobody is signed in: that closes the client. Any other rejection is a failure of the moment, and is tried again.
   */
  readonly token: () => string | Promise<string>;
  /** Default: memory. createIndexedDbStorage(name) in browsers. */
  readonly storage?: ClientStorage;
  /** Default: from storage, else made at random and kept there. */
  readonly deviceId?: DeviceId;
  /** Sends that wait or failed; above it a send rejects with `overloaded`. Default 10,000. */
  readonly outboxMax?: number;
  /** A request without an answer for so long means that the connection is dead. Default 10,000. */
  readonly requestTimeoutMs?: number;
  /** Told to the server, e.g. "shop-app/2.1". */
  readonly clientName?: string;
  /** Where the runtime has no global WebSocket: Node before 22. */
  readonly webSocket?: WebSocketConstructor;
}

export type WebSocketConstructor = new (url: string) => WebSocketLike;

/** The part of the WebSocket standard that the client uses. */
export interface WebSocketLike {
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  send(text: string): void;
  close(code?: number): void;
}
