// What Redis carries: events from one process to another with their latency and CPU time, and draws of the rate limiter with and
// without leases. On the servers of tools/services. bun bench/redis.ts [bus] [limits] [--seconds n]

import { parseArgs } from 'node:util';
import { ServiceSet } from '@hongyan/testing/services/service-set';
import { servicesFolder } from '@hongyan/testing/services/state';
import { measureBus } from './redis/bus.ts';
import { measureLimits } from './redis/limits.ts';
import { machine } from './report.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seconds: { type: 'string', default: '5' } },
});
const seconds = Number(values.seconds);
const { redis, redisCluster } = ServiceSet.open(servicesFolder())?.addresses ?? {};
const servers = {
  ...(redis === undefined ? {} : { 'one Redis': [redis.address] }),
  ...(redisCluster === undefined ? {} : { 'Cluster of three masters': redisCluster.addresses }),
};
if (Object.keys(servers).length === 0) throw new Error('no Redis: start it by tools/services up --redis-cluster');

const { cpu, cores, bun } = machine();
console.log(`${cpu}, ${cores} cores, Bun ${bun}, ${new Date().toISOString().slice(0, 10)}\n`);
const wants = (what: string): boolean => positionals.length === 0 || positionals.includes(what);
if (wants('bus')) await measureBus(servers, seconds);
if (wants('limits')) await measureLimits(servers, seconds);
process.exit(0);
