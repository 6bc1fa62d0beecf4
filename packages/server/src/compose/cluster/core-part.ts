// The role core in a cluster: its stores in MySQL, its commands from Kafka, and the links by which gateways ask it.

import { formatAddress, parseAddress } from '@hongyan/base/address';
import type { Config } from '../../config/options.ts';
import { RedisNoticeStore } from '../../ports/notice-store/redis-notice-store.ts';
import { limitedCore } from '../../roles/core/limited-core.ts';
import { deviceRoutes } from '../../roles/operator/devices.ts';
import { eventsRoute } from '../../roles/operator/events.ts';
import type { HealthCheck } from '../../roles/operator/health.ts';
import { journeyRoute } from '../../roles/operator/journey.ts';
import { keyRoutes } from '../../roles/operator/keys.ts';
import { noticeRoutes } from '../../roles/operator/notices.ts';
import { peopleRoutes } from '../../roles/operator/people.ts';
import type { OperatorRoute } from '../../roles/operator/route.ts';
import { signOutRoute } from '../../roles/operator/sign-outs.ts';
import { taskRoutes } from '../../roles/operator/tasks.ts';
import { tierRoutes } from '../../roles/operator/tiers.ts';
import { webhookRoutes } from '../../roles/operator/webhooks.ts';
import { serveCore } from '../../transport/link/core-server.ts';
import { Closing } from '../closing.ts';
import { type ComposedCore, type CoreSurroundings, composeCore, startRetention } from '../roles/core.ts';
import { openCommandLog } from './command-log.ts';
import { followNotices } from './follow-notices.ts';
import type { OwnCore } from './gateway-part.ts';
import type { RolePart, RolePartOptions } from './role-part.ts';
import type { ClusterStores } from './stores.ts';

export interface CorePart extends RolePart {
  /** For a gateway in the same process. */
  readonly own: OwnCore;
  readonly routes: readonly OperatorRoute[];
  readonly checks: readonly HealthCheck[];
}

interface CorePartOptions extends RolePartOptions {
  readonly stores: ClusterStores;
}

export async function openCorePart(
  config: Config,
  surroundings: CoreSurroundings,
  options: CorePartOptions,
): Promise<CorePart> {
  const closing = new Closing();
  try {
    return await open(config, surroundings, { ...options, closing });
  } catch (error) {
    await closing.afterFailure(surroundings.log);
    throw error;
  }
}

async function open(
  config: Config,
  surroundings: CoreSurroundings,
  { instance, servers, security, stores, closing }: CorePartOptions & { readonly closing: Closing },
): Promise<CorePart> {
  const { log, clock } = surroundings;
  const { timeline, directory, access, devices, tasks, events } = stores;
  const { bus, registry } = servers;
  const commands = await openCommandLog(config, surroundings, { instance, bus });
  const noticeStore = new RedisNoticeStore(servers.redis);
  const composed = await composeCore(config, surroundings, {
    ...{ commands: commands.log, access, bus, registry, devices, tasks },
    stores: { type: 'shared', timeline, directory },
    ...{ outlet: events.outlet, webhooks: events.webhooks, eventReader: events.reader },
    rateLimiter: servers.limiter('requests'),
    storedBytesLimiter: servers.limiter('stored'),
    noticeStore,
    isBehindLink: true,
  });
  let drained: Promise<void> | undefined;
  const drainCore = () => {
    drained ??= composed.core.drain();
    return drained;
  };
  // Also of a start that fails: the group of cores would wait for this one until its session is over.
  closing.push(drainCore);
  await composed.core.ready;
  closing.push(await followNotices(composed.notices, { store: noticeStore, bus, log }));
  const retention = startRetention(config.retentionDays, { timeline, clock, log });
  closing.push(() => retention?.cancel());
  const server = await serveCore({
    core: limitedCore(composed.core, composed.limits),
    ...{ bus, clock, log, backlogBytesMax: config.linkBacklogBytesMax, sessionsOutliveLinks: true },
    listen: { type: 'tcp', address: parseAddress(config.linkListen), security },
  });
  closing.push(() => server.stop());
  const drain = async () => {
    retention?.cancel();
    await drainCore();
    await server.stop();
  };
  return {
    own: { core: composed.core, steps: { limit: composed.limits.check } },
    routes: routesOf(composed, stores, surroundings),
    checks: composed.checks,
    facts: () => ({ linkAddress: addressOf(config, server.port), partitions: commands.partitions() }),
    drain,
    close: () => closing.run(),
  };
}

const routesOf = (
  { core, tiers, people, notices }: ComposedCore,
  { access, devices, directory, events, tasks, timeline }: ClusterStores,
  { clock }: CoreSurroundings,
): readonly OperatorRoute[] => [
  ...webhookRoutes(core),
  eventsRoute(events.reader),
  ...tierRoutes(tiers),
  ...keyRoutes(access, clock),
  ...peopleRoutes(people),
  signOutRoute({ core, directory: people.directory }),
  journeyRoute((work) => work({ directory, devices, timeline })),
  ...noticeRoutes(notices),
  ...deviceRoutes(devices),
  ...taskRoutes(tasks),
];

const addressOf = ({ linkListen, linkAddress }: Config, port: number): string =>
  linkAddress === '' ? formatAddress({ hostname: parseAddress(linkListen).hostname, port }) : linkAddress;
