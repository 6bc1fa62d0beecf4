// The response of every operation that appends an entry.

import Type, { type Static } from 'typebox';
import { MessageStatusSchema } from '../entry.ts';
import { ClientMsgIdSchema, ConversationIdSchema, MsgIdSchema, SeqSchema } from '../ids.ts';

export const AckSchema = Type.Object({
  client_msg_id: ClientMsgIdSchema,
  msg_id: MsgIdSchema,
  conversation_id: ConversationIdSchema,
  seq: SeqSchema,
  timestamp: Type.Integer({ description: 'Unix milliseconds' }),
  status: MessageStatusSchema,
  duplicate: Type.Optional(Type.Literal(true, { description: 'The entry was committed before [D3]' })),
  noted: Type.Optional(
    Type.Literal(true, {
      description:
        'The change is durable, and an entry that combines the changes of this second follows: msg_id, seq and timestamp are those of the message',
    }),
  ),
  unchanged: Type.Optional(
    Type.Literal(true, {
      description:
        'Nothing changed, and no entry was appended: msg_id and timestamp are those of the message, seq is that of its last change; in a private timeline msg_id belongs to no entry',
    }),
  ),
});
export type Ack = Static<typeof AckSchema>;
