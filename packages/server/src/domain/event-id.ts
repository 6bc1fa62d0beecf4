// Ids of events. The same happening has the same id, so that what is appended or sent again after a crash is known as a repeat [W4].

import type { MsgId } from '@hongyan/protocol/ids';

/** Of an entry of a timeline. */
export const entryEventId = (msgId: MsgId): string => `evt_${msgId}`;

/** Of anything else, from what makes it one of its kind. */
export function eventIdOf(...parts: readonly (string | number)[]): string {
  const digest = new Bun.CryptoHasher('sha256').update(JSON.stringify(parts)).digest('hex');
  return `evt_${digest.slice(0, 32)}`;
}
