// Every frame the server sends, as one union.

import Type, { type Static } from 'typebox';
import type { ErrorCode } from './codes.ts';
import { ConversationSchema, EntrySchema, MessageStatusSchema } from './entry.ts';
import { ClientMsgIdSchema, ConversationIdSchema, MsgIdSchema, SeqSchema, UserIdSchema } from './ids.ts';

const id = Type.Number();

export const LimitsSchema = Type.Object({
  protocol_version: Type.Integer(),
  frame_bytes_max: Type.Integer(),
  content_bytes_max: Type.Integer(),
  page_max: Type.Integer(),
  members_inline: Type.Integer({ description: 'conversations up to this size list their members inline' }),
  receipts_push_max: Type.Integer({ description: 'above this many members receipts are not pushed to everyone' }),
});

export const ConversationChangeSchema = Type.Union([
  Type.Literal('created'),
  Type.Literal('updated'),
  Type.Literal('member_joined'),
  Type.Literal('member_left'),
]);
export type ConversationChange = Static<typeof ConversationChangeSchema>;

export const downSchemas = {
  welcome: Type.Object({
    type: Type.Literal('welcome'),
    user_id: UserIdSchema,
    session_id: Type.String(),
    server_time: Type.Integer(),
    heartbeat_ms: Type.Integer(),
    limits: LimitsSchema,
    node: Type.String(),
  }),
  ack: Type.Object({
    type: Type.Literal('ack'),
    id,
    client_msg_id: ClientMsgIdSchema,
    msg_id: MsgIdSchema,
    conversation_id: ConversationIdSchema,
    seq: SeqSchema,
    timestamp: Type.Integer(),
    status: MessageStatusSchema,
    duplicate: Type.Optional(Type.Literal(true)),
  }),
  sync_result: Type.Object({
    type: Type.Literal('sync_result'),
    id,
    conversations: Type.Array(ConversationSchema),
    cursor: Type.String({ description: 'Opaque. Pass it to the next sync; with has_more, at once for the next page' }),
    has_more: Type.Boolean(),
    conversation_count: Type.Integer({
      description: 'All conversations of the user. A device that knows another number left some while it was away',
    }),
  }),
  history_result: Type.Object({
    type: Type.Literal('history_result'),
    id,
    conversation_id: ConversationIdSchema,
    entries: Type.Array(EntrySchema, { description: 'Ascending by seq, without holes' }),
    first_seq: SeqSchema,
    last_seq: SeqSchema,
    has_more: Type.Boolean({ description: 'More entries exist in the direction asked for' }),
  }),
  presence_result: Type.Object({
    type: Type.Literal('presence_result'),
    id,
    users: Type.Array(
      Type.Object({ user_id: UserIdSchema, online: Type.Boolean(), last_seen: Type.Optional(Type.Integer()) }),
    ),
  }),
  pong: Type.Object({ type: Type.Literal('pong') }),
  message: Type.Object({ type: Type.Literal('message'), ...EntrySchema.properties }),
  receipt: Type.Object({
    type: Type.Literal('receipt'),
    conversation_id: ConversationIdSchema,
    user_id: UserIdSchema,
    delivered_seq: SeqSchema,
    read_seq: SeqSchema,
  }),
  conversation: Type.Object({
    type: Type.Literal('conversation'),
    conversation_id: ConversationIdSchema,
    change: ConversationChangeSchema,
    user_id: Type.Optional(UserIdSchema),
    conversation: Type.Object({
      kind: ConversationSchema.properties.kind,
      title: Type.Optional(Type.String()),
      members: Type.Optional(Type.Array(UserIdSchema)),
      member_count: Type.Integer(),
    }),
  }),
  typing: Type.Object({ type: Type.Literal('typing'), conversation_id: ConversationIdSchema, user_id: UserIdSchema }),
  presence: Type.Object({
    type: Type.Literal('presence'),
    user_id: UserIdSchema,
    online: Type.Boolean(),
    last_seen: Type.Optional(Type.Integer()),
  }),
  going_away: Type.Object({
    type: Type.Literal('going_away'),
    reconnect_after_ms: Type.Integer(),
    url: Type.Optional(Type.String()),
  }),
  error: Type.Object({
    type: Type.Literal('error'),
    id: Type.Optional(id),
    code: Type.Unsafe<ErrorCode>(Type.String()),
    message: Type.String(),
    retry_after_ms: Type.Optional(Type.Integer()),
  }),
} as const;

export type DownType = keyof typeof downSchemas;
export type DownOf<T extends DownType> = Static<(typeof downSchemas)[T]>;
export type Down = { [T in DownType]: DownOf<T> }[DownType];
export type Limits = Static<typeof LimitsSchema>;
export type { ErrorCode };
