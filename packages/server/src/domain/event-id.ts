// Ids of events. They are deterministic, so that an event appended or delivered again after a crash is recognised as a repeat [W4].

import type { MsgId } from '@hongyan/protocol/ids';

/** The id of the event of a timeline entry. */
export const entryEventId = (msgId: MsgId): string => `evt_${msgId}`;

/** The id of any other event, derived from the parts that identify it. */
export function eventIdOf(...parts: readonly (string | number)[]): string {
  const digest = new Bun.CryptoHasher('sha256').update(JSON.stringify(parts)).digest('hex');
  return `evt_${digest.slice(0, 32)}`;
}
