// Connections of clients, and the links between gateways and the core.

import { mebibyte, number } from '../option.ts';

export const connectionOptions = [
  number(
    'connections-max',
    1_000_000,
    'connections',
    [1, 10_000_000],
    'Connections per gateway; beyond it they are refused as overloaded',
  ),
  number(
    'heartbeat-ms',
    30_000,
    'ms',
    [200, 600_000],
    'The server pings a silent connection after one interval and closes it after two',
  ),
  number(
    'hello-timeout-ms',
    10_000,
    'ms',
    [100, 120_000],
    'A connection that has not sent hello within this time is closed',
  ),
  number(
    'hello-pending-max',
    1_024,
    'connections',
    [1, 1_000_000],
    'Connections per gateway that have not sent hello; beyond it new ones are refused as overloaded',
  ),
  number(
    'in-flight-per-connection-max',
    256,
    'requests',
    [1, 65_536],
    'Requests in flight per connection; beyond it they are refused as overloaded',
  ),
  number(
    'connection-backlog-bytes-max',
    mebibyte,
    'bytes',
    [4096, 256 * mebibyte],
    'Unsent bytes per connection; beyond it the connection is closed as slow_consumer',
  ),
  number(
    'backlog-bytes-max',
    256 * mebibyte,
    'bytes',
    [65_536, 65_536 * mebibyte],
    'Unsent bytes of all connections of a gateway; beyond it the slowest are closed as slow_consumer',
  ),
  number(
    'link-timeout-ms',
    10_000,
    'ms',
    [100, 600_000],
    'Time limit for a request from a gateway process to a core; after it the answer is unavailable, for a send unknown_outcome',
  ),
  number(
    'link-in-flight-max',
    65_536,
    'requests',
    [1, 1_000_000],
    'Requests in flight from one gateway process to a core; beyond it they are refused as overloaded',
  ),
  number(
    'link-backlog-bytes-max',
    64 * mebibyte,
    'bytes',
    [65_536, 4096 * mebibyte],
    'Unsent event bytes per gateway process; beyond it events are dropped and its clients resync',
  ),
] as const;
