// Operations that change a message after it was sent. Each behaves like a send: idempotent by client_msg_id, acknowledged once
// durable, pushed to every member as an entry [E2].

import Type from 'typebox';
import { ContentSchema } from '../content.ts';
import { EntrySchema } from '../entry.ts';
import { ClientMsgIdSchema, ConversationIdSchema, type Seq, SeqSchema } from '../ids.ts';
import { AckSchema } from './ack.ts';
import { operation } from './operation.ts';

const tag = 'messages';
const path = '/v1/conversations/{conversation_id}/messages/{target_seq}';
const change = {
  conversation_id: ConversationIdSchema,
  target_seq: SeqSchema,
  client_msg_id: ClientMsgIdSchema,
};

export const messageChangeOperations = {
  edit: operation({
    summary: 'Replace the content of a message that the caller sent',
    input: Type.Object({
      ...change,
      content: ContentSchema,
      expect_seq: Type.Optional(
        Type.Unsafe<Seq>(
          Type.Integer({
            minimum: 0,
            description:
              'The latest edit that the caller has seen (`edited` of the message, 0 for none): a newer edit is a conflict',
          }),
        ),
      ),
    }),
    output: AckSchema,
    refusals: ['not_member', 'forbidden', 'not_found', 'conflict', 'too_large'],
    needs: 'token',
    scope: 'messages:send',
    changes: true,
    frame: { up: 'edit', down: 'ack' },
    http: { method: 'PUT', path, tag, status: 200 },
  }),
  recall: operation({
    summary: 'Erase the content of a message for everyone; its seq remains',
    input: Type.Object({ ...change, reason: Type.Optional(Type.String({ minLength: 1, maxLength: 256 })) }),
    output: AckSchema,
    refusals: ['not_member', 'forbidden', 'not_found', 'conflict'],
    needs: 'token',
    scope: 'messages:send',
    changes: true,
    frame: { up: 'recall', down: 'ack' },
    http: { method: 'DELETE', path, tag, status: 200 },
  }),
  react: operation({
    summary: 'Add or remove a reaction; a user can add each key once',
    input: Type.Object({
      ...change,
      key: Type.String({ minLength: 1, maxLength: 64, description: 'An emoji, or a name defined by the application' }),
      op: Type.Union([Type.Literal('add'), Type.Literal('remove')]),
    }),
    output: AckSchema,
    refusals: ['not_member', 'not_found', 'conflict', 'too_large'],
    needs: 'token',
    scope: 'messages:send',
    changes: true,
    frame: { up: 'react', down: 'ack' },
    http: { method: 'POST', path: `${path}/reactions`, tag, status: 200 },
  }),
  pin: operation({
    summary: 'Pin a message in its conversation',
    input: Type.Object(change),
    output: AckSchema,
    refusals: ['not_member', 'forbidden', 'not_found', 'conflict', 'too_large'],
    needs: 'token',
    scope: 'messages:send',
    changes: true,
    frame: { up: 'pin', down: 'ack' },
    http: { method: 'PUT', path: `${path}/pin`, tag, status: 200 },
  }),
  unpin: operation({
    summary: 'Unpin a message',
    input: Type.Object(change),
    output: AckSchema,
    refusals: ['not_member', 'forbidden', 'not_found', 'conflict'],
    needs: 'token',
    scope: 'messages:send',
    changes: true,
    frame: { up: 'unpin', down: 'ack' },
    http: { method: 'DELETE', path: `${path}/pin`, tag, status: 200 },
  }),
  listPinned: operation({
    summary: 'The pinned messages of a conversation, in their present form',
    input: Type.Object({ conversation_id: ConversationIdSchema }),
    output: Type.Object({
      entries: Type.Array(EntrySchema, {
        description: 'Ascending by seq; the server option pinned-max is their upper limit',
      }),
    }),
    refusals: ['not_member'],
    needs: 'token',
    changes: false,
    http: { method: 'GET', path: '/v1/conversations/{conversation_id}/pinned', tag, status: 200 },
  }),
} as const;
