// The rules of a conversation.

import Type, { type Static } from 'typebox';

const WhoSchema = Type.Union([Type.Literal('members'), Type.Literal('admins')]);

/** [E10] Who may do what in a conversation. `admins` includes the owner. */
export const RulesSchema = Type.Object({
  post: Type.Unsafe<Who>({ ...WhoSchema, description: 'Who may send messages and typing indicators' }),
  add: Type.Unsafe<Who>({ ...WhoSchema, description: 'Who may add members' }),
  mention_all: Type.Unsafe<Who>({ ...WhoSchema, description: 'Who may mention all members' }),
});
export type Who = Static<typeof WhoSchema>;
export type Rules = Static<typeof RulesSchema>;
