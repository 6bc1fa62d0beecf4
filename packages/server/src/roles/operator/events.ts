// [W10] Events for operators, page by page, from a position on.

import type { EventType } from '@hongyan/protocol/events';
import { eventTypes, unfilteredTypes } from '@hongyan/protocol/events';
import { eventsWaitSMax } from '@hongyan/protocol/operations/events';
import { refusal } from '@hongyan/protocol/refusals';
import type { EventReader } from '../../ports/event-log/event-reader.ts';
import type { OperatorRoute } from './route.ts';

const pageSize = 100;
const pageMax = 500;

/** `reader`: absent where events are not pulled. */
export function eventsRoute(reader: EventReader | undefined): OperatorRoute {
  return {
    method: 'GET',
    path: '/admin/v1/events',
    isSlow: true,
    async handle({ query, signal }) {
      if (!reader) return refusal.eventsNotRecorded();
      const names = query.get('types')?.split(',') ?? [];
      const unknown = names.find((name) => !(eventTypes as readonly string[]).includes(name));
      if (unknown !== undefined)
        return refusal.invalid(`unknown event type ${unknown}; the types are ${eventTypes.join(', ')}`);
      const limit = numberOf(query, 'limit', { standard: pageSize, max: pageMax });
      const waitS = numberOf(query, 'wait_s', { standard: 0, max: eventsWaitSMax });
      if (limit === undefined || limit === 0) return refusal.invalid(`limit must be a number from 1 to ${pageMax}`);
      if (waitS === undefined) return refusal.invalid(`wait_s must be a number from 0 to ${eventsWaitSMax}`);
      return reader.pull({
        ...{ after: query.get('after') ?? undefined, limit, waitMs: waitS * 1000, signal },
        types: names.length === 0 ? undefined : [...(names as EventType[]), ...unfilteredTypes],
      });
    },
  };
}

function numberOf(
  query: URLSearchParams,
  name: string,
  { standard, max }: { readonly standard: number; readonly max: number },
): number | undefined {
  const text = query.get(name);
  if (text === null) return standard;
  return /^\d{1,4}$/.test(text) && Number(text) <= max ? Number(text) : undefined;
}
