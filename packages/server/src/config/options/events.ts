// The event log, webhooks, and tasks of workers.

import { mebibyte, number, onOff } from '../option.ts';

export const eventOptions = [
  onOff('events-pull', false, 'Events are recorded for GET /v1/events even if no webhook subscribes to them'),
  number('events-retention-hours', 168, 'hours', [1, 8_760], 'Events older than this are removed, delivered or not'),
  number(
    'events-bytes-max',
    1024 * mebibyte,
    'bytes',
    [mebibyte, Number.MAX_SAFE_INTEGER],
    'Size of the event log; beyond it the oldest events are removed, delivered or not',
  ),
  onOff('webhook-private-addresses', false, 'Webhooks may go to addresses of this machine and of private networks'),
  number('webhook-concurrency', 8, 'requests', [1, 256], 'Requests in flight per webhook endpoint'),
  number(
    'webhook-timeout-ms',
    10_000,
    'ms',
    [50, 120_000],
    'Time limit for the answer of a webhook endpoint; after it the attempt has failed',
  ),
  number(
    'webhook-attempts-max',
    12,
    'attempts',
    [1, 100],
    'Attempts per event; after the last one the event is a dead letter of its endpoint',
  ),
  number(
    'webhook-retry-ms',
    5_000,
    'ms',
    [10, 3_600_000],
    'Pause before the second attempt; each further pause is four times as long, up to twelve hours',
  ),
  number(
    'webhook-waiting-max',
    10_000,
    'events',
    [1, 1_000_000],
    'Events per endpoint that wait behind failed ones of their conversations; beyond it all events of the endpoint wait',
  ),
  number('webhook-give-up-hours', 120, 'hours', [1, 8_760], 'An endpoint without a success for this long is disabled'),
  number(
    'tasks-max',
    100_000,
    'tasks',
    [1, 10_000_000],
    'Tasks that wait for a worker; further ones are refused as overloaded',
  ),
  number(
    'task-bytes-max',
    512 * mebibyte,
    'bytes',
    [1024, 65_536 * mebibyte],
    'Size of all tasks that wait for a worker; further ones are refused as overloaded',
  ),
  number(
    'dead-letters-max',
    10_000,
    'tasks',
    [1, 1_000_000],
    'Failed tasks that are stored for inspection and replay; beyond it the oldest are removed',
  ),
] as const;
