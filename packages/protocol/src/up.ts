// Every frame a client sends, as one union. One JSON object per WebSocket text message.

import Type, { type Static } from 'typebox';
import { ContentSchema } from './entry.ts';
import { ClientMsgIdSchema, ConversationIdSchema, DeviceIdSchema, SeqSchema, UserIdSchema } from './ids.ts';

const id = Type.Number({ description: 'Chosen by the client; the answer repeats it' });
const limit = Type.Optional(Type.Integer({ minimum: 1, maximum: 500 }));

export const upSchemas = {
  hello: Type.Object({
    type: Type.Literal('hello'),
    token: Type.Optional(Type.String({ maxLength: 4096 })),
    device_id: DeviceIdSchema,
    client: Type.Optional(Type.String({ maxLength: 128 })),
  }),
  send: Type.Object({
    type: Type.Literal('send'),
    id,
    to: Type.Optional(UserIdSchema),
    conversation_id: Type.Optional(ConversationIdSchema),
    client_msg_id: ClientMsgIdSchema,
    content: ContentSchema,
  }),
  sync: Type.Object({
    type: Type.Literal('sync'),
    id,
    cursor: Type.Optional(Type.String({ maxLength: 256 })),
    limit,
    full: Type.Optional(Type.Boolean()),
  }),
  history: Type.Object({
    type: Type.Literal('history'),
    id,
    conversation_id: ConversationIdSchema,
    after_seq: Type.Optional(SeqSchema),
    before_seq: Type.Optional(SeqSchema),
    limit,
  }),
  delivered: Type.Object({ type: Type.Literal('delivered'), conversation_id: ConversationIdSchema, seq: SeqSchema }),
  read: Type.Object({ type: Type.Literal('read'), conversation_id: ConversationIdSchema, seq: SeqSchema }),
  typing: Type.Object({ type: Type.Literal('typing'), conversation_id: ConversationIdSchema }),
  presence: Type.Object({ type: Type.Literal('presence'), id, user_ids: Type.Array(UserIdSchema, { maxItems: 500 }) }),
  ping: Type.Object({ type: Type.Literal('ping') }),
} as const;

export type UpType = keyof typeof upSchemas;
export type UpOf<T extends UpType> = Static<(typeof upSchemas)[T]>;
export type Up = { [T in UpType]: UpOf<T> }[UpType];
