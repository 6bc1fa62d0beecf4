// The names of the client's events, for those that arrive without types.

import type { ClientEvents } from './api.ts';

export const eventNames = {
  state: true,
  message: true,
  changed: true,
  outbox: true,
  conversation: true,
  left: true,
  settings: true,
  receipt: true,
  notices: true,
  typing: true,
  presence: true,
  warning: true,
  gap: true,
} as const satisfies Readonly<Record<keyof ClientEvents, true>>;
