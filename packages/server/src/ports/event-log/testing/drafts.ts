// Events for the tests of the event log: short to write, each with an id of its own.

import type { EventLog, NewEvent } from '../event-log.ts';
import type { Endpoint } from '../webhooks.ts';

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

export const endpoint = (draft: Partial<Endpoint> = {}): Endpoint => ({
  id: 'wh_1',
  url: 'https://hooks.example.org/',
  types: [],
  secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
  oldSecret: undefined,
  isEnabled: true,
  disabledReason: '',
  createdAtMs: 1,
  progress: { cursor: 0, failures: 0, failingSinceMs: 0, pausedUntilMs: 0 },
  ...draft,
});
