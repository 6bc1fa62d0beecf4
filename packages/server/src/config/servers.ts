// The servers of a cluster as configuration writes them.

import { formatAddress } from '@hongyan/base/address';
import type { Config } from './options.ts';

/** Each has a database of its own, and may have a user of its own. */
export type DatabaseService = 'timeline' | 'directory' | 'access' | 'devices' | 'events';

export interface MysqlServer {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

export interface RedisServers {
  readonly addresses: readonly string[];
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly isTls: boolean;
}

const mysqlPort = 3306;
const redisPort = 6379;

/** Throws, saying what is wrong. */
export function mysqlServer(
  { mysqlUrl, clusterName }: Pick<Config, 'mysqlUrl' | 'clusterName'>,
  service: DatabaseService,
): MysqlServer {
  const url = parseUrl(mysqlUrl.replaceAll('{service}', service), ['mysql:'], 'mysql://user:password@127.0.0.1:3306');
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port) || mysqlPort,
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    database: `${clusterName.replaceAll('-', '_')}_${service}`,
  };
}

/** As mysqlServer. */
export function redisServers({ redisUrls }: Pick<Config, 'redisUrls'>): RedisServers {
  const urls = partsOf(redisUrls).map((text) => parseUrl(text, ['redis:', 'rediss:'], 'redis://127.0.0.1:6379'));
  const [first] = urls;
  if (first === undefined) throw new Error('names no server');
  const isTls = first.protocol === 'rediss:';
  const differs = urls.some(
    ({ protocol, username, password }) =>
      protocol !== first.protocol || username !== first.username || password !== first.password,
  );
  if (differs) throw new Error('all nodes of a Redis Cluster must have the same scheme, user and password');
  return {
    addresses: urls.map(({ hostname, port }) =>
      formatAddress({ hostname: hostname.replace(/^\[|\]$/g, ''), port: Number(port) || redisPort }),
    ),
    username: first.username === '' ? undefined : decodeURIComponent(first.username),
    password: first.password === '' ? undefined : decodeURIComponent(first.password),
    isTls,
  };
}

/** As mysqlServer. */
export function kafkaBrokers({ kafkaBrokers: text }: Pick<Config, 'kafkaBrokers'>): readonly string[] {
  const brokers = partsOf(text);
  const wrong = brokers.find((broker) => !/^.+:\d{1,5}$/.test(broker));
  if (wrong !== undefined || brokers.length === 0)
    throw new Error(`must be host:port of one or more brokers, separated by commas; not "${wrong ?? text}"`);
  return brokers;
}

/** Without passwords: for those who look at the configuration. */
export const withoutPasswords = (text: string): string => text.replaceAll(/(\/\/[^:@/,]*):[^/,]*@/g, '$1:***@');

const partsOf = (list: string): readonly string[] =>
  list
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');

function parseUrl(text: string, protocols: readonly string[], example: string): URL {
  const url = URL.parse(text);
  if (url === null || !protocols.includes(url.protocol) || url.hostname === '')
    throw new Error(`must be a URL such as ${example}, not "${withoutPasswords(text)}"`);
  return url;
}
