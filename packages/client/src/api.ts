// The public shape of the client library: what applications see and may rely on. Types only.

import type { ClientMsgId, ConversationId, DeviceId, DeviceToken, MsgId, Seq, UserId } from '@hongyan/protocol/ids';
import type {
  AuthResult,
  Content,
  Conversation,
  ConversationKind,
  DevicePlace,
  Entry,
  MemberPlace,
  MemberRole,
  Mentions,
  MessagePlace,
  MessageStatus,
  Reaction,
  Receipt,
  User,
  Who,
} from './wire.ts';

export type {
  AuthResult,
  ClientMsgId,
  Content,
  Conversation,
  ConversationId,
  ConversationKind,
  DeviceId,
  DevicePlace,
  Entry,
  MemberPlace,
  MemberRole,
  Mentions,
  MessagePlace,
  MessageStatus,
  MsgId,
  Reaction,
  Receipt,
  Seq,
  User,
  UserId,
  Who,
};

export type ConnectionState =
  | {
      readonly type: 'closed';
      readonly reason?: 'on_purpose' | 'unauthorized' | 'token_revoked' | 'protocol_error' | 'replaced';
      /** More of the reason, for those who run the application. */
      readonly message?: string;
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
  readonly content: Readonly<Content>;
  /** Unix ms: the server's once acked, the device's before. */
  readonly timestampMs: number;
  readonly seq?: Seq;
  readonly msgId?: MsgId;
  /** queued: in the outbox; failed: refused by the server for good (see `error`), kept until retried or discarded. */
  readonly status: 'queued' | 'failed' | MessageStatus;
  readonly error?: { readonly code: string; readonly message: string };
  readonly replyTo?: MessageReply;
  /** Members whom the message calls to attention, or everyone. */
  readonly mentions?: Mentions;
  /** seq of the last edit. */
  readonly edited?: Seq;
  /** Erased for everyone: `content` is {type: 'hongyan.recalled'}. */
  readonly isRecalled?: true;
  /** In the order in which their keys were first used. */
  readonly reactions?: readonly MessageReaction[];
  readonly isPinned?: true;
  /** The newest change that the message contains; absent: none. */
  readonly asOfSeq?: Seq;
  /** Messages of the conversation up to and including this one: a difference of more than 1 means that some are missing. */
  readonly count?: number;
  /** From `withPending`: a change of this user that is part of it waits for its ack. */
  readonly isPending?: true;
}

export interface MessageReaction {
  /** An emoji, or a name that the application chose. */
  readonly key: string;
  /** Users who reacted with it. */
  readonly count: number;
  readonly isMine: boolean;
}

/** The message that is answered, as far as it is known. `applyChange` keeps it up to date. */
export interface MessageReply {
  readonly seq: Seq;
  readonly from?: UserId | undefined;
  /** The beginning of a text; of another content its type. */
  readonly content?: Readonly<Content> | undefined;
  readonly isRecalled?: true | undefined;
  /** The newest change that is part of it; absent: none. */
  readonly asOfSeq?: Seq | undefined;
}

/** A committed edit, recall, reaction or pin of the message at `content.target_seq`; see `applyChange`. */
export interface MessageChange {
  /** Of the change. */
  readonly seq: Seq;
  readonly from: UserId;
  readonly content: Readonly<Content>;
}

/** A conversation with what this device knows on top of the server's view. */
export interface ConversationView {
  readonly conversationId: ConversationId;
  readonly kind: ConversationKind;
  readonly title: string;
  /** User ids, up to the server's inline limit; direct: the other user (in a note to self, this user). */
  readonly members: readonly UserId[];
  readonly memberCount: number;
  /** Of this user. */
  readonly role: MemberRole;
  readonly rules: ConversationRules;
  readonly createdAtMs: number;
  readonly lastSeq: Seq;
  readonly firstSeq: Seq;
  readonly readSeq: Seq;
  readonly deliveredSeq: Seq;
  /** Messages of others after `unreadAfterSeq` that were not recalled. */
  readonly unread: number;
  /** Those of them that mention this user, or all. */
  readonly unreadMentions: number;
  /** What this user has read, or answered by a message of their own. */
  readonly unreadAfterSeq: Seq;
  /** As it is now; not a change of members or title. */
  readonly lastMessage?: ClientMessage;
  /** Positions of the other members that were reported here; direct conversations and small groups. */
  readonly receipts: ReadonlyMap<UserId, { readonly deliveredSeq: Seq; readonly readSeq: Seq }>;
  /** Unix ms; 0: not muted. */
  readonly mutedUntilMs: number;
  /** Nothing of it notifies, or adds to a total of unread messages. Reported anew when the time is over. */
  readonly isMuted: boolean;
  readonly isPinned: boolean;
  /** A further message brings it back, unless it is muted. */
  readonly isArchived: boolean;
  /** As this user's devices have it. */
  readonly draft?: Draft;
}

export interface Draft {
  readonly text: string;
  /** Names this state of the draft to `saveDraft`; 0 while the server has none. */
  readonly revision: number;
  /** Texts that other devices wrote meanwhile: the user chooses. */
  readonly others: readonly string[];
}

/** Who may write, add members, and mention all. `admins`: and the owner, who with them changes the rules. */
export interface ConversationRules {
  readonly post: Who;
  readonly add: Who;
  readonly mentionAll: Who;
  /** New members see what was written before they joined. */
  readonly historyVisible: boolean;
}

export interface Member {
  readonly userId: UserId;
  readonly displayName: string;
  readonly role: MemberRole;
  readonly deliveredSeq: Seq;
  readonly readSeq: Seq;
}

/** What those who run the server say to everyone. */
export interface ServerNotice {
  readonly id: string;
  readonly text: string;
  readonly severity: 'info' | 'warning' | 'critical';
  /** Unix milliseconds. */
  readonly untilMs: number;
}

export interface ClientEvents {
  state: ConnectionState;
  /** Each committed message, and each change of members or title, exactly once, in seq order per conversation [C1]. */
  message: ClientMessage;
  /**
   * The message at `seq` changed. With `change`: `applyChange(message, change, userId)` gives what it is now; each such change is
   * reported once, in order, after its message. Without: a change of this user began to wait for its ack, or waits no longer, and
   * `withPending` gives another message; `error` says that the server refused it and why, and `refused` what that was.
   */
  changed: {
    readonly conversationId: ConversationId;
    readonly seq: Seq;
    readonly change?: MessageChange;
    readonly error?: { readonly code: string; readonly message: string };
    /** The content of the entry that was not made, such as {type: 'hongyan.edit', target_seq, content}. */
    readonly refused?: Content;
  };
  /** An outbox message changed: queued, acked, failed. */
  outbox: ClientMessage;
  /** A conversation was added or changed (unread, last message, title, members). */
  conversation: ConversationView;
  /** The user is no longer a member, or never was. */
  left: { readonly conversationId: ConversationId };
  /** All that are set now. */
  settings: Readonly<Record<string, unknown>>;
  receipt: Receipt;
  /** All that are in force and were not dismissed, oldest first: each time one comes or goes. */
  notices: readonly ServerNotice[];
  typing: { readonly conversationId: ConversationId; readonly userId: UserId };
  presence: { readonly userId: UserId; readonly online: boolean; readonly lastSeenMs?: number };
  /** Something that no call waits for failed (the storage, a receipt the server refused); the client continues. */
  warning: { readonly message: string; readonly error?: unknown };
  /**
   * [D5] The messages at seqs from…to are not available: removed by retention, or hidden from this member.
   * With isReset they were shown and are void, because the server's store was put back to an earlier state: remove all messages
   * from `from` on; what the conversation has there now follows as `message` events.
   */
  gap: {
    readonly conversationId: ConversationId;
    readonly from: Seq;
    readonly to: Seq;
    readonly isReset?: true;
  };
}

export interface Client {
  /** Both undefined until the storage and the token were read, which `connect` and `send` do. */
  readonly userId: UserId | undefined;
  readonly deviceId: DeviceId | undefined;
  readonly state: ConnectionState;
  /** Returns the function that removes the listener. Throws ClientError `bad_request` for an unknown event. */
  on<E extends keyof ClientEvents>(event: E, listener: (value: ClientEvents[E]) => void): () => void;

  /** In force and not dismissed, oldest first. */
  notices(): readonly ServerNotice[];
  /** Not shown again by this client, unless its text changes. */
  dismissNotice(id: string): void;

  /** Resolves when first online; rejects when the server refuses the token, or when the client is closed first. Reconnects by itself from then on. */
  connect(): Promise<void>;
  /** No reconnect follows. The outbox stays. Resolves when the storage has everything. */
  close(): Promise<void>;

  /**
   * Queues durably (as far as the storage is), sends, and resolves with the acked message. Works offline. Rejects with ClientError:
   * `bad_request` at once for a target or content that cannot be sent (JSON must carry all of it: no undefined, NaN, Infinity or
   * BigInt, no half of a surrogate pair); or the server's refusal, such as `conflict` for a clientMsgId that was used for another message.
   */
  send(target: SendTarget, content: Content, options?: SendOptions): Promise<ClientMessage>;
  /** Sends a failed message again; does nothing for others. */
  retry(clientMsgId: ClientMsgId): void;
  /** Removes a message from the outbox. One that was on its way may still be committed. */
  discard(clientMsgId: ClientMsgId): void;
  /** Messages that wait for their ack or failed, oldest first. */
  outbox(conversationId?: ConversationId): readonly ClientMessage[];

  /**
   * Replaces the content of an own message, erases a message for everyone, adds or removes a reaction, puts a message on the list
   * of pinned ones or takes it off. Each waits in the outbox as
   * a message does, offline too, and leaves after what was sent before it; `withPending` shows it at once. Resolves when it is
   * acknowledged, rejects with ClientError when it is refused: then it is undone and gone, and the `changed` event says so.
   * `expectEdited`: `edited` of the message that the user saw, 0 for none; a newer edit makes it a `conflict`.
   */
  edit(
    conversationId: ConversationId,
    seq: Seq,
    content: Content,
    options?: { readonly expectEdited?: number },
  ): Promise<void>;
  recall(conversationId: ConversationId, seq: Seq, options?: { readonly reason?: string }): Promise<void>;
  react(conversationId: ConversationId, seq: Seq, key: string, op: 'add' | 'remove'): Promise<void>;
  pin(conversationId: ConversationId, seq: Seq, isPinned: boolean): Promise<void>;
  /** The pinned messages of a conversation, oldest first, from the server; while it cannot be reached, those that the device keeps. */
  pinned(conversationId: ConversationId): Promise<readonly ClientMessage[]>;
  /** The message with this user's changes of it that wait for their ack; the message itself when none waits. */
  withPending(message: ClientMessage): ClientMessage;
  /** Changes of messages that wait for their ack. */
  readonly pendingChanges: number;

  /** Known conversations, newest activity first. */
  conversations(): readonly ConversationView[];
  conversation(conversationId: ConversationId): ConversationView | undefined;
  /**
   * One page of messages, ascending; without bounds the newest page. From the device where it keeps the whole page, else from the
   * server; while not connected, as much of the page as the device keeps, and `unavailable` where that is none of it. `lastSeq`: the
   * page is the conversation's as of that entry; later ones arrive as `message` and `changed`.
   */
  history(request: HistoryRequest): Promise<HistoryPage>;
  /** Marks everything up to seq as read (and delivered). Coalesced; kept while offline. Throws ClientError `bad_request` for what is no seq. */
  markRead(conversationId: ConversationId, seq: Seq): void;
  /**
   * What follows is for this user alone, on all devices. Each waits in the outbox as a message does, shows at once, and is undone when
   * it is refused, which rejects; a later one of the same kind and conversation takes the place of one that has not left yet.
   */
  mute(conversationId: ConversationId, untilMs: number | null): Promise<void>;
  pinConversation(conversationId: ConversationId, isPinned: boolean): Promise<void>;
  archive(conversationId: ConversationId, isArchived: boolean): Promise<void>;
  /**
   * `baseRevision`: of the draft that the user saw when this text was begun, 0 for none. Where another device has written since,
   * both texts are kept: `others` of the draft has that one until a text with the revision of that draft is saved. Empty: no draft.
   */
  saveDraft(conversationId: ConversationId, text: string, baseRevision: number): Promise<void>;
  /** As markRead on this user's devices; the others see no receipt. */
  markReadInPrivate(conversationId: ConversationId, seq: Seq): Promise<void>;
  /** `value`: any JSON of up to 4,096 bytes; null: no longer. `name`: 1–64 of letters, digits, _ . - */
  set(name: string, value: unknown): Promise<void>;
  settings(): Readonly<Record<string, unknown>>;
  /** Shows the others that this user is writing; at most one frame leaves in 3 s, and another at once after a send. */
  typing(conversationId: ConversationId): void;
  /** Requests the presence of users and subscribes to changes, which arrive as `presence`. */
  watchPresence(userIds: readonly UserId[]): Promise<void>;

  createDirect(userId: UserId): Promise<ConversationView>;
  createGroup(group: {
    readonly kind?: 'group' | 'broadcast';
    readonly title: string;
    readonly members: readonly UserId[];
    /** New members see what was written before they joined. Default: in broadcasts, and not in groups. */
    readonly historyVisible?: boolean;
  }): Promise<ConversationView>;
  setTitle(conversationId: ConversationId, title: string): Promise<void>;
  /** What is absent stays as it is. */
  setRules(conversationId: ConversationId, rules: Partial<ConversationRules>): Promise<void>;
  addMember(conversationId: ConversationId, userId: UserId): Promise<void>;
  removeMember(conversationId: ConversationId, userId: UserId): Promise<void>;
  /** Makes a member an admin, or no longer; with `owner` hands the conversation over. */
  setRole(conversationId: ConversationId, userId: UserId, role: MemberRole): Promise<void>;
  members(conversationId: ConversationId): Promise<readonly Member[]>;
  /** One page of the members other than the sender who have read a message, or received it. */
  readers(request: {
    readonly conversationId: ConversationId;
    readonly seq: Seq;
    readonly state: 'read' | 'delivered';
    /** `next` of the page before. */
    readonly after?: string | undefined;
    readonly limit?: number;
  }): Promise<{
    readonly members: readonly Member[];
    /** All of them, not of this page. */
    readonly count: number;
    /** Absent: there are no more. */
    readonly next?: string | undefined;
  }>;
  /** One page of the users who reacted to a message, each with their keys; with `key` those who used it. */
  reactions(request: {
    readonly conversationId: ConversationId;
    readonly seq: Seq;
    readonly key?: string | undefined;
    readonly after?: string | undefined;
    readonly limit?: number;
  }): Promise<{
    readonly users: readonly {
      readonly userId: UserId;
      readonly displayName: string;
      readonly keys: readonly string[];
    }[];
    readonly count: number;
    readonly next?: string | undefined;
  }>;
  /** Where a message is: its status for each member, and for this user's own devices. */
  whereIs(key: { readonly msgId: MsgId } | { readonly clientMsgId: ClientMsgId }): Promise<MessagePlace>;
  getUser(userId: UserId): Promise<User>;
  /** Users with an id, or a word of the name, that starts with the query, of which the first 256 characters count. */
  searchUsers(query: string): Promise<readonly User[]>;
  /** Where the user is logged in, newest first. */
  devices(): Promise<readonly OwnDevice[]>;
  /** Signs another device of the user out: it has to log in again. */
  revokeDevice(deviceId: DeviceId): Promise<void>;
  /**
   * Makes a device that the application's back end has registered this user's own, and one with the device of this client, or with
   * another one of the user: events and counts of devices then name both. `not_found`: no back end has registered it (yet);
   * `conflict`: it is another user's.
   */
  bindDevice(deviceToken: DeviceToken, deviceId?: DeviceId): Promise<void>;
  /** Lets it go: it stays registered, and is nobody's. */
  unbindDevice(deviceToken: DeviceToken): Promise<void>;
  /**
   * Closes, in all tabs of the device, and deletes what it kept: conversations, cursor, outbox. Waiting sends reject. Then the server
   * is told, so that the token is good for nobody any more: `isRevoked` is false where it could not be reached, as offline; the token
   * is then good until it expires, or until another device signs this one out. Rejects when the storage cannot delete, once the server
   * was told: to log out again tries again.
   */
  logout(): Promise<{ readonly isRevoked: boolean }>;
  /** Signs out every device of the user, this one too. Rejects, and changes nothing, when the server cannot be reached. */
  logoutAll(): Promise<void>;
}

export interface OwnDevice {
  readonly deviceId: DeviceId;
  /** What its client calls itself; empty when it did not. */
  readonly name: string;
  readonly lastSeenMs: number;
  readonly isOnline: boolean;
  /** This one. */
  readonly isCurrent: boolean;
}

export interface SendOptions {
  readonly clientMsgId?: ClientMsgId;
  /** The message that this one answers: `seq` suffices; what else is given is shown until the server's own quote is there. */
  readonly replyTo?: MessageReply;
  readonly mentions?: Mentions;
}

/** At most one of beforeSeq and afterSeq, both exclusive. */
export interface HistoryRequest {
  readonly conversationId: ConversationId;
  readonly beforeSeq?: Seq;
  readonly afterSeq?: Seq;
  /** Default 50. The server may cut it. */
  readonly limit?: number;
}

export interface HistoryPage {
  readonly messages: readonly ClientMessage[];
  /** [D5] The first seq that is available at all. */
  readonly firstSeq: Seq;
  readonly lastSeq: Seq;
  /** In the direction asked for. */
  readonly hasMore: boolean;
}

export type SendTarget = { readonly to: UserId } | { readonly conversationId: ConversationId };
