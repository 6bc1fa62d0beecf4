// An entry of a timeline as clients see it.

import Type, { type Static } from 'typebox';
import { ContentSchema } from './content.ts';
import { ClientMsgIdSchema, ConversationIdSchema, MsgIdSchema, SeqSchema, UserIdSchema } from './ids.ts';

/** sent → ack → delivered → read. Derived from positions; never stored. */
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
