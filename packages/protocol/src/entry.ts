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

/** Users whom a message calls to attention, or everyone in the conversation. [E8] */
export const MentionsSchema = Type.Union([
  Type.Array(UserIdSchema, { minItems: 1, maxItems: 50, description: 'Members of the conversation' }),
  Type.Literal('all'),
]);
export type Mentions = Static<typeof MentionsSchema>;

/** The message that is answered, as it is now. [E7] */
export const ReplySchema = Type.Object({
  seq: SeqSchema,
  from: Type.Optional(UserIdSchema),
  content: Type.Optional(ContentSchema),
  recalled: Type.Optional(Type.Literal(true)),
  as_of_seq: Type.Optional(
    Type.Unsafe<Seq>(Type.Integer({ description: 'The newest state entry that is part of it; absent: none' })),
  ),
});
export type Reply = Static<typeof ReplySchema>;
/** Of a text content, in UTF-16 units: a reply quotes the beginning, and of another content its type alone. */
export const quoteLengthMax = 200;

/** A message, or a state entry: one that changes a message or the conversation. [E1] */
export const EntrySchema = Type.Object({
  msg_id: MsgIdSchema,
  conversation_id: ConversationIdSchema,
  seq: SeqSchema,
  from: UserIdSchema,
  to: Type.Optional(UserIdSchema),
  content: ContentSchema,
  reply_to: Type.Optional(
    Type.Unsafe<Reply>({
      ...ReplySchema,
      description:
        'The message that is answered. from and content are of the moment of the read: absent when it is not kept any more, and in last_message',
    }),
  ),
  mentions: Type.Optional(MentionsSchema),
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
  pinned: Type.Optional(Type.Literal(true)),
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
