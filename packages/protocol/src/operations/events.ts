// Pulling events: for an application's back end that webhooks cannot reach.

import Type from 'typebox';
import { EventSchema } from '../events.ts';
import { limitSchema } from './limit.ts';
import { operation } from './operation.ts';

/** Longest wait of one request. */
export const eventsWaitSMax = 30;

export const eventOperations = {
  pullEvents: operation({
    summary: 'What happened after a position, page by page; the next event is waited for where there is none',
    input: Type.Object({
      after: Type.Optional(
        Type.String({ maxLength: 64, description: 'position of the page before; absent: the oldest event kept' }),
      ),
      limit: limitSchema,
      wait_s: Type.Optional(
        Type.Integer({
          minimum: 0,
          maximum: eventsWaitSMax,
          description: 'How long to wait for the first event; the answer may be empty earlier',
        }),
      ),
      types: Type.Optional(
        Type.String({ maxLength: 512, description: 'Types of events, with commas between them; absent: all' }),
      ),
    }),
    output: Type.Object({
      events: Type.Array(EventSchema),
      position: Type.String({ description: 'Opaque: after of the next request' }),
      has_more: Type.Boolean({ description: 'There are more already' }),
    }),
    refusals: ['conflict'],
    needs: 'key',
    scope: 'events:read',
    changes: false,
    http: { method: 'GET', path: '/v1/events', tag: 'events', status: 200, isSlow: true },
  }),
} as const;
