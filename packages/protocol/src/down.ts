// Every frame that the server sends, as one union: pushed frames, and one response frame per operation that has a response.

import Type, { type Static } from 'typebox';
import type { ErrorCode } from './codes.ts';
import { ConversationChangeSchema, ConversationSummarySchema } from './conversation.ts';
import { EntrySchema } from './entry.ts';
import { ClientMsgIdSchema, ConversationIdSchema, SeqSchema, UserIdSchema } from './ids.ts';
import { NoticeSchema } from './notice.ts';
import type { OperationSpec, OutputOf } from './operations/operation.ts';
import { type OperationName, type Operations, operations } from './operations/operations.ts';
import { PresenceSchema } from './user.ts';

const id = Type.Number();

export const LimitsSchema = Type.Object({
  protocol_version: Type.Integer(),
  frame_bytes_max: Type.Integer(),
  content_bytes_max: Type.Integer(),
  page_max: Type.Integer(),
  members_inline: Type.Integer({ description: 'Conversations with at most this many members list them inline' }),
  receipts_push_max: Type.Integer({
    description: 'In conversations with more members, receipts are not pushed to all of them',
  }),
});
export type Limits = Static<typeof LimitsSchema>;

const pushSchemas = {
  welcome: Type.Object({
    type: Type.Literal('welcome'),
    user_id: UserIdSchema,
    session_id: Type.String(),
    server_time: Type.Integer(),
    heartbeat_ms: Type.Integer(),
    limits: LimitsSchema,
    node: Type.String(),
    epoch: Type.String({ description: 'Identifies the storage: seqs of another epoch are invalid' }),
    bundles: Type.Optional(Type.Literal(true)),
  }),
  pong: Type.Object({ type: Type.Literal('pong') }),
  message: Type.Object({ type: Type.Literal('message'), ...EntrySchema.properties }),
  /** A state entry: its content describes the change. */
  entry: Type.Object({ type: Type.Literal('entry'), ...EntrySchema.properties }),
  /** To the sender's connections: the command is durable in the log, but its commit is slow. An ack or an error follows. */
  sent: Type.Object({
    type: Type.Literal('sent'),
    conversation_id: ConversationIdSchema,
    client_msg_id: ClientMsgIdSchema,
  }),
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
    conversation: ConversationSummarySchema,
  }),
  typing: Type.Object({ type: Type.Literal('typing'), conversation_id: ConversationIdSchema, user_id: UserIdSchema }),
  presence: Type.Object({ type: Type.Literal('presence'), ...PresenceSchema.properties }),
  /** To every connection, and to new connections until it expires. */
  notice: Type.Object({ type: Type.Literal('notice'), ...NoticeSchema.properties }),
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

/** Operations by the type of their response frame. */
type ByDown = {
  [N in OperationName as Operations[N] extends { readonly frame: { readonly down: infer D extends string } }
    ? D
    : never]: N;
};
export type AnswerType = keyof ByDown;
export type DownType = AnswerType | keyof typeof pushSchemas;
export type DownOf<T extends DownType> = T extends AnswerType
  ? OutputOf<Operations[ByDown[T]]> & { readonly type: T; readonly id: number }
  : T extends keyof typeof pushSchemas
    ? Static<(typeof pushSchemas)[T]>
    : never;
export type Down = { [T in DownType]: DownOf<T> }[DownType];

export const downSchemas = {
  ...pushSchemas,
  ...(Object.fromEntries<Type.TSchema>(
    Object.values(operations as Record<string, OperationSpec>).flatMap(({ frame, output }) =>
      frame?.down === undefined || output === undefined
        ? []
        : [[frame.down, Type.Object({ type: Type.Literal(frame.down), id, ...(output as Type.TObject).properties })]],
    ),
  ) as { readonly [D in AnswerType]: Type.TSchema }),
};
