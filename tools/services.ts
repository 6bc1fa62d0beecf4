// tools/services: MariaDB, Redis and Kafka on this machine for tests and development.

import { parseArgs } from 'node:util';
import type { PartName } from '@hongyan/testing/services/parts';
import { ServiceSet } from '@hongyan/testing/services/service-set';
import { servicesFolder } from '@hongyan/testing/services/state';

const help = `Real servers on free loopback ports: MariaDB, Redis 7, Apache Kafka (KRaft). What is not on the machine is installed: Debian
packages (as root), Kafka through Maven.

  tools/services up        start what does not run; prints where everything is
  tools/services down      end them and remove their data
  tools/services status    what runs (exit code 1 when something does not)
  tools/services env       print where they are as options of a cluster: eval "$(tools/services env)"
  tools/services run -- COMMAND…
                           start what does not run, run COMMAND, end what was started

  --brokers N              Kafka brokers of a new set: 1 (default) or 3
  --redis-cluster          also a Redis Cluster: three masters, three replicas; env names it in the place of the one Redis
  --data DIR               the folder of the set; default $HONGYAN_SERVICES, else .services in the repository

DIR/services.json has addresses, the database's user, pids; DIR/NAME.log is what a server said.`;

interface Request {
  readonly folder: string;
  readonly parts: readonly PartName[];
  /** undefined: as many as the set has, 1 in a new one. */
  readonly brokers?: number;
  readonly command: readonly string[];
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    options: {
      brokers: { type: 'string' },
      'redis-cluster': { type: 'boolean' },
      data: { type: 'string' },
      help: { type: 'boolean' },
    },
    allowPositionals: true,
  });
  const [verb = 'help', ...command] = positionals;
  const request: Request = {
    folder: servicesFolder(values.data === undefined ? process.env : { HONGYAN_SERVICES: values.data }),
    parts: ['mysql', 'redis', 'kafka', ...(values['redis-cluster'] ? (['redisCluster'] as const) : [])],
    brokers: values.brokers === undefined ? undefined : brokerCount(values.brokers),
    command,
  };
  switch (values.help ? 'help' : verb) {
    case 'up':
      return (await up(request)) ? 0 : 1;
    case 'down':
      return down(request);
    case 'status':
      return status(request);
    case 'env':
      return env(request);
    case 'run':
      return run(request);
    case 'help':
      console.log(help);
      return 0;
    default:
      console.error(`${verb}: no such command\n\n${help}`);
      return 2;
  }
}

function brokerCount(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1 || count > 9) throw new Error(`--brokers ${text}: it must be 1 to 9`);
  return count;
}

async function up(request: Request): Promise<boolean> {
  const { missing } = await ServiceSet.up(request);
  for (const line of missing) console.error(`NOT UP: ${line}`);
  status(request);
  return missing.length === 0;
}

async function down({ folder }: Request): Promise<number> {
  const set = ServiceSet.open(folder);
  await set?.down();
  console.log(set ? `ended, and their data removed: the servers in ${folder}` : `no servers in ${folder}`);
  return 0;
}

function status({ folder }: Request): number {
  const servers = ServiceSet.open(folder)?.servers ?? [];
  if (servers.length === 0) console.log(`no servers in ${folder}: tools/services up`);
  for (const server of servers) {
    console.log(
      `${server.name.padEnd(16)} 127.0.0.1:${server.port}  ${server.isAlive() ? 'up' : `DOWN: ${server.log}`}`,
    );
  }
  return servers.length > 0 && servers.every((server) => server.isAlive()) ? 0 : 1;
}

/** For a shell: what `hongyan start --profile cluster` asks for, and what the client `mariadb` does, beside --user=hongyan. */
function env({ folder, parts }: Request): number {
  const { mysql, kafka, redis, redisCluster } = ServiceSet.open(folder)?.addresses ?? {};
  const redisAddresses = parts.includes('redisCluster') ? redisCluster?.addresses : redis && [redis.address];
  if (!mysql || !kafka || !redisAddresses) {
    console.error(`not all servers are in ${folder}: tools/services up`);
    return 1;
  }
  const { user, password, host, port } = mysql;
  console.log(`export HONGYAN_MYSQL_URL='mysql://${user}:${encodeURIComponent(password)}@${host}:${port}'
export HONGYAN_KAFKA_BROKERS='${kafka.brokers.join(',')}'
export HONGYAN_REDIS_URLS='${redisAddresses.map((address) => `redis://${address}`).join(',')}'
export MYSQL_HOST='${host}' MYSQL_TCP_PORT='${port}' MYSQL_PWD='${password}'`);
  return 0;
}

/** The command runs also when some server cannot be had: its tests say what they skip. With CI=true that is a failure. */
async function run(request: Request): Promise<number> {
  const { folder, command } = request;
  if (command.length === 0) throw new Error('run needs a command: tools/services run -- COMMAND…');
  const before = ServiceSet.open(folder)?.servers.filter((server) => server.isAlive()) ?? [];
  try {
    if (!(await up(request)) && process.env.CI === 'true') return 1;
    const child = Bun.spawn([...command], {
      env: { ...process.env, HONGYAN_SERVICES: folder },
      stdin: 'inherit',
      stdout: 'inherit',
      stderr: 'inherit',
    });
    // It ends by itself, and what was started is ended after it.
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => child.kill(name));
    return await child.exited;
  } finally {
    await endOthersThan(new Set(before.map(({ name }) => name)), folder);
  }
}

async function endOthersThan(names: ReadonlySet<string>, folder: string): Promise<void> {
  const set = ServiceSet.open(folder);
  if (names.size === 0) return set?.down();
  await Promise.all((set?.servers ?? []).filter(({ name }) => !names.has(name)).map((server) => server.stop()));
}

try {
  process.exit(await main());
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
