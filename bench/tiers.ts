// What Redis and Kafka in front of the database are worth: the same requests to a service that asks the database, to one with Redis
// before it, and to one with Redis and Kafka. Users and devices are read by the law of Zipf and devices registered, through the adapters
// of a cluster; a registration counts when it is stored. On the servers of tools/services.
// bun bench/tiers.ts [--users n] [--clients n] [--seconds n]

import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { systemClock } from '@hongyan/base/clock';
import { Histogram } from '@hongyan/load/histogram';
import { HttpConnection } from '@hongyan/load/http-connection';
import { type Cpu, cpuOf } from '@hongyan/load/process-stats';
import type { DeviceToken } from '@hongyan/protocol/ids';
import type { Registration } from '@hongyan/server/domain/registration';
import type { Devices } from '@hongyan/server/ports/devices/devices';
import { openMysqlDevices } from '@hongyan/server/ports/devices/mysql-devices';
import { encodeBatch } from '@hongyan/server/ports/devices/registration-batch';
import { openMysqlDirectory } from '@hongyan/server/ports/directory/mysql-directory';
import { Scratch } from '@hongyan/testing/scratch';
import { readState, servicesFolder } from '@hongyan/testing/services/state';
import { costOf } from './cluster/nodes.ts';
import { usedServers } from './cluster/used-servers.ts';
import { machine, tableOf } from './report.ts';
import { fillDirectory } from './seed.ts';
import type { Given } from './tiers/service.ts';

const ways = [
  { name: 'database', hasRedis: false, hasKafka: false },
  { name: 'Redis, database', hasRedis: true, hasKafka: false },
  { name: 'Redis, Kafka, database', hasRedis: true, hasKafka: true },
];
type Way = (typeof ways)[number];

/** Registrations, and reads of a registered device, among a hundred requests; the rest are reads of a user. */
const loads = [
  { name: 'a device starts: registers, 4 reads', registrations: 20, deviceReads: 20 },
  { name: 'reads alone', registrations: 0, deviceReads: 20 },
  { name: 'registrations alone', registrations: 100, deviceReads: 0 },
];
type Load = (typeof loads)[number];

interface Figure {
  readonly way: Way;
  readonly load: Load;
  readonly perS: number;
  readonly meanMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cost: readonly (readonly [name: string, us: number])[];
}

const warmUpS = 3;
const storedTimeoutMs = 60_000;
const environment = { clock: systemClock, random: Math.random };
const { values } = parseArgs({
  options: {
    users: { type: 'string', default: '10000' },
    /** The reference's figures are those of 81 clients that wait: 450/s × 180 ms, 1,800/s × 45 ms. */
    clients: { type: 'string', default: '81' },
    seconds: { type: 'string', default: '8' },
  },
});
const [users, clients, seconds] = [Number(values.users), Number(values.clients), Number(values.seconds)];
const state = readState(servicesFolder());
const { mysql, kafka, redis } = state?.addresses ?? {};
if (!state || !mysql || !kafka || !redis) throw new Error('MySQL, Kafka and Redis are needed: run tools/services up');
const servers = usedServers(state);
const scratch = new Scratch({ mysql, kafka, redis });
let number = 0;

const databases = { directory: await scratch.database('directory'), devices: await scratch.database('devices') };
const devices = await openMysqlDevices(databases.devices, environment);
const children: Bun.Subprocess[] = [];

async function main(): Promise<void> {
  try {
    await fill();
    console.log(
      `${JSON.stringify(machine())}\n${users} users and devices, ${clients} clients that wait for each answer\n`,
    );
    const figures: Figure[] = [];
    for (const [index, way] of ways.entries()) figures.push(...(await measureWay(way, `${scratch.prefix}${index}`)));
    print(figures);
  } finally {
    for (const child of children) child.kill('SIGKILL');
    await devices.close();
    await scratch.remove();
  }
}

async function fill(): Promise<void> {
  const directory = await openMysqlDirectory(databases.directory, environment);
  const ids = Array.from({ length: users }, (_, index) => `user${index}`);
  await fillDirectory(directory, { users: ids, groups: [], directs: [] }, 50);
  await directory.close();
  await devices.register([encodeBatch(ids.map((id) => registrationOf(`of-${id}`)))]);
}

async function measureWay(way: Way, prefix: string): Promise<readonly Figure[]> {
  const given = { ...way, ...databases, redis: redis?.address ?? '', brokers: kafka?.brokers ?? [], prefix };
  const service = await start({ ...given, role: 'service' });
  const worker = way.hasKafka ? await start({ ...given, role: 'worker' }) : undefined;
  const processes = [...servers, { name: 'service', pid: service.pid }];
  if (worker) processes.push({ name: 'worker', pid: worker.pid });
  const connections = await Promise.all(Array.from({ length: clients }, () => HttpConnection.open(service.said)));
  const measured: Figure[] = [];
  for (const load of loads) {
    console.error(`${way.name}: ${load.name}`);
    await run(connections, load, warmUpS);
    await Bun.sleep(1_000);
    const before = cpuOfAll(processes);
    const { count, elapsedS, meanMs, p50Ms, p99Ms } = await run(connections, load, seconds);
    const cost = costOf(before, cpuOfAll(processes), count);
    measured.push({ way, load, perS: count / elapsedS, meanMs, p50Ms, p99Ms, cost });
  }
  for (const connection of connections) connection.close();
  for (const child of [service, worker]) await child?.stop();
  return measured;
}

/** Each client asks again when it is answered. Over when all that was registered is stored. */
async function run(connections: readonly HttpConnection[], load: Load, durationS: number) {
  const latency = new Histogram();
  let [count, registered, sumMs] = [0, 0, 0];
  const storedBefore = await devices.total();
  const startMs = performance.now();
  const client = async (connection: HttpConnection) => {
    for (let nowMs = startMs; nowMs < startMs + durationS * 1_000; ) {
      const { path, body } = requestOf(load);
      const { status, body: answer } = await connection.post(path, '', body);
      if (status !== 200) throw new Error(`${path} was answered ${status}: ${answer.slice(0, 200)}`);
      const tookMs = performance.now() - nowMs;
      latency.recordMs(tookMs);
      nowMs += tookMs;
      sumMs += tookMs;
      count++;
      if (path === '/register') registered++;
    }
  };
  await Promise.all(connections.map(client));
  await stored(devices, storedBefore + registered);
  const { p50Ms, p99Ms } = latency.quantiles();
  return { count, elapsedS: (performance.now() - startMs) / 1_000, meanMs: sumMs / count, p50Ms, p99Ms };
}

async function stored(store: Devices, wanted: number): Promise<void> {
  const endMs = performance.now() + storedTimeoutMs;
  while ((await store.total()) < wanted) {
    if (performance.now() > endMs)
      throw new Error(`${wanted} devices were accepted, ${await store.total()} are stored`);
    await Bun.sleep(10);
  }
}

function requestOf({ registrations, deviceReads }: Load): { readonly path: string; readonly body: string } {
  const point = Math.random() * 100;
  if (point < registrations) {
    return { path: '/register', body: JSON.stringify(registrationOf(`${scratch.prefix}-${number++}`)) };
  }
  // Rank r with a share of about 1 / (r * ln n).
  const id = `user${Math.min(users - 1, Math.floor(users ** Math.random()) - 1)}`;
  return point < registrations + deviceReads ? { path: '/device', body: `of-${id}` } : { path: '/user', body: id };
}

function registrationOf(token: string): Registration {
  const [model, firmware] = [`model-${number % 40}`, `1.${number % 12}`];
  return { deviceToken: token as DeviceToken, model, firmware, registeredAtMs: Date.now(), detailsJson: '' };
}

const cpuOfAll = (processes: readonly { readonly name: string; readonly pid: number }[]): ReadonlyMap<string, Cpu> =>
  new Map(processes.map(({ name, pid }) => [name, cpuOf(pid)]));

/** `said`: its first line. */
async function start(given: Given) {
  const command = [process.execPath, join(import.meta.dir, 'tiers/service.ts'), JSON.stringify(given)];
  const child = Bun.spawn(command, { stdout: 'pipe', stderr: 'inherit' });
  children.push(child);
  const { value } = await child.stdout.getReader().read();
  if (value === undefined) throw new Error(`the ${given.role} ended: see above`);
  return {
    pid: child.pid,
    said: new TextDecoder().decode(value).trim(),
    async stop() {
      child.kill('SIGTERM');
      await child.exited;
    },
  };
}

function print(all: readonly Figure[]): void {
  const head = ['load', 'way', 'requests/s', 'mean / p50 / p99 ms', 'CPU µs per request', 'against the database'];
  const rows = loads.flatMap((load) => {
    const own = all.filter((figure) => figure.load === load);
    return own.map(({ way, perS, meanMs, p50Ms, p99Ms, cost }) => {
      const [alone] = own;
      const times = alone
        ? `${(perS / alone.perS).toFixed(1)}× the requests, ${(meanMs / alone.meanMs).toFixed(2)}× the latency`
        : '';
      return [
        ...[load.name, way.name, Math.round(perS).toLocaleString('en')],
        [meanMs, p50Ms, p99Ms].map((ms) => ms.toFixed(1)).join(' / '),
        cost.map(([name, us]) => `${name} ${us.toFixed(0)}`).join(', '),
        times,
      ];
    });
  });
  console.log(tableOf(head, rows).join('\n'));
}

await main();
