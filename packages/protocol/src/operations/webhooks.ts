// Operations with which back ends manage webhooks: endpoints, their progress, and failed deliveries.

import Type from 'typebox';
import { operation } from './operation.ts';

const path = '/v1/webhooks';
const tag = 'webhooks';

const endpoint_id = Type.String({
  minLength: 1,
  maxLength: 64,
  description: 'The id from the response to its creation',
});
const ofEndpoint = Type.Object({ endpoint_id });
const url = Type.String({ minLength: 1, maxLength: 2_048, examples: ['https://app.example.org/hooks'] });
const types = Type.Array(Type.String({ maxLength: 64 }), {
  maxItems: 100,
  description: 'Event types; empty: all, including those that later versions add',
  examples: [['message.created', 'message.recalled']],
});
const secret = Type.String({
  maxLength: 128,
  description: 'whsec_ and base64: the key that signs its deliveries',
  examples: ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'],
});
const position = Type.String({
  maxLength: 64,
  description: 'Opaque position of an event',
  examples: ['7c2f90a1b3d4.1204'],
});
const atMs = (description: string) => Type.Integer({ description: `Unix milliseconds: ${description}` });

const endpointFields = {
  id: Type.String({ examples: ['wh_q3Zk0c1fVt2y'] }),
  url,
  types,
  enabled: Type.Boolean(),
  disabled_reason: Type.Optional(
    Type.String({ description: 'Why the endpoint is disabled', examples: ['switched off'] }),
  ),
  created_at: atMs('when it was created'),
  old_secret_until: Type.Optional(atMs('until when the previous secret also signs')),
};
const EndpointSchema = Type.Object({
  ...endpointFields,
  position,
  behind: Type.Integer({ description: 'Number of events after its position, of all types' }),
  waiting: Type.Integer({ description: 'Number of events that wait for another attempt' }),
  dead_letters: Type.Integer({ description: 'Number of events whose last attempt failed' }),
  failures: Type.Integer({ description: 'Failed attempts since the last success' }),
  failing_since: Type.Optional(atMs('when the first of these failures happened')),
});
const event = { event_id: Type.String(), type: Type.String({ examples: ['message.created'] }), position };

const ofKey = { needs: 'key', scope: 'webhooks:manage' } as const;

export const webhookOperations = {
  listWebhooks: operation({
    summary: 'The endpoints to which events are sent',
    input: Type.Object({}),
    output: Type.Object({
      endpoints: Type.Array(EndpointSchema),
      types: Type.Array(Type.String(), {
        description: 'Event types that an endpoint can receive',
        examples: [['message.created']],
      }),
    }),
    refusals: ['conflict'],
    ...ofKey,
    changes: false,
    http: { method: 'GET', path, tag, status: 200 },
  }),
  addWebhook: operation({
    summary: 'Send new events to a URL; only this response contains the secret that signs them',
    input: Type.Object({ url, types: Type.Optional(types), secret: Type.Optional(secret) }),
    output: Type.Object({ ...endpointFields, secret }),
    refusals: ['conflict', 'too_large'],
    ...ofKey,
    changes: true,
    http: { method: 'POST', path, tag, status: 201 },
  }),
  getWebhook: operation({
    summary: 'One endpoint and its progress',
    input: ofEndpoint,
    output: EndpointSchema,
    refusals: ['not_found', 'conflict'],
    ...ofKey,
    changes: false,
    http: { method: 'GET', path: `${path}/{endpoint_id}`, tag, status: 200 },
  }),
  changeWebhook: operation({
    summary: 'Change the URL or the event types, disable or enable it; its position stays',
    input: Type.Object({
      endpoint_id,
      url: Type.Optional(url),
      types: Type.Optional(types),
      enabled: Type.Optional(Type.Boolean()),
    }),
    refusals: ['not_found', 'conflict'],
    ...ofKey,
    changes: true,
    http: { method: 'PATCH', path: `${path}/{endpoint_id}`, tag },
  }),
  removeWebhook: operation({
    summary: 'Stop sending events, and delete the position and the dead letters',
    input: ofEndpoint,
    refusals: ['not_found', 'conflict'],
    ...ofKey,
    changes: true,
    http: { method: 'DELETE', path: `${path}/{endpoint_id}`, tag },
  }),
  testWebhook: operation({
    summary: 'Send one event of type webhook.test now, and return the result',
    input: ofEndpoint,
    output: Type.Object({
      outcome: Type.String({ description: 'delivered, failed, or gone', examples: ['delivered'] }),
      status: Type.Integer({ description: 'HTTP status; 0 without a response', examples: [200] }),
      error: Type.Optional(Type.String()),
      duration_ms: Type.Integer(),
    }),
    refusals: ['not_found', 'conflict'],
    ...ofKey,
    changes: false,
    http: { method: 'POST', path: `${path}/{endpoint_id}/test`, tag, status: 200, isSlow: true },
  }),
  rotateWebhookSecret: operation({
    summary: 'Sign with a new secret; the previous one also signs for a while',
    input: Type.Object({
      endpoint_id,
      overlap_hours: Type.Optional(Type.Number({ minimum: 0, maximum: 720, description: 'Default: 24' })),
      secret: Type.Optional(secret),
    }),
    output: Type.Object({ secret }),
    refusals: ['not_found', 'conflict'],
    ...ofKey,
    changes: true,
    http: { method: 'POST', path: `${path}/{endpoint_id}/rotate`, tag, status: 200 },
  }),
  replayWebhook: operation({
    summary: 'Deliver again: all events after a position, all retained events, or dead letters',
    input: Type.Object({
      endpoint_id,
      after: Type.Optional(position),
      dead: Type.Optional(Type.Boolean({ description: 'Deliver dead letters instead: all, or the one at position' })),
      position: Type.Optional(position),
    }),
    output: Type.Object({
      replayed: Type.Optional(Type.Integer({ description: 'Number of dead letters that are delivered again' })),
    }),
    refusals: ['not_found', 'conflict'],
    ...ofKey,
    changes: true,
    http: { method: 'POST', path: `${path}/{endpoint_id}/replay`, tag, status: 200 },
  }),
  listWebhookAttempts: operation({
    summary: 'The last hundred attempts, newest first',
    input: ofEndpoint,
    output: Type.Object({
      attempts: Type.Array(
        Type.Object({
          ...event,
          at: atMs('when the attempt was made'),
          duration_ms: Type.Integer(),
          status: Type.Integer({ description: 'HTTP status; 0 without a response', examples: [200] }),
          error: Type.Optional(Type.String({ examples: ['HTTP 503'] })),
        }),
      ),
    }),
    refusals: ['not_found', 'conflict'],
    ...ofKey,
    changes: false,
    http: { method: 'GET', path: `${path}/{endpoint_id}/attempts`, tag, status: 200 },
  }),
  listWebhookDeadLetters: operation({
    summary: 'Events whose delivery was given up',
    input: ofEndpoint,
    output: Type.Object({
      dead_letters: Type.Array(
        Type.Object({
          ...event,
          attempts: Type.Integer(),
          error: Type.String({ examples: ['HTTP 503'] }),
          at: atMs('when it was given up'),
        }),
      ),
    }),
    refusals: ['not_found', 'conflict'],
    ...ofKey,
    changes: false,
    http: { method: 'GET', path: `${path}/{endpoint_id}/dead-letters`, tag, status: 200 },
  }),
} as const;

export type WebhookOperation = keyof typeof webhookOperations;
