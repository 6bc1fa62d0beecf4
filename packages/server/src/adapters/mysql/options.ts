// How a MySQL server is reached and how much of it one process takes: plain values, with their defaults in this one place [M11].

import type { PoolReadings } from '../../metrics/store-meter.ts';

/** MySQL 8, MariaDB or TiDB. */
export interface MysqlOptions {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** PEM of the authorities that may sign the server's certificate. Absent: no TLS. */
  readonly tlsCa?: string | undefined;
  readonly limits?: Partial<MysqlLimits> | undefined;
  /** Given the pool of connections once it is open: for metrics. */
  readonly onOpen?: ((pool: PoolReadings) => void) | undefined;
}

export interface MysqlLimits {
  readonly connectionsMax: number;
  /** Kept open and alive while nobody needs them. */
  readonly idleMin: number;
  readonly connectTimeoutMs: number;
  /** For a free connection; then the work is refused as `overloaded`, or `unavailable` when the server lets nobody in. */
  readonly waitTimeoutMs: number;
  /** Beyond them work is refused as `overloaded` at once. */
  readonly waitersMax: number;
  /** Of one round trip; then its connection is destroyed, since it answers nothing else before. */
  readonly queryTimeoutMs: number;
  /** For a row that another transaction holds. */
  readonly lockWaitS: number;
  /** After which the server ends a session that asks nothing: a paused process must not keep its row locks. */
  readonly sessionIdleS: number;
  /** Of a transaction that met a deadlock or waited too long for a row; then it is `unavailable`. */
  readonly attemptsMax: number;
}

export const mysqlLimitDefaults: MysqlLimits = {
  connectionsMax: 20,
  idleMin: 5,
  connectTimeoutMs: 30_000,
  waitTimeoutMs: 5_000,
  waitersMax: 1_000,
  queryTimeoutMs: 10_000,
  lockWaitS: 2,
  sessionIdleS: 15,
  attemptsMax: 5,
};

/** Of a packet, for what stands in front of the statements. */
export const packetOwnBytes = 64;

/** Of what is sent at once: longer texts keep the event loop, and the server's parser, busy at a stretch. */
export const sentBytesWanted = 1024 * 1024;
