// A conversation and its members, as clients see them.

import Type, { type Static } from 'typebox';
import { EntrySchema } from './entry.ts';
import { ConversationIdSchema, SeqSchema, UserIdSchema } from './ids.ts';
import { MemberRoleSchema } from './member-role.ts';
import { RulesSchema } from './rules.ts';

export const ConversationKindSchema = Type.Union([
  Type.Literal('direct'),
  Type.Literal('group'),
  Type.Literal('broadcast'),
]);
export type ConversationKind = Static<typeof ConversationKindSchema>;

/** What is the same for all members. `members` is absent in conversations with more than limits.members_inline members. */
export const ConversationSummarySchema = Type.Object({
  kind: ConversationKindSchema,
  title: Type.Optional(Type.String()),
  members: Type.Optional(Type.Array(UserIdSchema)),
  member_count: Type.Integer(),
  created_at: Type.Integer({ description: 'Unix milliseconds, given by the server' }),
  history_visible: Type.Boolean({ description: 'New members see messages from before they joined' }),
  rules: RulesSchema,
});

/** A conversation as one member sees it. */
export const ConversationSchema = Type.Object({
  conversation_id: ConversationIdSchema,
  ...ConversationSummarySchema.properties,
  last_seq: SeqSchema,
  first_seq: Type.Unsafe<Static<typeof SeqSchema>>(
    Type.Integer({
      minimum: 1,
      description: 'First seq that this member can read [D5]; last_seq + 1 if there is none',
    }),
  ),
  delivered_seq: SeqSchema,
  read_seq: SeqSchema,
  role: MemberRoleSchema,
  last_count: Type.Integer({ minimum: 0, description: 'Number of messages ever sent: the count of the newest entry' }),
  unread: Type.Integer({
    minimum: 0,
    description:
      "Messages of others after the read position and after the member's newest message, without recalled ones",
  }),
  unread_mentions: Type.Integer({
    minimum: 0,
    description: 'Unread messages that mention the member or all members',
  }),
  last_message: Type.Optional(EntrySchema),
});
export type Conversation = Static<typeof ConversationSchema>;

export const MemberSchema = Type.Object({
  user_id: UserIdSchema,
  display_name: Type.String(),
  role: MemberRoleSchema,
  delivered_seq: SeqSchema,
  read_seq: SeqSchema,
});

export const ConversationChangeSchema = Type.Union([
  Type.Literal('created'),
  Type.Literal('updated'),
  Type.Literal('member_joined'),
  Type.Literal('member_left'),
  Type.Literal('role_changed'),
]);
export type ConversationChange = Static<typeof ConversationChangeSchema>;
