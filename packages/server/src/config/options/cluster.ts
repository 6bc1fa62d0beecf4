// What only a cluster needs: its servers, and how its processes reach each other.

import { number, onOff, text } from '../option.ts';

export const clusterOptions = [
  text(
    'roles',
    'gateway,core,worker',
    'list',
    'Roles of this process. gateway: accepts clients; core: orders and stores messages; worker: runs background tasks',
  ),
  text('node', '', 'name', 'Unique name of this process; empty = made of the host name, the roles and a number'),
  text(
    'cluster-name',
    'hongyan',
    'name',
    'Prefix of databases, topics and keys, so that several clusters can share servers',
  ),
  text(
    'mysql-url',
    'mysql://root@127.0.0.1:3306',
    'url',
    'Server of MySQL, MariaDB or TiDB. {service} in it is replaced by timeline, directory, access, devices or events, so that each service can have a user of its own',
  ),
  number('mysql-pool-max', 20, 'connections', [1, 1_000], 'Connections per process and service database'),
  number(
    'mysql-pool-idle-min',
    5,
    'connections',
    [0, 1_000],
    'Idle connections that stay open per process and service database',
  ),
  number(
    'mysql-connect-timeout-ms',
    30_000,
    'ms',
    [100, 600_000],
    'Time limit for connecting to a database; after it the database counts as unreachable',
  ),
  text(
    'kafka-brokers',
    '127.0.0.1:9092',
    'list',
    'Some brokers of Kafka, as host:port separated by commas; the others are discovered',
  ),
  number(
    'kafka-partitions',
    12,
    'partitions',
    [1, 1_000],
    'Partitions of the topics that this server creates, which is the upper limit of cores that share the work',
  ),
  text(
    'redis-urls',
    'redis://127.0.0.1:6379',
    'list',
    'One Redis server, or some nodes of a Redis Cluster separated by commas; rediss:// uses TLS',
  ),
  text(
    'link-listen',
    '127.0.0.1:0',
    'host:port',
    'Address of a core for the gateways, which find it in Redis; port 0 takes any free port',
  ),
  text(
    'link-address',
    '',
    'host:port',
    'Address of a core as gateways reach it, if link-listen is a wildcard or behind NAT; empty = link-listen',
  ),
  text(
    'operator-address',
    '',
    'host:port',
    'Address of the operator listener as other processes reach it, if operator-listen is a wildcard or behind NAT; empty = operator-listen',
  ),
  text('link-tls-cert', '', 'file', 'PEM certificate of this process for the links between gateways and cores'),
  text('link-tls-key', '', 'file', 'PEM private key of link-tls-cert'),
  text('link-tls-ca', '', 'file', 'PEM certificate of the authority that signed every link-tls-cert'),
  onOff(
    'row-changes',
    false,
    'Workers invalidate cached rows in Redis from the binary log of the database, which Debezium writes to Kafka (deploy/row-changes)',
  ),
] as const;
