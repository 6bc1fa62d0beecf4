// What everything that appends an entry is answered with.

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
  duplicate: Type.Optional(Type.Literal(true, { description: 'Committed before [D3]' })),
  noted: Type.Optional(
    Type.Literal(true, {
      description:
        'It is durable, and an entry that sums up the changes of this second follows: msg_id, seq and timestamp are those of the message',
    }),
  ),
  unchanged: Type.Optional(
    Type.Literal(true, {
      description:
        'It was so already, and no entry was made: msg_id, seq and timestamp are those of the message, seq as of which it is so; in a private timeline msg_id is of no entry',
    }),
  ),
});
export type Ack = Static<typeof AckSchema>;
