// An entry of a timeline as clients see it.

import Type, { type Static } from 'typebox';
import { ContentSchema } from './content.ts';
import { ClientMsgIdSchema, ConversationIdSchema, MsgIdSchema, type Seq, SeqSchema, UserIdSchema } from './ids.ts';

/** sent → ack → delivered → read. Derived from positions; never stored. */
export const MessageStatusSchema = Type.Union([
  Type.Literal('sent'),
  Type.Literal('ack'),
  Type.Literal('delivered'),
  Type.Literal('read'),
]);
export type MessageStatus = Static<typeof MessageStatusSchema>;

/** Nothing of it depends on the viewer but `mine`, which pushed frames leave out. */
export const ReactionSchema = Type.Object({
  key: Type.String({
    description: 'What was reacted with, normalised: an emoji is one key with and without its variation selector',
  }),
  count: Type.Integer({ description: 'Users who reacted with it' }),
  mine: Type.Optional(Type.Literal(true, { description: 'The reader is one of them' })),
});
export type Reaction = Static<typeof ReactionSchema>;

/** A message, or a state entry: one that changes a message or the conversation. [E1] */
export const EntrySchema = Type.Object({
  msg_id: MsgIdSchema,
  conversation_id: ConversationIdSchema,
  seq: SeqSchema,
  from: UserIdSchema,
  to: Type.Optional(UserIdSchema),
  content: ContentSchema,
  count: Type.Integer({
    description:
      'Messages of the conversation up to and including this entry. State entries do not raise it: unread is a difference of two counts',
  }),
  edited: Type.Optional(
    Type.Unsafe<Seq>(Type.Integer({ description: 'seq of the last edit; content is that of the edit' })),
  ),
  recalled: Type.Optional(Type.Literal(true, { description: 'The content was erased; of type hongyan.recalled' })),
  reactions: Type.Optional(
    Type.Array(ReactionSchema, { description: 'In the order in which their keys were first used' }),
  ),
  as_of_seq: Type.Optional(
    Type.Unsafe<Seq>(
      Type.Integer({
        description:
          'Of a message in its present form: the newest state entry it contains. One applies only if its seq is greater; absent: none did',
      }),
    ),
  ),
  timestamp: Type.Integer({ description: 'Unix milliseconds, given by the server' }),
  client_msg_id: ClientMsgIdSchema,
  status: MessageStatusSchema,
});
export type Entry = Static<typeof EntrySchema>;
