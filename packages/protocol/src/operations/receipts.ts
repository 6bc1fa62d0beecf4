// Operations on receipts, typing indicators and presence.

import Type from 'typebox';
import { MemberSchema } from '../conversation.ts';
import { ConversationIdSchema, SeqSchema, UserIdSchema } from '../ids.ts';
import { PresenceSchema } from '../user.ts';
import { limitSchema } from './limit.ts';
import { operation } from './operation.ts';

const position = Type.Object({ conversation_id: ConversationIdSchema, seq: SeqSchema });

export const receiptOperations = {
  delivered: operation({
    summary: 'Report that this device has received everything up to seq',
    input: position,
    refusals: ['not_member'],
    needs: 'device',
    changes: true,
    frame: { up: 'delivered' },
  }),
  read: operation({
    summary: 'Report that the user has read everything up to seq',
    input: position,
    refusals: ['not_member'],
    needs: 'device',
    changes: true,
    frame: { up: 'read' },
  }),
  listReaders: operation({
    summary: 'The members other than the sender who have read, or received, a message; in a fixed order',
    input: Type.Object({
      conversation_id: ConversationIdSchema,
      target_seq: SeqSchema,
      state: Type.Optional(
        Type.Union([Type.Literal('read'), Type.Literal('delivered')], { description: 'Default: read' }),
      ),
      after: Type.Optional(UserIdSchema),
      limit: limitSchema,
    }),
    output: Type.Object({
      members: Type.Array(MemberSchema),
      count: Type.Integer({ description: 'Number of all such members, not only those of this page' }),
      next: Type.Optional(Type.String({ description: 'Pass it as ?after= for the next page' })),
    }),
    refusals: ['not_member', 'not_found'],
    needs: 'token',
    changes: false,
    http: {
      method: 'GET',
      path: '/v1/conversations/{conversation_id}/messages/{target_seq}/readers',
      tag: 'messages',
      status: 200,
    },
  }),
  typing: operation({
    summary: 'Report that the user is typing; best effort',
    input: Type.Object({ conversation_id: ConversationIdSchema }),
    refusals: ['not_member', 'forbidden'],
    needs: 'device',
    changes: false,
    frame: { up: 'typing' },
  }),
  presence: operation({
    summary: 'The presence of users; the connection then receives their changes',
    input: Type.Object({ user_ids: Type.Array(UserIdSchema, { maxItems: 500 }) }),
    output: Type.Object({ users: Type.Array(PresenceSchema) }),
    refusals: [],
    needs: 'device',
    changes: false,
    frame: { up: 'presence', down: 'presence_result' },
  }),
} as const;
