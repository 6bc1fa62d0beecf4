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
      /** Details of the reason, for developers. */
      readonly message?: string;
    }
  | { readonly type: 'connecting'; readonly attempt: number }
  | { readonly type: 'catching_up' }
  | { readonly type: 'online' }
  /** Until the next attempt at `retryAtMs`, Unix ms. */
  | { readonly type: 'reconnecting'; readonly attempt: number; readonly retryAtMs: number };

/** A message as the application shows it: a committed one, or one of the outbox that awaits its ack (`seq` is absent). */
export interface ClientMessage {
  readonly conversationId: ConversationId;
  readonly clientMsgId: ClientMsgId;
  readonly from: UserId;
  readonly content: Readonly<Content>;
  /** Unix ms: of the device's clock until the ack, then of the server's. */
  readonly timestampMs: number;
  readonly seq?: Seq;
  readonly msgId?: MsgId;
  /** queued: in the outbox; failed: refused by the server (see `error`), stored until `retry` or `discard`. */
  readonly status: 'queued' | 'failed' | MessageStatus;
  readonly error?: { readonly code: string; readonly message: string };
  readonly replyTo?: MessageReply;
  /** The mentioned members, or all. */
  readonly mentions?: Mentions;
  /** seq of the last edit. */
  readonly edited?: Seq;
  /** Erased for everyone: `content` is {type: 'hongyan.recalled'}. */
  readonly isRecalled?: true;
  /** In the order in which their keys were first used. */
  readonly reactions?: readonly MessageReaction[];
  readonly isPinned?: true;
  /** seq of the newest change that the message contains; absent if there is none. */
  readonly asOfSeq?: Seq;
  /** Number of messages in the conversation up to and including this one. If it grows by more than 1, messages are missing. */
  readonly count?: number;
  /** Set by `withPending`: the message contains a change of this user that awaits its ack. */
  readonly isPending?: true;
}

export interface MessageReaction {
  /** An emoji, or a name that the application chose. */
  readonly key: string;
  /** Users who reacted with it. */
  readonly count: number;
  readonly isMine: boolean;
}

/** The message that a reply answers, as far as it is known. `applyChange` updates it. */
export interface MessageReply {
  readonly seq: Seq;
  readonly from?: UserId | undefined;
  /** The beginning of a text; for other content only the type. */
  readonly content?: Readonly<Content> | undefined;
  readonly isRecalled?: true | undefined;
  /** seq of the newest change that this quote contains; absent if there is none. */
  readonly asOfSeq?: Seq | undefined;
}

/** A committed edit, recall, reaction or pin of the message at `content.target_seq`; see `applyChange`. */
export interface MessageChange {
  /** seq of the change itself. */
  readonly seq: Seq;
  readonly from: UserId;
  readonly content: Readonly<Content>;
}

/** A conversation as the server has it, with the pending changes of this device. */
export interface ConversationView {
  readonly conversationId: ConversationId;
  readonly kind: ConversationKind;
  readonly title: string;
  /** User ids, up to the server's option members-inline-max; in a direct conversation the other user (in a note to self, this one). */
  readonly members: readonly UserId[];
  readonly memberCount: number;
  /** Role of this user. */
  readonly role: MemberRole;
  readonly rules: ConversationRules;
  readonly createdAtMs: number;
  readonly lastSeq: Seq;
  readonly firstSeq: Seq;
  readonly readSeq: Seq;
  readonly deliveredSeq: Seq;
  /** Number of messages of others after `unreadAfterSeq`, without recalled ones. */
  readonly unread: number;
  /** Number of those that mention this user, or all. */
  readonly unreadMentions: number;
  /** seq up to which this user has read, or has written after. */
  readonly unreadAfterSeq: Seq;
  /** The newest message in its present state. Changes of members and title do not count. */
  readonly lastMessage?: ClientMessage;
  /** Known positions of other members, in direct conversations and groups of up to receipts-push-max members. */
  readonly receipts: ReadonlyMap<UserId, { readonly deliveredSeq: Seq; readonly readSeq: Seq }>;
  /** Unix ms; 0 if it is not muted. */
  readonly mutedUntilMs: number;
  /** A muted conversation notifies nobody and adds nothing to totals of unread messages. An event follows when the mute ends. */
  readonly isMuted: boolean;
  readonly isPinned: boolean;
  /** The next message ends this, unless the conversation is muted. */
  readonly isArchived: boolean;
  /** Shared by the devices of this user. */
  readonly draft?: Draft;
}

export interface Draft {
  readonly text: string;
  /** The `baseRevision` for `saveDraft`; 0 while the server has no draft. */
  readonly revision: number;
  /** Conflicting texts of other devices, for the user to choose from. */
  readonly others: readonly string[];
}

/** Who may write, add members, and mention all. `admins` includes the owner. Owner and admins may change the rules. */
export interface ConversationRules {
  readonly post: Who;
  readonly add: Who;
  readonly mentionAll: Who;
  /** Whether new members see the messages from before they joined. */
  readonly historyVisible: boolean;
}

export interface Member {
  readonly userId: UserId;
  readonly displayName: string;
  readonly role: MemberRole;
  readonly deliveredSeq: Seq;
  readonly readSeq: Seq;
}

/** An announcement of the operators to all users. */
export interface ServerNotice {
  readonly id: string;
  readonly text: string;
  readonly severity: 'info' | 'warning' | 'critical';
  /** Unix milliseconds. */
  readonly untilMs: number;
}

export interface ClientEvents {
  state: ConnectionState;
  /** [C1] Each committed message, and each change of members or title: exactly once, in seq order per conversation. */
  message: ClientMessage;
  /**
   * The message at `seq` changed. With `change`, `applyChange(message, change, userId)` returns its new state; each such change is
   * reported once, in order, after its message. Without `change`, a change of this user began or ended to await its ack, so the
   * result of `withPending` differs; if the server refused it, `error` has the reason and `refused` the change.
   */
  changed: {
    readonly conversationId: ConversationId;
    readonly seq: Seq;
    readonly change?: MessageChange;
    readonly error?: { readonly code: string; readonly message: string };
    /** The content of the refused entry, such as {type: 'hongyan.edit', target_seq, content}. */
    readonly refused?: Content;
  };
  /** An outbox message changed: queued, acked, failed. */
  outbox: ClientMessage;
  /** A conversation was added or changed (unread, last message, title, members). */
  conversation: ConversationView;
  /** The user is no longer a member, or never was. */
  left: { readonly conversationId: ConversationId };
  /** All settings, after each change. */
  settings: Readonly<Record<string, unknown>>;
  receipt: Receipt;
  /** All notices that are in force and not dismissed, oldest first, after each change. */
  notices: readonly ServerNotice[];
  typing: { readonly conversationId: ConversationId; readonly userId: UserId };
  presence: { readonly userId: UserId; readonly online: boolean; readonly lastSeenMs?: number };
  /** A failure that no call reports, such as one of the storage or a refused receipt. The client continues. */
  warning: { readonly message: string; readonly error?: unknown };
  /**
   * [D5] The messages at seqs from…to are not available: removed by retention, or hidden from this member.
   * With `isReset` the server's store was restored to an earlier state, and the messages that were shown are void: remove all
   * messages from `from` on. The present ones follow as `message` events.
   */
  gap: {
    readonly conversationId: ConversationId;
    readonly from: Seq;
    readonly to: Seq;
    readonly isReset?: true;
  };
}

export interface Client {
  /** Both are undefined until `connect` or `send` has read the storage and the token. */
  readonly userId: UserId | undefined;
  readonly deviceId: DeviceId | undefined;
  readonly state: ConnectionState;
  /** Returns the function that removes the listener. Throws ClientError `bad_request` for an unknown event. */
  on<E extends keyof ClientEvents>(event: E, listener: (value: ClientEvents[E]) => void): () => void;

  /** The notices that are in force and not dismissed, oldest first. */
  notices(): readonly ServerNotice[];
  /** Hides the notice on this client until its text changes. */
  dismissNotice(id: string): void;

  /** Resolves when first online, and reconnects by itself from then on. Rejects if the server refuses the token, or if the client is closed first. */
  connect(): Promise<void>;
  /** Closes the connection for good. The outbox remains stored. Resolves when all writes to the storage are done. */
  close(): Promise<void>;

  /**
   * Stores the message in the outbox, sends it, and resolves with the acknowledged message. Works offline. Rejects with ClientError:
   * `bad_request` at once for a target or content that cannot be sent (JSON must carry all of it: no undefined, NaN, Infinity or
   * BigInt, no half of a surrogate pair); or the server's refusal, such as `conflict` for a clientMsgId that was used for another message.
   */
  send(target: SendTarget, content: Content, options?: SendOptions): Promise<ClientMessage>;
  /** Sends a failed message again; does nothing for others. */
  retry(clientMsgId: ClientMsgId): void;
  /** Removes a message from the outbox. The server may still commit a message that was in flight. */
  discard(clientMsgId: ClientMsgId): void;
  /** Messages that await their ack or failed, oldest first. */
  outbox(conversationId?: ConversationId): readonly ClientMessage[];

  /**
   * The changes of a message: `edit` replaces its content, `recall` erases it for everyone, `react` adds or removes a reaction, `pin`
   * pins or unpins it. Each waits in the outbox like a message, also offline, and is sent in order; `withPending` shows it at once.
   * Resolves at the ack. A refusal rejects with ClientError, undoes the change and emits `changed`.
   * `expectEdited`: `edited` of the message that the user saw, or 0; a newer edit makes it a `conflict`.
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
  /** The pinned messages of a conversation, oldest first: from the server, or from the device while the server is unreachable. */
  pinned(conversationId: ConversationId): Promise<readonly ClientMessage[]>;
  /** The message with the pending changes of this user applied; the same object if none is pending. */
  withPending(message: ClientMessage): ClientMessage;
  /** Number of changes of messages that await their ack. */
  readonly pendingChanges: number;

  /** Known conversations, newest activity first. */
  conversations(): readonly ConversationView[];
  conversation(conversationId: ConversationId): ConversationView | undefined;
  /**
   * One page of messages, ascending; without bounds the newest page. It comes from the device if that stores the whole page, else
   * from the server. While disconnected it is the part that the device stores; if that is empty, it rejects with `unavailable`.
   * The page shows the conversation as of `lastSeq`; later entries arrive as `message` and `changed`.
   */
  history(request: HistoryRequest): Promise<HistoryPage>;
  /** Marks everything up to `seq` as read and delivered. Calls are coalesced, and stored while offline. Throws ClientError `bad_request` if `seq` is not one. */
  markRead(conversationId: ConversationId, seq: Seq): void;
  /**
   * The private changes, visible to this user alone, on all devices. Each waits in the outbox like a message and shows at once. A
   * refusal undoes it and rejects. A later change of the same kind and conversation replaces one that was not sent yet.
   */
  mute(conversationId: ConversationId, untilMs: number | null): Promise<void>;
  pinConversation(conversationId: ConversationId, isPinned: boolean): Promise<void>;
  archive(conversationId: ConversationId, isArchived: boolean): Promise<void>;
  /**
   * `baseRevision`: `revision` of the draft that the user saw when this text was begun, or 0. If another device has written since,
   * both texts remain: `others` has the other one until a text is saved with the newer revision. An empty text removes the draft.
   */
  saveDraft(conversationId: ConversationId, text: string, baseRevision: number): Promise<void>;
  /** Like `markRead` on the devices of this user, but other members see no receipt. */
  markReadInPrivate(conversationId: ConversationId, seq: Seq): Promise<void>;
  /** `value`: any JSON of up to 4,096 bytes; null removes the setting. `name`: 1–64 letters, digits, _ . - */
  set(name: string, value: unknown): Promise<void>;
  settings(): Readonly<Record<string, unknown>>;
  /** Notifies the other members that this user is writing. Throttled to one frame in 3 s; a send resets that. */
  typing(conversationId: ConversationId): void;
  /** Requests the presence of users and subscribes to changes, which arrive as `presence`. */
  watchPresence(userIds: readonly UserId[]): Promise<void>;

  createDirect(userId: UserId): Promise<ConversationView>;
  createGroup(group: {
    readonly kind?: 'group' | 'broadcast';
    readonly title: string;
    readonly members: readonly UserId[];
    /** Whether new members see the messages from before they joined. Default: true for broadcasts, false for groups. */
    readonly historyVisible?: boolean;
  }): Promise<ConversationView>;
  setTitle(conversationId: ConversationId, title: string): Promise<void>;
  /** Absent rules remain unchanged. */
  setRules(conversationId: ConversationId, rules: Partial<ConversationRules>): Promise<void>;
  addMember(conversationId: ConversationId, userId: UserId): Promise<void>;
  removeMember(conversationId: ConversationId, userId: UserId): Promise<void>;
  /** `owner` transfers the conversation to the member. */
  setRole(conversationId: ConversationId, userId: UserId, role: MemberRole): Promise<void>;
  members(conversationId: ConversationId): Promise<readonly Member[]>;
  /** One page of the members who have read, or received, a message; without its sender. */
  readers(request: {
    readonly conversationId: ConversationId;
    readonly seq: Seq;
    readonly state: 'read' | 'delivered';
    /** `next` of the page before. */
    readonly after?: string | undefined;
    readonly limit?: number;
  }): Promise<{
    readonly members: readonly Member[];
    /** Of all pages together. */
    readonly count: number;
    /** Absent on the last page. */
    readonly next?: string | undefined;
  }>;
  /** One page of the users who reacted to a message, with their keys; with `key` only those who used it. */
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
  /** Users whose id, or a word of whose name, begins with the query. Characters of the query after the 256th are ignored. */
  searchUsers(query: string): Promise<readonly User[]>;
  /** The devices on which the user is logged in, newest first. */
  devices(): Promise<readonly OwnDevice[]>;
  /** Signs another device of the user out: it has to log in again. */
  revokeDevice(deviceId: DeviceId): Promise<void>;
  /**
   * Assigns a device that the application's back end has registered to this user, and links it to the device of this client, or to
   * `deviceId`; events and counts of devices then name both. Rejects with `not_found` if no back end has registered it, and with
   * `conflict` if it belongs to another user.
   */
  bindDevice(deviceToken: DeviceToken, deviceId?: DeviceId): Promise<void>;
  /** The device remains registered and belongs to no user. */
  unbindDevice(deviceToken: DeviceToken): Promise<void>;
  /**
   * Closes the client in all tabs of the device and deletes its stored data: conversations, cursor, outbox. Waiting sends reject.
   * Then it revokes the token on the server. `isRevoked` is false if the server was unreachable: the token then remains valid until it
   * expires, or until another device signs this one out. Rejects, after the revocation, if the storage cannot delete; call it again.
   */
  logout(): Promise<{ readonly isRevoked: boolean }>;
  /** Signs out every device of the user, including this one. Rejects and changes nothing if the server is unreachable. */
  logoutAll(): Promise<void>;
}

export interface OwnDevice {
  readonly deviceId: DeviceId;
  /** `clientName` of its client; empty if that has none. */
  readonly name: string;
  readonly lastSeenMs: number;
  readonly isOnline: boolean;
  /** Whether it is the device of this client. */
  readonly isCurrent: boolean;
}

export interface SendOptions {
  readonly clientMsgId?: ClientMsgId;
  /** The message that this one answers: `seq` suffices. Other fields are shown until the server's quote arrives. */
  readonly replyTo?: MessageReply;
  readonly mentions?: Mentions;
}

/** At most one of beforeSeq and afterSeq, both exclusive. */
export interface HistoryRequest {
  readonly conversationId: ConversationId;
  readonly beforeSeq?: Seq;
  readonly afterSeq?: Seq;
  /** Default 50. The server may return fewer. */
  readonly limit?: number;
}

export interface HistoryPage {
  readonly messages: readonly ClientMessage[];
  /** [D5] The first available seq of the conversation. */
  readonly firstSeq: Seq;
  readonly lastSeq: Seq;
  /** Whether the requested direction has further messages. */
  readonly hasMore: boolean;
}

export type SendTarget = { readonly to: UserId } | { readonly conversationId: ConversationId };
