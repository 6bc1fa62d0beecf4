// The address of a MySQL server and the limits of one process, with all their defaults [M11].

import type { PoolReadings } from '../../metrics/store-meter.ts';

/** MySQL 8, MariaDB or TiDB. */
export interface MysqlOptions {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** PEM of the certificate authorities that the client trusts. Absent: no TLS. */
  readonly tlsCa?: string | undefined;
  readonly limits?: Partial<MysqlLimits> | undefined;
  /** Receives the connection pool once it is open, for metrics. */
  readonly onOpen?: ((pool: PoolReadings) => void) | undefined;
}

export interface MysqlLimits {
  readonly connectionsMax: number;
  /** The number of idle connections that are kept open and alive. */
  readonly idleMin: number;
  readonly connectTimeoutMs: number;
  /** The maximum wait for a free connection. Then requests fail as `overloaded`, or as `unavailable` when the server accepts no connection. */
  readonly waitTimeoutMs: number;
  /** The maximum number of waiting requests. Further ones fail as `overloaded` at once. */
  readonly waitersMax: number;
  /** The deadline of a round trip. Then its connection is destroyed, because it can answer nothing else first. */
  readonly queryTimeoutMs: number;
  /** The maximum wait for a row that another transaction has locked. */
  readonly lockWaitS: number;
  /** The idle time after which the server ends a session, so that a paused process does not keep its row locks. */
  readonly sessionIdleS: number;
  /** The maximum number of attempts of a transaction that met a deadlock or a lock timeout. Then it fails as `unavailable`. */
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

/** The part of a packet that precedes its statements. */
export const packetOwnBytes = 64;

/** The preferred maximum of one round trip: longer texts would block the event loop, and the server's parser, for too long. */
export const sentBytesWanted = 1024 * 1024;
