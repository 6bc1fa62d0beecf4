// Operations on conversations and their members.

import Type from 'typebox';
import { ConversationSchema, MemberSchema } from '../conversation.ts';
import { ConversationIdSchema, UserIdSchema } from '../ids.ts';
import { MemberRoleSchema } from '../member-role.ts';
import { type Rules, RulesSchema } from '../rules.ts';
import { limitSchema } from './limit.ts';
import { operation } from './operation.ts';

const tag = 'conversations';
/** Limits of the transport; the domain counts graphemes. */
const titleSchema = Type.String({ minLength: 1, maxLength: 2048 });
const cursorSchema = Type.Optional(Type.String({ maxLength: 512, description: 'Opaque; from the previous page' }));
const conversationKey = { conversation_id: ConversationIdSchema };
const memberKey = { conversation_id: ConversationIdSchema, user_id: UserIdSchema };

export const conversationOperations = {
  createConversation: operation({
    summary: 'Create a conversation; an existing direct conversation is returned unchanged',
    input: Type.Union([
      Type.Object({ kind: Type.Literal('direct'), with: UserIdSchema }),
      Type.Object({
        kind: Type.Union([Type.Literal('group'), Type.Literal('broadcast')]),
        title: titleSchema,
        members: Type.Array(UserIdSchema, { maxItems: 1000, description: 'User ids; the creator is added as owner' }),
        history_visible: Type.Optional(
          Type.Boolean({
            description:
              'New members see messages from before they joined. Default: true in broadcasts, false in groups',
          }),
        ),
        rules: Type.Optional(
          Type.Unsafe<Partial<Rules>>({
            ...Type.Partial(RulesSchema),
            description: 'Default in groups: members post and add, admins mention all; in broadcasts: only admins',
          }),
        ),
      }),
    ]),
    output: ConversationSchema,
    refusals: ['not_found', 'too_large', 'forbidden'],
    needs: 'token',
    scope: 'conversations:manage',
    changes: true,
    http: { method: 'POST', path: '/v1/conversations', tag, status: 201 },
  }),
  listConversations: operation({
    summary: 'All conversations of the user, newest activity first',
    input: Type.Object({ cursor: cursorSchema, limit: limitSchema }),
    output: Type.Object({
      conversations: Type.Array(ConversationSchema),
      cursor: Type.String(),
      has_more: Type.Boolean(),
    }),
    refusals: [],
    needs: 'token',
    scope: 'conversations:manage',
    changes: false,
    http: { method: 'GET', path: '/v1/conversations', tag, status: 200 },
  }),
  getConversation: operation({
    summary: 'One conversation',
    input: Type.Object(conversationKey),
    output: ConversationSchema,
    refusals: ['not_member'],
    needs: 'token',
    scope: 'conversations:manage',
    changes: false,
    http: { method: 'GET', path: '/v1/conversations/{conversation_id}', tag, status: 200 },
  }),
  updateConversation: operation({
    summary: 'Change the title, the rules, or whether new members see earlier messages; absent fields stay unchanged',
    input: Type.Object({
      ...conversationKey,
      title: Type.Optional(titleSchema),
      rules: Type.Optional(Type.Partial(RulesSchema)),
      history_visible: Type.Optional(Type.Boolean()),
    }),
    output: ConversationSchema,
    refusals: ['not_member', 'forbidden'],
    needs: 'token',
    scope: 'conversations:manage',
    changes: true,
    http: { method: 'PATCH', path: '/v1/conversations/{conversation_id}', tag, status: 200 },
  }),
  addMember: operation({
    summary: 'Add a member',
    input: Type.Object(memberKey),
    refusals: ['not_member', 'forbidden', 'not_found', 'too_large'],
    needs: 'token',
    scope: 'conversations:manage',
    changes: true,
    http: { method: 'PUT', path: '/v1/conversations/{conversation_id}/members/{user_id}', tag },
  }),
  removeMember: operation({
    summary: 'Remove a member, or leave',
    input: Type.Object(memberKey),
    refusals: ['not_member', 'forbidden', 'not_found'],
    needs: 'token',
    scope: 'conversations:manage',
    changes: true,
    http: { method: 'DELETE', path: '/v1/conversations/{conversation_id}/members/{user_id}', tag },
  }),
  setRole: operation({
    summary:
      'Change the role of a member; the role owner transfers the conversation, and its previous owner becomes an admin',
    input: Type.Object({ ...memberKey, role: MemberRoleSchema }),
    refusals: ['not_member', 'forbidden', 'not_found', 'conflict'],
    needs: 'token',
    scope: 'conversations:manage',
    changes: true,
    http: { method: 'PATCH', path: '/v1/conversations/{conversation_id}/members/{user_id}', tag },
  }),
  listMembers: operation({
    summary: 'Members with their positions, in a fixed order',
    input: Type.Object({ ...conversationKey, after: Type.Optional(UserIdSchema), limit: limitSchema }),
    output: Type.Object({
      members: Type.Array(MemberSchema),
      next: Type.Optional(Type.String({ description: 'Pass it as ?after= for the next page' })),
    }),
    refusals: ['not_member'],
    needs: 'token',
    scope: 'conversations:manage',
    changes: false,
    http: { method: 'GET', path: '/v1/conversations/{conversation_id}/members', tag, status: 200 },
  }),
} as const;
