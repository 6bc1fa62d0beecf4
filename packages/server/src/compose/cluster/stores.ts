// The stores of a core and a worker: one database per service, and the task queue.

import { systemRandom } from '@hongyan/base/random';
import { createUuidV7 } from '@hongyan/base/uuid';
import type { UserId } from '@hongyan/protocol/ids';
import { askBrokers, KafkaProbe } from '../../adapters/kafka/kafka-probe.ts';
import type { MysqlOptions } from '../../adapters/mysql/options.ts';
import type { Config } from '../../config/options.ts';
import type { DatabaseService } from '../../config/servers.ts';
import { registerConnections, StoreMeter } from '../../metrics/store-meter.ts';
import type { Access } from '../../ports/access/access.ts';
import { openMysqlAccess } from '../../ports/access/mysql-access.ts';
import { forgottenKind } from '../../ports/devices/device-events.ts';
import type { Devices } from '../../ports/devices/devices.ts';
import { openMysqlDevices } from '../../ports/devices/mysql-devices.ts';
import { DeviceLookup } from '../../ports/devices/redis/device-lookup.ts';
import { registrationKind } from '../../ports/devices/registration-batch.ts';
import type { SharedDirectory } from '../../ports/directory/directory.ts';
import { openMysqlDirectory } from '../../ports/directory/mysql-directory.ts';
import type { EventLog } from '../../ports/event-log/event-log.ts';
import { openMysqlEventLog } from '../../ports/event-log/mysql-event-log.ts';
import { type ImportingTaskQueue, openKafkaTaskQueue } from '../../ports/task-queue/kafka-task-queue.ts';
import type { TaskQueue } from '../../ports/task-queue/task-queue.ts';
import { type MysqlTimelineStore, openMysqlTimeline } from '../../ports/timeline/mysql-timeline.ts';
import { type HealthCheck, healthy } from '../../roles/operator/health.ts';
import type { Closing } from '../closing.ts';
import { registerDevicesAndTasks } from '../operator/device-metrics.ts';
import { eventBatchMax, eventWritesMax, type OpenEvents, openEvents } from '../roles/events.ts';
import type { Surroundings } from '../surroundings.ts';
import { databaseOf } from './databases.ts';
import { kafkaOptions, orKafkaTrouble } from './kafka.ts';
import { nearUsers } from './near-users.ts';
import type { SharedServers } from './shared-servers.ts';
import { whenMoved } from './when-moved.ts';
import { whenServing } from './when-serving.ts';

export interface ClusterStores {
  readonly timeline: MysqlTimelineStore;
  readonly directory: SharedDirectory;
  readonly access: Access;
  readonly devices: Devices;
  readonly tasks: TaskQueue;
  readonly lookup: DeviceLookup;
  readonly events: OpenEvents;
  readonly checks: readonly HealthCheck[];
}

const taskPartitions = 6;

/** Without Kafka nothing can be changed but everything can be read: degraded, so that traffic stays. */
const kafkaCheck = (probe: KafkaProbe): HealthCheck => ({
  name: 'kafka',
  async check() {
    const problem = await probe.problem();
    return problem === undefined ? healthy : { status: 'degraded', reason: problem };
  },
});

/** Rejects with a remedy when a server cannot be used. `closing` closes what was opened. */
export async function openStores(
  config: Config,
  { log, clock, metrics, tracing }: Surroundings,
  {
    instance,
    servers,
    closing,
    sends,
    signal,
  }: {
    readonly instance: string;
    readonly servers: SharedServers;
    readonly closing: Closing;
    /** This process records events and sends them, in turn with others. */
    readonly sends: boolean;
    /** Ends a wait for a server. */
    readonly signal: AbortSignal;
  },
): Promise<ClusterStores> {
  const environment = { clock, log, random: systemRandom };
  const counted = async (service: DatabaseService): Promise<MysqlOptions> => ({
    ...(await databaseOf(config, service)),
    onOpen: (pool) => registerConnections(metrics, service, pool),
  });
  const waiting = { clock, log, signal };
  const mysql = await whenServing(() => databaseOf(config, 'timeline'), { server: 'MySQL', ...waiting });
  const brokersAnswer = () => orKafkaTrouble(config, askBrokers(kafkaOptions(config, instance)));
  await whenServing(brokersAnswer, { server: 'Kafka', ...waiting });
  await whenMoved(config, waiting);
  const timeline = await openMysqlTimeline({
    ...environment,
    mysql,
    appendsMax: config.commandQueueMax,
    meter: new StoreMeter(metrics, 'timeline'),
    tracing,
  });
  closing.push(() => timeline.close());
  const directory = await openMysqlDirectory(await counted('directory'), {
    ...environment,
    nearer: nearUsers(servers, { clock, log, metrics }, closing),
  });
  closing.push(() => directory.close());
  const { revocationsMax } = config;
  const access = await openMysqlAccess({ ...environment, mysql: await counted('access'), revocationsMax });
  closing.push(() => access.close());
  const lookup = new DeviceLookup(servers.redis, log);
  const devices = await openMysqlDevices(await counted('devices'), environment, lookup);
  closing.push(() => devices.close());
  const tasks = await openTasks(config, { clock, log }, instance);
  closing.push(() => tasks.close());
  registerDevicesAndTasks(metrics, devices, tasks);
  const probe = new KafkaProbe(kafkaOptions(config, instance), clock);
  closing.push(() => probe.close());
  const eventLog = await openMysqlEventLog({
    ...{ ...environment, mysql: await counted('events') },
    ...{ queueMax: eventWritesMax, batchMax: eventBatchMax },
  });
  closing.push(() => eventLog.close());
  const sources = { timeline, directory, registry: servers.registry };
  const store = { open: async () => eventLog, isThere: true, isShared: true, sends };
  const events = await openEvents(config, { log, clock, metrics }, sources, store);
  closing.push(() => events.close());
  const checks = [...checksOf({ timeline, directory, access, devices, eventLog }), kafkaCheck(probe)];
  return { timeline, directory, access, devices, tasks, lookup, events, checks };
}

export const openTasks = (
  config: Config,
  { clock, log }: Pick<Surroundings, 'clock' | 'log'>,
  instance: string,
): Promise<ImportingTaskQueue> =>
  orKafkaTrouble(
    config,
    openKafkaTaskQueue({
      kafka: kafkaOptions(config, instance),
      kinds: [registrationKind, forgottenKind],
      partitionCount: taskPartitions,
      tasksMax: config.tasksMax,
      payloadMax: config.taskBytesMax,
      deadLettersMax: config.deadLettersMax,
      clock,
      log,
      newId: createUuidV7(() => clock.nowMs()),
    }),
  );

/** Each check queries its database and fails if that is unreachable. */
function checksOf({
  timeline,
  directory,
  access,
  devices,
  eventLog,
}: Omit<ClusterStores, 'checks' | 'events' | 'lookup' | 'tasks'> & {
  readonly eventLog: EventLog;
}): readonly HealthCheck[] {
  const check = (service: string, ask: () => Promise<unknown>): HealthCheck => ({
    name: `mysql ${service}`,
    async check() {
      await ask();
      return healthy;
    },
  });
  return [
    check('timeline', () => timeline.check()),
    // Users may be answered from near.
    check('directory', () => directory.countMemberships('nobody' as UserId)),
    check('access', () => access.findKey('none')),
    check('devices', () => devices.lastSeen(['nobody' as UserId])),
    check('events', () => eventLog.isRecording()),
  ];
}
