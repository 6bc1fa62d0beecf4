// What stands in a timeline, as clients see it, and what describes a conversation.

import Type, { type Static } from 'typebox';
import {
  ClientMsgIdSchema,
  ConversationIdSchema,
  DeviceIdSchema,
  MsgIdSchema,
  SeqSchema,
  UserIdSchema,
} from './ids.ts';

/** `text` is the one type the server knows; any other object with a `type` passes through untouched. `hongyan.*` is the server's own. */
export const ContentSchema = Type.Object(
  { type: Type.String({ minLength: 1, maxLength: 64 }), text: Type.Optional(Type.String()) },
  {
    additionalProperties: true,
    description:
      'type "text" has text; any other type is passed through. Types that start with "hongyan." are made by the server only.',
  },
);
export type Content = Static<typeof ContentSchema> & Record<string, unknown>;

export const MessageStatusSchema = Type.Union([
  Type.Literal('sent'),
  Type.Literal('ack'),
  Type.Literal('delivered'),
  Type.Literal('read'),
]);
export type MessageStatus = Static<typeof MessageStatusSchema>;

export const EntrySchema = Type.Object({
  msg_id: MsgIdSchema,
  conversation_id: ConversationIdSchema,
  seq: SeqSchema,
  from: UserIdSchema,
  to: Type.Optional(UserIdSchema),
  content: ContentSchema,
  timestamp: Type.Integer({ description: 'Unix milliseconds, given by the server' }),
  client_msg_id: ClientMsgIdSchema,
  status: MessageStatusSchema,
});
export type Entry = Static<typeof EntrySchema>;

export const ConversationKindSchema = Type.Union([
  Type.Literal('direct'),
  Type.Literal('group'),
  Type.Literal('broadcast'),
]);
export type ConversationKind = Static<typeof ConversationKindSchema>;

export const MemberRoleSchema = Type.Union([Type.Literal('owner'), Type.Literal('member')]);
export type MemberRole = Static<typeof MemberRoleSchema>;

/** A conversation as one member sees it. `members` lists up to limits.members_inline user ids. */
export const ConversationSchema = Type.Object({
  conversation_id: ConversationIdSchema,
  kind: ConversationKindSchema,
  title: Type.Optional(Type.String()),
  members: Type.Optional(Type.Array(UserIdSchema)),
  member_count: Type.Integer(),
  last_seq: SeqSchema,
  first_seq: Type.Unsafe<Static<typeof SeqSchema>>(
    Type.Integer({ minimum: 1, description: 'First seq this member can read (D5); last_seq + 1 when there is none' }),
  ),
  delivered_seq: SeqSchema,
  read_seq: SeqSchema,
  unread: Type.Integer({ minimum: 0 }),
  last_message: Type.Optional(EntrySchema),
});
export type Conversation = Static<typeof ConversationSchema>;

/** Positions of one device, and where that leaves one message. */
const DeviceReceiptSchema = Type.Object({
  device_id: DeviceIdSchema,
  delivered_seq: SeqSchema,
  read_seq: SeqSchema,
  status: MessageStatusSchema,
  online: Type.Boolean(),
});
export const MemberReceiptSchema = Type.Object({
  user_id: UserIdSchema,
  delivered_seq: SeqSchema,
  read_seq: SeqSchema,
  status: MessageStatusSchema,
  devices: Type.Array(DeviceReceiptSchema),
});
export type MemberReceipt = Static<typeof MemberReceiptSchema>;

export const UserSchema = Type.Object({ user_id: UserIdSchema, display_name: Type.String() });
export type User = Static<typeof UserSchema>;
