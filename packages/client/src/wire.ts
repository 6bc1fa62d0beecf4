// The server's objects as applications see them: plain types without the schemas behind them, so that the library's declarations
// are a small file. wire.test.ts fails to compile when they differ from the operations table.

import type { ClientMsgId, ConversationId, DeviceId, MsgId, Seq, UserId } from '@hongyan/protocol/ids';

export type MessageStatus = 'sent' | 'ack' | 'delivered' | 'read';
export type ConversationKind = 'direct' | 'group' | 'broadcast';
export type MemberRole = 'owner' | 'admin' | 'member';

/** `{type: 'text', text}`, or any other object with a `type` that the application chooses. */
export interface Content {
  type: string;
  text?: string;
  [field: string]: unknown;
}

export interface Reaction {
  key: string;
  /** Users who reacted with it. */
  count: number;
  /** The reader is one of them. */
  mine?: true;
}

/** Members whom a message calls to attention, or everyone. */
export type Mentions = UserId[] | 'all';

/** The message that is answered, as it was when this was read; `seq` alone when it is not kept any more. */
export interface Reply {
  seq: Seq;
  from?: UserId;
  /** The beginning of a text; of another content its type. */
  content?: Content;
  recalled?: true;
  /** The newest state entry that is part of it. Absent: none. */
  as_of_seq?: Seq;
}

/** A message, or a state entry: one that changes a message or the conversation. */
export interface Entry {
  msg_id: MsgId;
  conversation_id: ConversationId;
  seq: Seq;
  from: UserId;
  /** Direct conversations. */
  to?: UserId;
  content: Content;
  /** Messages of the conversation up to and including this entry; state entries do not raise it. */
  count: number;
  reply_to?: Reply;
  mentions?: Mentions;
  /** seq of the last edit; `content` is that of the edit. */
  edited?: Seq;
  /** The content was erased. */
  recalled?: true;
  /** In the order in which their keys were first used. */
  reactions?: Reaction[];
  pinned?: true;
  /** Of a message in its present form: the newest state entry it contains. Absent: none. */
  as_of_seq?: Seq;
  /** Unix milliseconds, given by the server. */
  timestamp: number;
  client_msg_id: ClientMsgId;
  status: MessageStatus;
}

/** `admins`: and the owner. */
export type Who = 'members' | 'admins';

/** Who may do what in a conversation. */
export interface Rules {
  post: Who;
  add: Who;
  mention_all: Who;
}

export interface Conversation {
  conversation_id: ConversationId;
  kind: ConversationKind;
  title?: string;
  /** User ids, up to limits.members_inline. */
  members?: UserId[];
  member_count: number;
  /** Unix milliseconds, given by the server. */
  created_at: number;
  /** New members see what was written before they joined. */
  history_visible: boolean;
  rules: Rules;
  last_seq: Seq;
  /** First seq this member can read [D5]; last_seq + 1 when there is none. */
  first_seq: Seq;
  delivered_seq: Seq;
  read_seq: Seq;
  role: MemberRole;
  /** Messages ever written. */
  last_count: number;
  /** Messages of others after the read position and after the own newest message, not recalled. */
  unread: number;
  /** Those of them that mention the member, or all. */
  unread_mentions: number;
  last_message?: Entry;
}

export interface User {
  user_id: UserId;
  display_name: string;
}

export interface AuthResult {
  access_token: string;
  token_type: 'Bearer';
  /** Seconds. */
  expires_in: number;
  user: User;
}

export interface Receipt {
  type: 'receipt';
  conversation_id: ConversationId;
  user_id: UserId;
  delivered_seq: Seq;
  read_seq: Seq;
}

/** How far a member has come, and the status that gives to the message. */
export interface MemberPlace {
  user_id: UserId;
  delivered_seq: Seq;
  read_seq: Seq;
  status: MessageStatus;
}

/** The same for a device of the reader. */
export interface DevicePlace {
  device_id: DeviceId;
  /** What the client calls itself; empty when it did not. */
  name: string;
  delivered_seq: Seq;
  read_seq: Seq;
  status: MessageStatus;
  online: boolean;
}

/** Where a message is. */
export interface MessagePlace {
  message: Entry;
  status: MessageStatus;
  /** Members other than the sender that have received it. */
  delivered_count: number;
  read_count: number;
  /** Members other than the sender. */
  recipient_count: number;
  /** Members other than the sender, at most limits.receipts_push_max; the counts are whole. */
  members: MemberPlace[];
  /** Devices of the reader. */
  devices: DevicePlace[];
}
