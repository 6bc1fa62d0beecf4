// Pulling events, for back ends that webhooks cannot reach.

import Type from 'typebox';
import { EventSchema } from '../events.ts';
import { limitSchema } from './limit.ts';
import { operation } from './operation.ts';

/** Longest wait of one request. */
export const eventsWaitSMax = 30;

export const eventOperations = {
  pullEvents: operation({
    summary: 'Events after a position, page by page; waits for the next event if there is none',
    input: Type.Object({
      after: Type.Optional(
        Type.String({ maxLength: 64, description: 'position of the previous page; absent: the oldest retained event' }),
      ),
      limit: limitSchema,
      wait_s: Type.Optional(
        Type.Integer({
          minimum: 0,
          maximum: eventsWaitSMax,
          description: 'How long to wait for the first event; an empty response may come earlier',
        }),
      ),
      types: Type.Optional(
        Type.String({ maxLength: 512, description: 'Event types, separated by commas; absent: all' }),
      ),
    }),
    output: Type.Object({
      events: Type.Array(EventSchema),
      position: Type.String({ description: 'Opaque: pass it as after in the next request' }),
      has_more: Type.Boolean({ description: 'More events exist already' }),
    }),
    refusals: ['conflict'],
    needs: 'key',
    scope: 'events:read',
    changes: false,
    http: { method: 'GET', path: '/v1/events', tag: 'events', status: 200, isSlow: true },
  }),
} as const;
