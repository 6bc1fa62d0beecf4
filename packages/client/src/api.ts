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
  /** Each committed message of each conversation exactly once, in seq order per conversation [C…]. */
  message: ClientMessage;
  /** An outbox message changed: queued, acked, failed. */
  outbox: ClientMessage;
  /** A conversation was added or changed (unread, last message, title, members). */
  conversation: ConversationView;
  receipt: DownOf<'receipt'>;
  typing: { readonly conversationId: ConversationId; readonly userId: UserId };
  presence: { readonly userId: UserId; readonly online: boolean; readonly lastSeenMs?: number };
  /** [D5] Messages that can no longer be had: seqs from…to were removed by retention or are hidden from this member. */
  gap: { readonly conversationId: ConversationId; readonly from: Seq; readonly to: Seq };
}

export interface Client {
  readonly userId: UserId | undefined;
  readonly deviceId: DeviceId;
  readonly state: ConnectionState;
  on<E extends keyof ClientEvents>(event: E, listener: (value: ClientEvents[E]) => void): () => void;

  /** Resolves when first online; rejects when the server says stop (bad token). Reconnects by itself from then on. */
  connect(): Promise<void>;
  /** On purpose: no reconnect. The outbox stays. */
  close(): Promise<void>;

  /** Queues durably (as far as the storage is), sends, resolves with the acked message; rejects with ClientError when refused for good. Works offline. */
  send(
    target: { readonly to: UserId } | { readonly conversationId: ConversationId },
    content: Content,
    options?: { readonly clientMsgId?: ClientMsgId },
  ): Promise<ClientMessage>;
  retry(clientMsgId: ClientMsgId): void;
  discard(clientMsgId: ClientMsgId): void;
  /** Messages that wait for their ack or failed, oldest first. */
  outbox(conversationId?: ConversationId): readonly ClientMessage[];

  /** Known conversations, newest activity first. */
  conversations(): readonly ConversationView[];
  conversation(conversationId: ConversationId): ConversationView | undefined;
  /** One page, from the local store where whole, else from the server. Ascending. Neither bound = the newest page. */
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
  logout(): Promise<void>;
}

/** What a client keeps between runs. All methods may be called often; writes of one call are atomic. */
export interface ClientStorage {
  load(): Promise<{
    readonly deviceId?: DeviceId;
    readonly cursor?: string;
    readonly outbox: readonly ClientMessage[];
    readonly conversations: readonly unknown[];
  }>;
  saveMeta(meta: { readonly deviceId?: DeviceId; readonly cursor?: string }): Promise<void>;
  putOutbox(
    message: ClientMessage & { readonly target: { readonly to?: UserId; readonly conversationId?: ConversationId } },
  ): Promise<void>;
  deleteOutbox(clientMsgId: ClientMsgId): Promise<void>;
  putConversation(conversationId: ConversationId, state: unknown): Promise<void>;
  clear(): Promise<void>;
}

export interface ClientOptions {
  /** http(s) base address of the server, e.g. "https://chat.example.com"; "" in a browser = the page's own origin. */
  readonly url: string;
  /** Called at every connect and request, so that a fresh token can be given. */
  readonly token: () => string | Promise<string>;
  /** Default: memory. createIndexedDbStorage(name) in browsers. */
  readonly storage?: ClientStorage;
  /** Default: from storage, else made at random and kept there. */
  readonly deviceId?: DeviceId;
  readonly outboxMax?: number;
  readonly ackTimeoutMs?: number;
}
