// The operation pullEvents: pages of the event log.

import { eventTypes, isEventType, unfilteredTypes } from '@hongyan/protocol/events';
import type { Input, Output } from '@hongyan/protocol/operations/operations';
import { type Result, refusal } from '@hongyan/protocol/refusals';
import type { CoreDeps } from './deps.ts';

const pageSize = 100;

/** [W10] */
export async function pullEvents(
  { eventReader, limits }: Pick<CoreDeps, 'eventReader' | 'limits'>,
  { after, limit = pageSize, wait_s = 0, types }: Input<'pullEvents'>,
): Promise<Result<Output<'pullEvents'>>> {
  if (!eventReader) return refusal.eventsNotRecorded();
  const names = types?.split(',') ?? [];
  const unknown = names.find((name) => !isEventType(name));
  if (unknown !== undefined)
    return refusal.invalid(`unknown event type ${unknown}; the types are ${eventTypes.join(', ')}`);
  const wanted = names.length === 0 ? undefined : [...names.filter(isEventType), ...unfilteredTypes];
  return eventReader.pull({
    after,
    limit: Math.min(limit, limits.pageMax),
    types: wanted,
    waitMs: Math.min(wait_s * 1000, limits.eventsWaitMsMax),
  });
}
