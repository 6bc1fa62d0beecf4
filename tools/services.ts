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
  tools/services run -- COMMAND…
                           start what does not run, run COMMAND, end what was started

  --brokers N              Kafka brokers of a new set: 1 (default) or 3
  --redis-cluster          also a Redis Cluster: three masters, three replicas
  --data DIR               the folder of the set; default $HONGYAN_SERVICES, else .services in the repository

DIR/services.json has addresses, the database's user, pids; DIR/NAME.log is what a server said.`;

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
const folder = servicesFolder(values.data === undefined ? process.env : { HONGYAN_SERVICES: values.data });

process.exit(await main());

async function main(): Promise<number> {
  if (values.help) return usage(0);
  switch (verb) {
    case 'up':
      return (await up()) ? 0 : 1;
    case 'down':
      await ServiceSet.open(folder)?.down();
      return 0;
    case 'status':
      return status();
    case 'run':
      return run();
    case 'help':
      return usage(0);
    default:
      return usage(2);
  }
}

function usage(code: number): number {
  (code === 0 ? console.log : console.error)(help);
  return code;
}

async function up(): Promise<boolean> {
  const wanted: PartName[] = ['mysql', 'redis', 'kafka'];
  if (values['redis-cluster']) wanted.push('redisCluster');
  const { missing } = await ServiceSet.up({ folder, parts: wanted, brokers: brokersAsked() });
  for (const line of missing) console.error(`NOT UP: ${line}`);
  status();
  return missing.length === 0;
}

function brokersAsked(): number | undefined {
  if (values.brokers === undefined) return undefined;
  const count = Number(values.brokers);
  if (!Number.isInteger(count) || count < 1 || count > 9) throw new Error(`--brokers ${values.brokers}: 1 to 9`);
  return count;
}

function status(): number {
  const servers = ServiceSet.open(folder)?.servers ?? [];
  if (servers.length === 0) console.log(`no servers in ${folder}: tools/services up`);
  for (const server of servers) {
    console.log(
      `${server.name.padEnd(16)} 127.0.0.1:${server.port}  ${server.isAlive() ? 'up' : `DOWN: ${server.log}`}`,
    );
  }
  return servers.length > 0 && servers.every((server) => server.isAlive()) ? 0 : 1;
}

/** The command runs also when some server cannot be had: its tests say what they skip. With CI=true that is a failure. */
async function run(): Promise<number> {
  const wasUp = ServiceSet.open(folder)?.servers.some((server) => server.isAlive()) ?? false;
  const complete = await up();
  try {
    if (!complete && process.env.CI === 'true') return 1;
    const child = Bun.spawn(command, {
      env: { ...process.env, HONGYAN_SERVICES: folder },
      stdin: 'inherit',
      stdout: 'inherit',
      stderr: 'inherit',
    });
    // The command gets them too, and ends by itself.
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => child.kill(name));
    return await child.exited;
  } finally {
    if (!wasUp) await ServiceSet.open(folder)?.down();
  }
}
