// Events for the tests of the event log: short to write, each with an id of its own.

import type { EventLog, NewEvent } from '../event-log.ts';

export interface Current {
  log(): EventLog;
  reopen(): Promise<void>;
}

/** All have the same number of digits, and so events the same size. */
let count = 1_000_000;
export const event = (draft: Partial<NewEvent> = {}): NewEvent => ({
  id: `evt_${++count}`,
  type: 'message.created',
  atMs: 1_000,
  lane: 'g:1',
  dataJson: `{"n":${count}}`,
  ...draft,
});
export const events = (size: number, draft: Partial<NewEvent> = {}) => Array.from({ length: size }, () => event(draft));
