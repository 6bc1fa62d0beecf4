// The state file of a set of servers: where they listen, who may enter, and what it takes to end and to start each of them again.

import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

export interface Addresses {
  readonly mysql?: MysqlAddress;
  readonly kafka?: { readonly brokers: readonly string[]; readonly fronts?: readonly KafkaFront[] };
  readonly redis?: { readonly address: string };
  readonly redisCluster?: { readonly addresses: readonly string[] };
}

/** A further listener of a broker, which tells its clients another port: that of a relay before it, one for each process under test. */
export interface KafkaFront {
  /** Where the relay connects to. */
  readonly targetPort: number;
  /** Where the relay has to listen. */
  readonly port: number;
}

/** The user may create databases and users, and grant them. */
export interface MysqlAddress {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
}

export interface ServerRecord {
  /** mariadb, redis, kafka-1, redis-cluster-4 */
  readonly name: string;
  readonly kind: 'mariadb' | 'redis' | 'kafka';
  readonly port: number;
  readonly command: readonly string[];
  readonly pid?: number;
  /** With the pid, what names one process for good: its start, in the kernel's ticks. */
  readonly bornAt?: string;
}

export interface ServicesState {
  readonly addresses: Addresses;
  readonly servers: readonly ServerRecord[];
}

const repository = resolve(import.meta.dir, '../../../..');

/** $HONGYAN_SERVICES, else a folder of the repository that git ignores. */
export const servicesFolder = (environment: Readonly<Record<string, string | undefined>> = process.env): string =>
  resolve(environment.HONGYAN_SERVICES || join(repository, '.services'));

export const stateFile = (folder: string): string => join(folder, 'services.json');

export const logOf = (folder: string, name: string): string => join(folder, `${name}.log`);

export function readState(folder: string): ServicesState | undefined {
  try {
    return JSON.parse(readFileSync(stateFile(folder), 'utf8')) as ServicesState;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new Error(`${stateFile(folder)} cannot be read: remove the folder, and start the servers again`, {
      cause: error,
    });
  }
}

/** Replaces the file as a whole: a reader sees the old one or the new one. It holds a password. */
export function writeState(folder: string, state: ServicesState): void {
  mkdirSync(dirname(stateFile(folder)), { recursive: true });
  const written = `${stateFile(folder)}.${process.pid}`;
  writeFileSync(written, `${JSON.stringify(state, undefined, 2)}\n`, { mode: 0o600 });
  renameSync(written, stateFile(folder));
}
