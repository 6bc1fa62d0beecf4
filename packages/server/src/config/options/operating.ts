// What operators see: their listener, the log, traces, profiles.

import { mebibyte, number, text } from '../option.ts';

export const operatingOptions = [
  text(
    'operator-listen',
    '127.0.0.1:8090',
    'host:port',
    "Address for operators: metrics, health, profiles and the console, with the token in the data folder's operator-token; empty = off",
  ),
  text('log-level', 'info', 'level', 'Lowest level that is logged', ['debug', 'info', 'warn', 'error']),
  text(
    'trace-url',
    '',
    'url',
    'Collector of traces, by OTLP over HTTP, such as http://127.0.0.1:4318/v1/traces; empty = tracing is off',
  ),
  number('trace-one-in', 1000, 'requests', [1, 1_000_000], 'One request in this many is traced; 1 = every request'),
  number('profile-length-s', 10, 's', [1, 300], 'Length of a CPU profile that the watchdog or an alert takes'),
  number(
    'profile-pause-s',
    600,
    's',
    [1, 86_400],
    'Least time between two profiles of one process that the watchdog or an alert takes',
  ),
  number('profiles-max', 20, 'profiles', [1, 1000], 'Stored profiles; beyond it the oldest are removed'),
  number(
    'profiles-bytes-max',
    256 * mebibyte,
    'bytes',
    [mebibyte, 65_536 * mebibyte],
    'Size of all stored profiles; beyond it the oldest are removed',
  ),
  number(
    'watchdog-lag-ms',
    250,
    'ms',
    [0, 60_000],
    'A process whose event loop is this late in three of ten seconds is profiled; 0 = off',
  ),
  number(
    'watchdog-slow-ack-ms',
    500,
    'ms',
    [0, 60_000],
    'A process in which one send in a hundred takes longer to its ack is profiled; 0 = off',
  ),
  number(
    'watchdog-growth-bytes-max',
    1024 * mebibyte,
    'bytes',
    [0, Number.MAX_SAFE_INTEGER],
    'A process whose memory grows by this much within half an hour is profiled; 0 = off',
  ),
] as const;
