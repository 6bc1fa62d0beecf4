// A crowd on a cluster after a fault: back on its gateways, every send with an outcome, and then what clients saw is checked as in the
// embedded profile.

import type { ClientEvent, Violation } from '@hongyan/testing/history';
import { until } from '@hongyan/testing/until';
import { check } from './checker.ts';
import type { Crowd } from './crowd.ts';

const boundMs = 150_000;

/** Until every send has an outcome: what had none is sent again with its key. Returns the time it took. */
export async function settled(crowd: Crowd): Promise<number> {
  const beganMs = performance.now();
  await until(
    async () => {
      await crowd.comeBack();
      await crowd.settle();
      return crowd.openCount === 0;
    },
    { withinMs: boundMs, what: 'every send to have an outcome' },
  );
  return Math.round(performance.now() - beganMs);
}

/**
 * What a cluster may do and one process does not: a gateway asks another core again by itself, and an owner handles and publishes
 * again what may not have been [N6, K6]. The ack then says so, and a push comes twice; that none is left out is checked below.
 */
export async function violationsOf(
  crowd: Crowd,
  { isLossReported = false, fromEvent = 0 }: { readonly isLossReported?: boolean; readonly fromEvent?: number } = {},
): Promise<readonly unknown[]> {
  const isOfRepeats = ({ what }: Violation) =>
    ['the only attempt is marked duplicate', 'a connection was pushed a wrong next seq'].includes(what);
  const found = check(crowd.events, await crowd.aftermath());
  return [
    ...found.filter((violation) => !isOfRepeats(violation)),
    // A connection that has missed something is told to come back at a moment of its own, and goes on until then.
    ...(isLossReported ? [] : skippedPushes(crowd.events, fromEvent)),
  ];
}

/** How often clients were told what: a refusal by its code, and what the server could not tell. */
export function answersOf(events: readonly ClientEvent[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const event of events)
    if (event.type === 'refused' || event.type === 'undecided')
      counts.set(event.code, (counts.get(event.code) ?? 0) + 1);
  return counts;
}

/** [D4] Between two pushes of a connection there is nothing that its device has not seen, by whatever way. */
function skippedPushes(events: readonly ClientEvent[], from: number): readonly unknown[] {
  const newest = new Map<string, number>();
  const seen = new Set<string>();
  return events.filter((event, index) => {
    if (event.type !== 'seen') return false;
    const { conversation_id: conversation, seq } = event.entry;
    const at = (place: number) => `${event.deviceId} ${conversation} ${place}`;
    seen.add(at(seq));
    if (event.via !== 'push') return false;
    const key = `${event.connection} ${conversation}`;
    const before = newest.get(key) ?? seq;
    newest.set(key, Math.max(before, seq));
    for (let between = before + 1; between < seq; between++) if (!seen.has(at(between))) return index >= from;
    return false;
  });
}
