// An entry of a timeline as clients see it.

import Type, { type Static } from 'typebox';
import { ContentSchema } from './content.ts';
import { ClientMsgIdSchema, ConversationIdSchema, MsgIdSchema, type Seq, SeqSchema, UserIdSchema } from './ids.ts';

/** sent → ack → delivered → read. Derived from positions, never stored. */
export const MessageStatusSchema = Type.Union([
  Type.Literal('sent'),
  Type.Literal('ack'),
  Type.Literal('delivered'),
  Type.Literal('read'),
]);
export type MessageStatus = Static<typeof MessageStatusSchema>;

/** Only `mine` depends on the reader; pushed frames omit it. */
export const ReactionSchema = Type.Object({
  key: Type.String({
    description: 'The reaction, normalised: an emoji has the same key with and without its variation selector',
  }),
  count: Type.Integer({ description: 'Number of users with this reaction' }),
  mine: Type.Optional(Type.Literal(true, { description: 'The reader is one of these users' })),
});
export type Reaction = Static<typeof ReactionSchema>;

/** [E8] The mentioned users, or all members of the conversation. */
export const MentionsSchema = Type.Union([
  Type.Array(UserIdSchema, { minItems: 1, maxItems: 50, description: 'Members of the conversation' }),
  Type.Literal('all'),
]);
export type Mentions = Static<typeof MentionsSchema>;

/** [E7] A quote of the replied message, in its present form. */
export const ReplySchema = Type.Object({
  seq: SeqSchema,
  from: Type.Optional(UserIdSchema),
  content: Type.Optional(ContentSchema),
  recalled: Type.Optional(Type.Literal(true)),
  as_of_seq: Type.Optional(
    Type.Unsafe<Seq>(Type.Integer({ description: 'The newest state entry that this form includes; absent: none' })),
  ),
});
export type Reply = Static<typeof ReplySchema>;
/** A reply quotes this many UTF-16 units of a text, and only the type of any other content. */
export const quoteLengthMax = 200;

/** [E1] A message, or a state entry, which changes a message or the conversation. */
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
        'The replied message. from and content are those at the time of the read; they are absent in last_message, and when the message is no longer retained',
    }),
  ),
  mentions: Type.Optional(MentionsSchema),
  count: Type.Integer({
    description:
      'Number of messages in the conversation up to and including this entry. State entries are not counted: unread is the difference of two counts',
  }),
  edited: Type.Optional(
    Type.Unsafe<Seq>(Type.Integer({ description: 'seq of the last edit; content is the edited content' })),
  ),
  recalled: Type.Optional(
    Type.Literal(true, { description: 'The content was erased and has the type hongyan.recalled' }),
  ),
  reactions: Type.Optional(
    Type.Array(ReactionSchema, { description: 'In the order in which their keys were first used' }),
  ),
  pinned: Type.Optional(Type.Literal(true)),
  as_of_seq: Type.Optional(
    Type.Unsafe<Seq>(
      Type.Integer({
        description:
          'For a message in its present form: seq of the newest state entry included. Only state entries with a greater seq still apply; absent: none is included',
      }),
    ),
  ),
  timestamp: Type.Integer({ description: 'Unix milliseconds, given by the server' }),
  client_msg_id: ClientMsgIdSchema,
  status: MessageStatusSchema,
});
export type Entry = Static<typeof EntrySchema>;
