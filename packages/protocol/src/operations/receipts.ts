// Operations on how far a device has received and read, and on what is shown while it lasts.

import Type from 'typebox';
import { ConversationIdSchema, SeqSchema, UserIdSchema } from '../ids.ts';
import { PresenceSchema } from '../user.ts';
import { operation } from './operation.ts';

const position = Type.Object({ conversation_id: ConversationIdSchema, seq: SeqSchema });

export const receiptOperations = {
  delivered: operation({
    summary: 'This device has received everything up to seq',
    input: position,
    refusals: ['not_member'],
    needs: 'device',
    changes: true,
    frame: { up: 'delivered' },
  }),
  read: operation({
    summary: 'The user has read everything up to seq',
    input: position,
    refusals: ['not_member'],
    needs: 'device',
    changes: true,
    frame: { up: 'read' },
  }),
  typing: operation({
    summary: 'The user is typing; best effort',
    input: Type.Object({ conversation_id: ConversationIdSchema }),
    refusals: ['not_member', 'forbidden'],
    needs: 'device',
    changes: false,
    frame: { up: 'typing' },
  }),
  presence: operation({
    summary: 'Who is online; the connection then receives changes',
    input: Type.Object({ user_ids: Type.Array(UserIdSchema, { maxItems: 500 }) }),
    output: Type.Object({ users: Type.Array(PresenceSchema) }),
    refusals: [],
    needs: 'device',
    changes: false,
    frame: { up: 'presence', down: 'presence_result' },
  }),
} as const;
