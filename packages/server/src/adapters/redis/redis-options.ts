// How Redis is reached: one server, or a Cluster by some of its nodes.

import { type Address, parseAddress } from '@hongyan/base/address';
import { assert } from '@hongyan/base/assert';
import type { CommonRedisOptions } from 'ioredis';

export interface RedisOptions {
  /** host:port of the one server, or of some nodes of the Cluster: the others are learnt from these. */
  readonly addresses: readonly string[];
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly isTls?: boolean | undefined;
  /** Before every key and channel, so that several installations share servers. No braces: they choose the slot. */
  readonly keyPrefix: string;
  readonly connectTimeoutMs: number;
  /** A command without an answer by then has failed, and a connection that is silent for so long is cut and made anew. */
  readonly commandTimeoutMs: number;
  /** Commands without an answer, those included that wait for a connection; more are refused as overloaded. */
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

/** Of every connection. */
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
