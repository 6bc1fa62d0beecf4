// Operations on messages: sending, catching up, reading, and the delivery status of a message.

import Type, { type Static } from 'typebox';
import { ContentSchema } from '../content.ts';
import { ConversationSchema } from '../conversation.ts';
import { EntrySchema, MentionsSchema, MessageStatusSchema } from '../entry.ts';
import {
  ClientMsgIdSchema,
  ConversationIdSchema,
  DeviceIdSchema,
  MsgIdSchema,
  type Seq,
  SeqSchema,
  UserIdSchema,
} from '../ids.ts';
import { UserSchema } from '../user.ts';
import { AckSchema } from './ack.ts';
import { limitSchema } from './limit.ts';
import { operation } from './operation.ts';

const tag = 'messages';

/** Positions of a member, and the resulting status of the message. */
const MemberPlaceSchema = Type.Object({
  user_id: UserIdSchema,
  delivered_seq: SeqSchema,
  read_seq: SeqSchema,
  status: MessageStatusSchema,
});
/** The same for a device of the reader. */
const DevicePlaceSchema = Type.Object({
  device_id: DeviceIdSchema,
  name: Type.String({ description: 'Name of the client; may be empty' }),
  delivered_seq: SeqSchema,
  read_seq: SeqSchema,
  status: MessageStatusSchema,
  online: Type.Boolean(),
});

/** [D6, M16] */
export const MessagePlaceSchema = Type.Object({
  message: EntrySchema,
  status: MessageStatusSchema,
  delivered_count: Type.Integer({ description: 'Members other than the sender who have received it' }),
  read_count: Type.Integer(),
  recipient_count: Type.Integer({ description: 'Members other than the sender' }),
  members: Type.Array(MemberPlaceSchema, {
    description: 'Members other than the sender, at most limits.receipts_push_max; the counts include all members',
  }),
  devices: Type.Array(DevicePlaceSchema, { description: 'Devices of the reader' }),
});
export type MessagePlace = Static<typeof MessagePlaceSchema>;

export const messageOperations = {
  send: operation({
    summary: 'Send a message',
    input: Type.Object(
      {
        to: Type.Optional(UserIdSchema),
        conversation_id: Type.Optional(ConversationIdSchema),
        client_msg_id: ClientMsgIdSchema,
        content: ContentSchema,
        reply_to: Type.Optional(Type.Object({ seq: SeqSchema }, { description: 'The replied message' })),
        mentions: Type.Optional(MentionsSchema),
      },
      {
        description: 'Exactly one of to and conversation_id',
        oneOf: [{ required: ['to'] }, { required: ['conversation_id'] }],
      },
    ),
    output: AckSchema,
    refusals: ['not_member', 'forbidden', 'not_found', 'conflict', 'too_large'],
    needs: 'token',
    scope: 'messages:send',
    changes: true,
    frame: { up: 'send', down: 'ack' },
    http: { method: 'POST', path: '/v1/messages', tag, status: 201 },
  }),
  sync: operation({
    summary:
      'Conversations that changed since the cursor, or in which this device lacks entries; newest activity first',
    input: Type.Object({
      cursor: Type.Optional(Type.String({ maxLength: 512 })),
      limit: limitSchema,
      full: Type.Optional(Type.Boolean({ description: 'All conversations, for a device that lost its state' })),
    }),
    output: Type.Object({
      conversations: Type.Array(ConversationSchema),
      cursor: Type.String({
        description: 'Opaque. Pass it to the next sync; if has_more is true, immediately, for the next page',
      }),
      has_more: Type.Boolean(),
      conversation_count: Type.Integer({
        description:
          'Number of conversations of the user. A device with another number has left conversations while it was away',
      }),
      private_seq: Type.Unsafe<Static<typeof SeqSchema>>(
        Type.Integer({ minimum: 0, description: "Last seq of the user's private timeline" }),
      ),
    }),
    refusals: [],
    needs: 'device',
    changes: false,
    frame: { up: 'sync', down: 'sync_result' },
  }),
  history: operation({
    summary:
      'A page of messages in their present form; without bounds the newest. `limit` counts messages; changes of members and title between them are included',
    input: Type.Object(
      {
        conversation_id: ConversationIdSchema,
        after_seq: Type.Optional(SeqSchema),
        before_seq: Type.Optional(SeqSchema),
        limit: limitSchema,
      },
      { description: 'At most one of after_seq and before_seq', not: { required: ['after_seq', 'before_seq'] } },
    ),
    output: Type.Object({
      conversation_id: ConversationIdSchema,
      entries: Type.Array(EntrySchema, {
        description: 'Ascending by seq; edits, recalls and reactions are applied to their messages',
      }),
      first_seq: SeqSchema,
      last_seq: SeqSchema,
      has_more: Type.Boolean({ description: 'More entries exist in the requested direction' }),
    }),
    refusals: ['not_member'],
    needs: 'token',
    changes: false,
    frame: { up: 'history', down: 'history_result' },
    http: { method: 'GET', path: '/v1/conversations/{conversation_id}/messages', tag, status: 200 },
  }),
  catchUp: operation({
    summary: 'Every entry after a seq as it was committed, without gaps: what a device missed while it was away',
    input: Type.Object({
      conversation_id: ConversationIdSchema,
      after_seq: SeqSchema,
      limit: limitSchema,
      only: Type.Optional(
        Type.Literal('state', {
          description:
            'Only state entries, for a client that has the messages already; limit counts all scanned entries',
        }),
      ),
    }),
    output: Type.Object({
      conversation_id: ConversationIdSchema,
      entries: Type.Array(EntrySchema, {
        description: 'Ascending by seq, without gaps unless `only` is given; recalled contents are erased',
      }),
      through_seq: Type.Unsafe<Seq>(
        Type.Integer({ description: 'All entries up to it were scanned: pass it as after_seq for the next page' }),
      ),
      first_seq: SeqSchema,
      last_seq: SeqSchema,
      has_more: Type.Boolean(),
    }),
    refusals: ['not_member'],
    needs: 'token',
    changes: false,
    frame: { up: 'catch_up', down: 'catch_up_result' },
    http: { method: 'GET', path: '/v1/conversations/{conversation_id}/entries', tag, status: 200 },
  }),
  getMessage: operation({
    summary: 'The status of a message for each member, and for the devices of the reader',
    input: Type.Object({ msg_id: MsgIdSchema }),
    output: MessagePlaceSchema,
    refusals: ['not_found'],
    needs: 'token',
    scope: 'messages:send',
    changes: false,
    http: { method: 'GET', path: '/v1/messages/{msg_id}', tag, status: 200 },
  }),
  findMessage: operation({
    summary: 'The outcome of a send that timed out [D6]',
    input: Type.Object({ client_msg_id: ClientMsgIdSchema }),
    output: MessagePlaceSchema,
    refusals: ['not_found'],
    needs: 'token',
    scope: 'messages:send',
    changes: false,
    http: { method: 'GET', path: '/v1/messages/by-client-id/{client_msg_id}', tag, status: 200 },
  }),
  listReactions: operation({
    summary: 'The users who reacted to a message, each with their keys; in a fixed order',
    input: Type.Object({
      conversation_id: ConversationIdSchema,
      target_seq: SeqSchema,
      key: Type.Optional(Type.String({ minLength: 1, maxLength: 64, description: 'Only users with this reaction' })),
      after: Type.Optional(UserIdSchema),
      limit: limitSchema,
    }),
    output: Type.Object({
      users: Type.Array(
        Type.Object({
          ...UserSchema.properties,
          keys: Type.Array(Type.String(), { description: 'In the order in which the keys were first used' }),
        }),
      ),
      count: Type.Integer({ description: 'Number of all such users, not only those of this page' }),
      next: Type.Optional(Type.String({ description: 'Pass it as ?after= for the next page' })),
    }),
    refusals: ['not_member', 'not_found'],
    needs: 'token',
    changes: false,
    http: {
      method: 'GET',
      path: '/v1/conversations/{conversation_id}/messages/{target_seq}/reactions',
      tag,
      status: 200,
    },
  }),
} as const;
