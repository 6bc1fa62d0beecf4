// A process of bench/tiers.ts: users and devices asked for over HTTP, through the adapters of a cluster, with as many tiers in front of
// the database as it is told; or the worker that stores what such a process accepted.

import { systemClock } from '@hongyan/base/clock';
import { createLog } from '@hongyan/base/log';
import { createUuidV7 } from '@hongyan/base/uuid';
import type { DeviceToken, UserId } from '@hongyan/protocol/ids';
import { RedisClient } from '@hongyan/server/adapters/redis/redis-client';
import { redisDefaults } from '@hongyan/server/adapters/redis/redis-options';
import { Closing } from '@hongyan/server/compose/closing';
import { nearUsers } from '@hongyan/server/compose/cluster/near-users';
import { taskRetry } from '@hongyan/server/compose/roles/worker';
import type { Registration } from '@hongyan/server/domain/registration';
import { Metrics } from '@hongyan/server/metrics/metrics';
import { openMysqlDevices } from '@hongyan/server/ports/devices/mysql-devices';
import { DeviceLookup } from '@hongyan/server/ports/devices/redis/device-lookup';
import { encodeBatch, registrationKind } from '@hongyan/server/ports/devices/registration-batch';
import { openMysqlDirectory } from '@hongyan/server/ports/directory/mysql-directory';
import { RedisEventBus } from '@hongyan/server/ports/event-bus/redis-event-bus';
import { noOutlet } from '@hongyan/server/ports/event-log/event-outlet';
import { openKafkaTaskQueue } from '@hongyan/server/ports/task-queue/kafka-task-queue';
import type { TaskQueue } from '@hongyan/server/ports/task-queue/task-queue';
import { registrationWork } from '@hongyan/server/roles/worker/registration-work';
import { startWorker } from '@hongyan/server/roles/worker/worker';
import type { ScratchDatabase } from '@hongyan/testing/scratch';

export interface Given {
  readonly role: 'service' | 'worker';
  readonly hasRedis: boolean;
  readonly hasKafka: boolean;
  readonly directory: ScratchDatabase;
  readonly devices: ScratchDatabase;
  readonly redis: string;
  readonly brokers: readonly string[];
  readonly prefix: string;
}

const surroundings = { clock: systemClock, log: createLog({ level: 'warn' }), random: Math.random };
const given = JSON.parse(process.argv[2] ?? '') as Given;
const closing = new Closing();
const near = given.hasRedis ? await openNear() : undefined;
const devices = await openMysqlDevices(given.devices, surroundings, near?.lookup);
closing.push(() => devices.close());
const tasks = given.hasKafka ? await openTasks() : undefined;
if (given.role === 'worker' && tasks) {
  const worker = startWorker({
    ...{ ...surroundings, queue: tasks, retry: taskRetry },
    works: [registrationWork(devices, noOutlet)],
  });
  closing.push(() => worker.drain());
  console.log('ready');
} else await serve(tasks);
process.on('SIGTERM', () => void closing.run().then(() => process.exit(0)));

async function openNear() {
  const metrics = new Metrics({ process: given.role });
  const options = { ...redisDefaults, addresses: [given.redis], keyPrefix: `${given.prefix}:` };
  const redis = await RedisClient.open(options, surroundings);
  const bus = await RedisEventBus.open({ ...surroundings, client: redis, busId: crypto.randomUUID() });
  closing.push(async () => {
    bus.close();
    await redis.close();
  });
  return {
    users: nearUsers({ redis, bus }, { ...surroundings, metrics }, closing),
    lookup: new DeviceLookup(redis, surroundings.log),
  };
}

async function openTasks(): Promise<TaskQueue> {
  const { brokers, prefix } = given;
  const queue = await openKafkaTaskQueue({
    ...surroundings,
    kafka: { brokers, clientId: given.role, prefix: `${prefix}.` },
    ...{ kinds: [registrationKind], partitionCount: 6, tasksMax: 1_000_000, payloadMax: 2 ** 20, deadLettersMax: 100 },
    newId: createUuidV7(systemClock.nowMs),
  });
  closing.push(() => queue.close());
  return queue;
}

async function serve(queue: TaskQueue | undefined): Promise<void> {
  const directory = await openMysqlDirectory(given.directory, {
    ...surroundings,
    ...(near && { nearer: near.users }),
  });
  closing.push(() => directory.close());
  const register = async (registration: Registration): Promise<unknown> => {
    const payload = encodeBatch([registration]);
    return queue ? queue.add([{ kind: registrationKind, payload }]) : devices.register([payload]);
  };
  const routes: Readonly<Record<string, (body: string) => Promise<unknown>>> = {
    '/user': async (id) => Object.fromEntries(await directory.getUsers([id as UserId])),
    '/device': (token) => devices.get(token as DeviceToken),
    '/register': (body) => register(JSON.parse(body) as Registration),
  };
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    async fetch(request) {
      const answer = routes[new URL(request.url).pathname];
      return answer ? Response.json((await answer(await request.text())) ?? {}) : new Response('', { status: 404 });
    },
  });
  console.log(String(server.url));
}
