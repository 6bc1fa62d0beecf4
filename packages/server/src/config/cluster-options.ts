// Where a cluster's servers are, and how its processes reach each other.

import { number, text } from './option.ts';

export const clusterOptions = [
  text(
    'cluster-name',
    'hongyan',
    'name',
    'In a cluster: what its databases, topics and keys begin with, so that several clusters share servers',
  ),
  text(
    'mysql-url',
    'mysql://root@127.0.0.1:3306',
    'url',
    'In a cluster: the server of MySQL, MariaDB or TiDB. {service} in it stands for timeline, directory, access, devices and events, which may each have a user of their own',
  ),
  number('mysql-pool-max', 20, 'connections', [1, 1_000], 'Connections of one process to the database of one service'),
  number(
    'mysql-pool-idle-min',
    5,
    'connections',
    [0, 1_000],
    'Of those, so many are kept while they have nothing to do',
  ),
  number(
    'mysql-connect-timeout-ms',
    30_000,
    'ms',
    [100, 600_000],
    'A database that has not accepted a connection by then cannot be reached',
  ),
  text(
    'kafka-brokers',
    '127.0.0.1:9092',
    'list',
    'In a cluster: some of the brokers, as host:port joined by commas; the others are learnt from these',
  ),
  number(
    'kafka-partitions',
    12,
    'partitions',
    [1, 1_000],
    'Of a topic that this server makes; no more cores than these have work',
  ),
  text(
    'redis-urls',
    'redis://127.0.0.1:6379',
    'list',
    'In a cluster: the one server of Redis, or some nodes of a Redis Cluster, joined by commas; rediss:// speaks TLS',
  ),
  text(
    'link-listen',
    '127.0.0.1:0',
    'host:port',
    'In a cluster: where the gateways reach a core, which tells them the address; port 0 takes any free one',
  ),
  text(
    'link-address',
    '',
    'host:port',
    'What a core tells the gateways instead of link-listen, where that is a wildcard address or behind a translation',
  ),
  text(
    'operator-address',
    '',
    'host:port',
    'What a process tells the others instead of operator-listen, where that is a wildcard address or behind a translation',
  ),
  text('link-tls-cert', '', 'file', 'PEM certificate of this process for the links between gateways and cores'),
  text('link-tls-key', '', 'file', 'PEM private key of link-tls-cert'),
  text('link-tls-ca', '', 'file', 'PEM certificate of the authority that signed link-tls-cert of every process'),
] as const;
