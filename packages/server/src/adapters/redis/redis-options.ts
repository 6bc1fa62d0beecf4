// The connection options of Redis: one server, or a Cluster by some of its nodes.

import { type Address, parseAddress } from '@hongyan/base/address';
import { assert } from '@hongyan/base/assert';
import type { CommonRedisOptions } from 'ioredis';

export interface RedisOptions {
  /** host:port of the server, or of some nodes of the Cluster. The client discovers the others. */
  readonly addresses: readonly string[];
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly isTls?: boolean | undefined;
  /** The prefix of every key and channel, so that several installations can share servers. Without braces, which would choose the slot. */
  readonly keyPrefix: string;
  readonly connectTimeoutMs: number;
  /** The deadline of a command. A connection that is silent for this time is closed and opened again. */
  readonly commandTimeoutMs: number;
  /** The maximum number of commands without an answer, including those that wait for a connection. Further ones fail as `overloaded`. */
  readonly commandsMax: number;
}

export const redisDefaults = {
  keyPrefix: 'hongyan:',
  connectTimeoutMs: 2_000,
  commandTimeoutMs: 2_000,
  commandsMax: 50_000,
} as const satisfies Partial<RedisOptions>;

export function addressesOf({ addresses, keyPrefix }: RedisOptions): readonly Address[] {
  assert(addresses.length > 0, 'at least one address of Redis');
  assert(!/[{}]/.test(keyPrefix), 'a key prefix without braces', keyPrefix);
  return addresses.map(parseAddress);
}

/** The options of every connection. */
export function connectionOptions(options: RedisOptions): CommonRedisOptions & { readonly tls?: object } {
  return {
    ...(options.username === undefined ? {} : { username: options.username }),
    ...(options.password === undefined ? {} : { password: options.password }),
    ...(options.isTls ? { tls: {} } : {}),
    connectTimeout: options.connectTimeoutMs,
    socketTimeout: options.commandTimeoutMs,
    connectionName: 'hongyan',
  };
}
