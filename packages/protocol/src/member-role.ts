// The role of a member, which grants rights beyond reading and writing.

import Type, { type Static } from 'typebox';

export const MemberRoleSchema = Type.Union([Type.Literal('owner'), Type.Literal('admin'), Type.Literal('member')]);
export type MemberRole = Static<typeof MemberRoleSchema>;
