// All that a gateway knows of the core. In one process a direct call, across processes a remote one: plain data in, plain data out.

import type { ErrorCode } from '@hongyan/protocol/codes';
import type { Content, Conversation } from '@hongyan/protocol/entry';
import type { MemberList, MessagePage, MessageWhere } from '@hongyan/protocol/http';
import type { ClientMsgId, ConversationId, DeviceId, MsgId, Seq, UserId } from '@hongyan/protocol/ids';

/** An expected failure, in the words of the wire. */
export interface Refusal {
  readonly type: 'refused';
  readonly code: ErrorCode;
  readonly message: string;
  readonly retryAfterMs?: number;
}
export type Outcome<T> = { readonly type: 'ok'; readonly value: T } | Refusal;

export interface Actor {
  readonly userId: UserId;
  readonly deviceId: DeviceId;
}

export interface SendCommand {
  readonly from: UserId;
  /** Exactly one of the two. */
  readonly to?: UserId;
  readonly conversationId?: ConversationId;
  readonly clientMsgId: ClientMsgId;
  readonly content: Content;
}

/** What the sender is told once the message is durable [D1]. */
export interface Committed {
  readonly msgId: MsgId;
  readonly conversationId: ConversationId;
  readonly seq: Seq;
  readonly timestampMs: number;
  readonly isDuplicate: boolean;
}

export interface SyncRequest {
  readonly actor: Actor;
  readonly cursor?: string;
  readonly limit?: number;
  readonly full?: boolean;
}
export interface SyncPage {
  readonly conversations: readonly Conversation[];
  readonly cursor: string;
  readonly hasMore: boolean;
  /** All conversations of the user, told of or not. */
  readonly conversationCount: number;
}

export interface HistoryRequest {
  readonly userId: UserId;
  readonly conversationId: ConversationId;
  readonly afterSeq?: Seq;
  readonly beforeSeq?: Seq;
  readonly limit?: number;
}

export type NewConversationCommand =
  | { readonly kind: 'direct'; readonly creator: UserId; readonly with: UserId }
  | {
      readonly kind: 'group' | 'broadcast';
      readonly creator: UserId;
      readonly title: string;
      readonly members: readonly UserId[];
    };

/** MUST: `send` resolves ok only when the message is durable; refuses with `overloaded` when the command queue is full. Never rejects for expected failures. */
export interface Core {
  send(command: SendCommand): Promise<Outcome<Committed>>;
  /** Best effort until the receipt is pushed; positions beyond last_seq are refused with bad_request. */
  advance(receipt: {
    readonly actor: Actor;
    readonly conversationId: ConversationId;
    readonly deliveredSeq: Seq;
    readonly readSeq: Seq;
  }): Promise<Outcome<void>>;
  typing(actor: Actor, conversationId: ConversationId): Promise<Outcome<void>>;

  sync(request: SyncRequest): Promise<Outcome<SyncPage>>;
  history(request: HistoryRequest): Promise<Outcome<MessagePage>>;
  whereIs(
    reader: UserId,
    key: { readonly msgId: MsgId } | { readonly clientMsgId: ClientMsgId },
  ): Promise<Outcome<MessageWhere>>;

  createConversation(command: NewConversationCommand): Promise<Outcome<Conversation>>;
  getConversation(reader: UserId, conversationId: ConversationId): Promise<Outcome<Conversation>>;
  setTitle(
    actor: UserId,
    change: { readonly conversationId: ConversationId; readonly title: string },
  ): Promise<Outcome<Conversation>>;
  addMember(
    actor: UserId,
    change: { readonly conversationId: ConversationId; readonly userId: UserId },
  ): Promise<Outcome<void>>;
  removeMember(
    actor: UserId,
    change: { readonly conversationId: ConversationId; readonly userId: UserId },
  ): Promise<Outcome<void>>;
  members(
    reader: UserId,
    request: { readonly conversationId: ConversationId; readonly after?: UserId; readonly limit?: number },
  ): Promise<Outcome<MemberList>>;

  /** A device connects: remembers it and answers the conversations whose topics the connection follows (groups and broadcasts). */
  open(session: {
    readonly actor: Actor;
    readonly sessionId: string;
    readonly node: string;
  }): Promise<{ readonly conversationIds: readonly ConversationId[] }>;
  close(session: { readonly actor: Actor; readonly sessionId: string; readonly node: string }): Promise<void>;
  presence(
    userIds: readonly UserId[],
  ): Promise<readonly { readonly userId: UserId; readonly online: boolean; readonly lastSeenMs?: number }[]>;

  signup(user: {
    readonly userId: UserId;
    readonly password: string;
    readonly displayName?: string;
  }): Promise<Outcome<{ readonly userId: UserId; readonly displayName: string }>>;
  /** `unauthorized` for an unknown user and for a wrong password alike, in about the same time. */
  login(credentials: {
    readonly userId: UserId;
    readonly password: string;
  }): Promise<Outcome<{ readonly userId: UserId; readonly displayName: string }>>;
  getUser(userId: UserId): Promise<Outcome<{ readonly userId: UserId; readonly displayName: string }>>;
  searchUsers(request: {
    readonly query: string;
    readonly limit: number;
  }): Promise<readonly { readonly userId: UserId; readonly displayName: string }[]>;
}
