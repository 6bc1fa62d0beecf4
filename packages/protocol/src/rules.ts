// Who may do what in a conversation.

import Type, { type Static } from 'typebox';

const WhoSchema = Type.Union([Type.Literal('members'), Type.Literal('admins')]);

/** [E10] Who may do what in a conversation; admins: and its owner. */
export const RulesSchema = Type.Object({
  post: Type.Unsafe<Who>({ ...WhoSchema, description: 'Write, and say that one is typing' }),
  add: Type.Unsafe<Who>({ ...WhoSchema, description: 'Add members' }),
  mention_all: Type.Unsafe<Who>({ ...WhoSchema, description: 'Mention all' }),
});
export type Who = Static<typeof WhoSchema>;
export type Rules = Static<typeof RulesSchema>;
