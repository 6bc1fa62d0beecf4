// Events for back ends: what webhooks receive and GET /v1/events returns. One schema for each event type.

import Type, { type TSchema } from 'typebox';
import { ContentSchema } from './content.ts';
import { ConversationKindSchema } from './conversation.ts';
import { MentionsSchema } from './entry.ts';
import { ClientMsgIdSchema, ConversationIdSchema, MsgIdSchema, SeqSchema, UserIdSchema } from './ids.ts';
import { MemberRoleSchema } from './member-role.ts';
import { RulesSchema } from './rules.ts';

const timestamp = Type.Integer({ description: 'Unix milliseconds, given by the server' });

/** Fields of every event made from a timeline entry. */
const entryFields = {
  conversation_id: ConversationIdSchema,
  msg_id: MsgIdSchema,
  seq: SeqSchema,
  from: UserIdSchema,
  to: Type.Optional(UserIdSchema),
  timestamp,
  client_msg_id: ClientMsgIdSchema,
};
/** Fields of events that change a message. */
const changeFields = {
  ...entryFields,
  target_seq: SeqSchema,
  target_msg_id: Type.Optional(MsgIdSchema),
};
const content = {
  ...ContentSchema,
  description:
    'The content as stored when the event is delivered: type hongyan.recalled after a recall, hongyan.removed after its retention',
} as typeof ContentSchema;
const receiptFields = {
  conversation_id: ConversationIdSchema,
  user_id: UserIdSchema,
  delivered_seq: SeqSchema,
  read_seq: SeqSchema,
  timestamp,
};

/** Type → `data` of the event. */
export const eventDataSchemas = {
  'message.created': Type.Object({
    ...entryFields,
    content,
    reply_to: Type.Optional(Type.Object({ seq: SeqSchema })),
    mentions: Type.Optional(MentionsSchema),
  }),
  'message.edited': Type.Object({ ...changeFields, content }),
  'message.recalled': Type.Object({ ...changeFields, reason: Type.Optional(Type.String()) }),
  'message.reacted': Type.Object({
    ...changeFields,
    changes: Type.Array(
      Type.Object({
        user_id: UserIdSchema,
        key: Type.String(),
        op: Type.Union([Type.Literal('add'), Type.Literal('remove')]),
      }),
      { description: 'Empty if the message was recalled since' },
    ),
  }),
  'message.pinned': Type.Object({ ...changeFields, pinned: Type.Boolean() }),
  'message.delivered': Type.Object(receiptFields, {
    description: 'The user has received everything up to delivered_seq',
  }),
  'message.read': Type.Object(receiptFields, { description: 'The user has read everything up to read_seq' }),
  'conversation.created': Type.Object({
    ...entryFields,
    kind: ConversationKindSchema,
    title: Type.Optional(Type.String()),
    user_ids: Type.Array(UserIdSchema, { description: 'Members without `from`, the first 50' }),
    user_count: Type.Integer({ description: 'Number of members without `from`' }),
  }),
  'conversation.updated': Type.Object(
    {
      ...entryFields,
      title: Type.Optional(Type.String()),
      rules: Type.Optional(Type.Partial(RulesSchema)),
      history_visible: Type.Optional(Type.Boolean()),
    },
    { description: 'Contains only what changed' },
  ),
  'conversation.member_joined': Type.Object({ ...entryFields, user_ids: Type.Array(UserIdSchema) }),
  'conversation.member_left': Type.Object({
    ...entryFields,
    user_ids: Type.Array(UserIdSchema),
    new_owner: Type.Optional(UserIdSchema),
  }),
  'conversation.role_changed': Type.Object({ ...entryFields, user_id: UserIdSchema, role: MemberRoleSchema }),
  'user.online': Type.Object({ user_id: UserIdSchema, timestamp }),
  'user.offline': Type.Object({ user_id: UserIdSchema, timestamp }),
  'device.registered': Type.Object({
    device_token: Type.String(),
    model: Type.Optional(Type.String()),
    firmware: Type.Optional(Type.String()),
    timestamp,
  }),
  'events.gap': Type.Object({
    reason: Type.Union([Type.Literal('retention'), Type.Literal('store_replaced'), Type.Literal('not_recorded')], {
      description:
        'retention: events were removed before delivery. store_replaced: the message storage was replaced. not_recorded: the event log could not be written for some time',
    }),
    timestamp,
  }),
  'webhook.test': Type.Object({ endpoint_id: Type.String(), timestamp }),
} as const satisfies Record<string, TSchema>;

export type EventType = keyof typeof eventDataSchemas;

export const eventTypes = Object.keys(eventDataSchemas) as readonly EventType[];
/** Delivered to every endpoint, whatever its filter. */
export const unfilteredTypes: readonly EventType[] = ['events.gap', 'webhook.test'];

export const isEventType = (text: string): text is EventType => Object.hasOwn(eventDataSchemas, text);

const envelope = {
  id: Type.String({ description: 'The same in every delivery of this event; also in the webhook-id header' }),
  timestamp: Type.String({ format: 'date-time', description: 'When the event happened' }),
  position: Type.String({
    description: 'Opaque place in the event log: pass it as `after` to GET /v1/events or to a replay',
  }),
};

export interface WireEvent {
  readonly id: string;
  readonly type: EventType;
  readonly timestamp: string;
  readonly position: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** The complete event of each type. */
export const eventSchemas = Object.fromEntries<TSchema>(
  eventTypes.map((type) => [
    type,
    Type.Object({ type: Type.Literal(type), ...envelope, data: eventDataSchemas[type] as TSchema }),
  ]),
) as Readonly<Record<EventType, TSchema>>;

/** An event of any type, for lists of events. */
export const EventSchema = Type.Unsafe<WireEvent>(
  Type.Object({
    type: Type.String({ description: 'Such as message.created; see docs/webhooks.md' }),
    ...envelope,
    data: Type.Object({}, { additionalProperties: true, description: 'Depends on the type; see webhooks' }),
  }),
);
