// Operations on the private timeline of the caller: settings that apply to all devices of one user [E20–E25].

import Type from 'typebox';
import type { PrivateChange } from '../content.ts';
import { ClientMsgIdSchema, ConversationIdSchema, DeviceIdSchema, type Seq, SeqSchema } from '../ids.ts';
import { AckSchema } from './ack.ts';
import { limitSchema } from './limit.ts';
import { operation } from './operation.ts';

const tag = 'private';
const path = '/v1/me/private';
const conversation = { conversation_id: ConversationIdSchema };
const orNull = (schema: Type.TSchema, options: Type.TSchemaOptions) => Type.Union([schema, Type.Null()], options);
const kind = <T extends PrivateChange['type']>(type: T) => ({ type: Type.Literal(type) });

const PrivateChangeSchema = Type.Unsafe<PrivateChange>(
  Type.Union([
    Type.Object({
      ...{ ...kind('mute'), ...conversation },
      until: orNull(Type.Integer({ minimum: 0 }), { description: 'Unix milliseconds; null ends the mute' }),
    }),
    Type.Object({ ...kind('pin'), ...conversation, pinned: Type.Boolean() }),
    Type.Object({
      ...{ ...kind('archive'), ...conversation },
      count: orNull(Type.Integer({ minimum: 0 }), {
        description:
          'last_count of the conversation as the user saw it: a further message ends the archiving; null ends it too',
      }),
    }),
    Type.Object({
      ...{ ...kind('draft'), ...conversation },
      text: Type.String({ description: 'Empty: removes the draft' }),
      base_revision: Type.Integer({
        minimum: 0,
        description:
          'seq of the draft that this one continues, 0 for none; newer texts of other devices are retained beside it',
      }),
    }),
    Type.Object({ ...kind('read'), ...conversation, seq: SeqSchema }),
    Type.Object({
      ...kind('setting'),
      name: Type.String({ pattern: '^[A-Za-z0-9_.-]{1,64}$' }),
      value: Type.Unknown({ description: 'Any JSON of up to 4,096 bytes; null removes the setting' }),
    }),
  ]),
);

/** Fields of a change in its entry and in the present state. */
const changeFields = {
  change: PrivateChangeSchema,
  device_id: Type.Optional(DeviceIdSchema),
  others: Type.Optional(
    Type.Array(Type.Object({ text: Type.String(), device_id: Type.Optional(DeviceIdSchema) }), {
      description: 'For a draft: texts of other devices that it does not continue',
    }),
  ),
};

export const privateOperations = {
  setPrivate: operation({
    summary:
      'Mute, pin or archive a conversation, store a draft or a setting, or read without a receipt; only the caller sees it',
    input: Type.Object({ client_msg_id: ClientMsgIdSchema, change: PrivateChangeSchema }),
    output: AckSchema,
    refusals: ['not_member', 'conflict', 'too_large'],
    needs: 'token',
    changes: true,
    frame: { up: 'set_private', down: 'ack' },
    http: { method: 'PATCH', path, tag, status: 200 },
  }),
  privateState: operation({
    summary: 'The present state of the private timeline: the newest change of each key that has a value',
    input: Type.Object({
      after: Type.Optional(Type.String({ maxLength: 256, description: '`next` of the previous page' })),
      limit: limitSchema,
    }),
    output: Type.Object({
      as_of_seq: Type.Unsafe<Seq>(
        Type.Integer({
          minimum: 0,
          description: 'The state includes every entry up to this seq, and possibly later ones',
        }),
      ),
      items: Type.Array(Type.Object({ seq: SeqSchema, ...changeFields })),
      next: Type.Optional(Type.String({ description: 'Pass it as `after` for the next page' })),
    }),
    refusals: [],
    needs: 'token',
    changes: false,
    frame: { up: 'private_state', down: 'private_state_result' },
    http: { method: 'GET', path, tag, status: 200 },
  }),
} as const;
