// The cluster profile: any number of processes, each with some of the roles, on MySQL, Kafka and Redis.

import { aborted } from '@hongyan/base/abort';
import { LiveConfig } from '../../config/live-config.ts';
import type { Config } from '../../config/options.ts';
import { parseRoles } from '../../config/roles.ts';
import { ensureFolder } from '../../files/folder-access.ts';
import { Metrics } from '../../metrics/metrics.ts';
import { ProfiledThreads } from '../../profiles/profiled-threads.ts';
import type { HealthCheck } from '../../roles/operator/health.ts';
import { nodeRoutes } from '../../roles/operator/nodes.ts';
import { inEveryProcess, knowingAll } from '../../roles/operator/processes.ts';
import type { LinkSecurity } from '../../transport/link/security.ts';
import { Closing } from '../closing.ts';
import { removeRunning, writeRunning } from '../commands/running-file.ts';
import { configurationRoute } from '../operator/configuration-route.ts';
import { openOperator } from '../operator/operator.ts';
import { openProfiles } from '../operator/profiles.ts';
import { joinedReports, reloadRoute } from '../operator/reload-route.ts';
import { openTokens } from '../roles/tokens.ts';
import { composeWorker } from '../roles/worker.ts';
import type { StartedServer, StartSurroundings } from '../started-server.ts';
import type { Surroundings } from '../surroundings.ts';
import { openTracing } from '../tracing.ts';
import { version } from '../version.ts';
import { Announcement } from './announcement.ts';
import { openCorePart } from './core-part.ts';
import { openGatewayPart } from './gateway-part.ts';
import { certificateRenewal, readLinkSecurity, watchCertificate } from './link-security.ts';
import { claimNodeFolder, type NodeFolder } from './node-folder.ts';
import { NodeList } from './node-list.ts';
import { NodeParts } from './node-parts.ts';
import { announcedUrl, operatorListen } from './operator-listen.ts';
import { Peers } from './peers.ts';
import { followRowChanges } from './row-changes.ts';
import { openRedis, openSharedServers, type SharedServers } from './shared-servers.ts';
import { openStores } from './stores.ts';
import { whenServing } from './when-serving.ts';

export interface ClusterSurroundings extends StartSurroundings {
  /** Aborts when the process is to stop, which cancels a waiting start. */
  readonly signal: AbortSignal;
}

interface Opening {
  readonly config: Config;
  readonly given: ClusterSurroundings;
  readonly surroundings: Surroundings;
  readonly live: LiveConfig;
  readonly folder: NodeFolder;
  /** Unique to this run of the process: names its sessions, its topic and its links. */
  readonly instance: string;
  readonly servers: SharedServers;
  readonly nodeList: NodeList;
  readonly security: LinkSecurity;
  readonly peers: Peers;
  readonly closing: Closing;
  readonly parts: NodeParts;
}

/** Rejects with the signal's reason if that aborts. Closes what it has opened whenever it rejects. */
export async function startCluster(config: Config, given: ClusterSurroundings): Promise<StartedServer> {
  const closing = new Closing();
  try {
    return await open(config, given, closing);
  } catch (error) {
    await closing.afterFailure(given.log);
    throw error;
  }
}

async function open(config: Config, given: ClusterSurroundings, closing: Closing): Promise<StartedServer> {
  const { log, clock, sources, readConfig, signal } = given;
  await ensureFolder(config.data);
  const folder = await claimNodeFolder(config);
  closing.push(() => folder.release());
  // A killed process of this name leaves its file behind.
  await removeRunning(folder.path);
  const tracing = await openTracing(config, folder.name, log);
  closing.push(() => tracing?.close());
  const surroundings = { log, clock, tracing, metrics: new Metrics({ process: folder.name, log }) };
  const instance = `${folder.name}.${crypto.randomUUID().slice(0, 8)}`;
  const redis = await whenServing(() => openRedis(config, { clock, log }), { server: 'Redis', clock, log, signal });
  closing.push(() => redis.close());
  const servers = await openSharedServers(config, surroundings, { redis, instance });
  closing.push(() => servers.close());
  const nodeList = new NodeList({ registry: servers.nodes, clock, log });
  closing.push(() => nodeList.stop());
  await nodeList.look();
  const security = await readLinkSecurity(config, { log, clock });
  const peers = new Peers({ own: folder.name, life: instance, list: nodeList, secret: security.secret, clock });
  const parts = new NodeParts(clock);
  const opening: Opening = {
    ...{ config, given, surroundings, folder, instance, servers, nodeList, security, peers, closing, parts },
    live: new LiveConfig(config, readConfig, sources),
  };
  const operatorUrl = await openParts(opening).catch((error: unknown) => {
    // The drain cancelled the wait.
    if (error !== parts.draining.reason) throw error;
    return undefined;
  });
  await parts.becomeReady();
  if (parts.draining.aborted) {
    await parts.drain();
    log.info('drained before it was ready: waiting to be stopped');
    await aborted(signal);
  }
  return {
    ...{ url: parts.url, operatorUrl, died: parts.died },
    handedOver: new Promise(() => {}),
    async stop() {
      await parts.drain();
      await closing.run();
    },
    roll: () => Promise.reject(new Error('in a cluster, drain, stop and start one process after another')),
  };
}

/** Opens the core before the gateway, so that a process with both can answer its first client. Returns the operator URL. */
async function openParts(opening: Opening): Promise<string | undefined> {
  const { config, surroundings, live, folder, instance, servers, nodeList, security, closing, parts } = opening;
  const signal = AbortSignal.any([opening.given.signal, parts.draining]);
  const roles = parseRoles(config.roles);
  const tokens = await openTokens(config, surroundings);
  const common = { instance, servers, nodeList, tokens, security };
  const announcement = announce(opening);
  closing.push(() => announcement.withdraw());
  parts.announcement = announcement;
  const stores =
    roles.has('core') || roles.has('worker')
      ? await openStores(config, surroundings, { instance, servers, closing, signal, sends: roles.has('worker') })
      : undefined;
  if (stores && roles.has('core')) {
    const ofCore = { ...surroundings, tokens, live: () => live.config };
    const core = await openCorePart(config, ofCore, { ...common, stores });
    closing.push(() => core.close());
    parts.core = core;
  }
  if (stores && roles.has('worker')) {
    const worker = composeWorker(surroundings, stores);
    const drain = async () => {
      await stores.events.drain();
      await worker.drain();
    };
    closing.push(drain);
    parts.worker = { drain };
    if (config.rowChanges)
      closing.push(await followRowChanges(config, surroundings, { instance, lookup: stores.lookup }));
  }
  const operatorUrl = await openNodeOperator(opening, [...(stores?.checks ?? []), ...(parts.core?.checks ?? [])]);
  parts.operatorUrl = announcedUrl(config, operatorUrl);
  const running = { pid: process.pid, startedAtMs: surroundings.clock.nowMs(), operatorUrl, roles: [...roles] };
  closing.push(() => removeRunning(folder.path));
  await writeRunning(folder.path, running);
  if (roles.has('gateway')) {
    const gateway = await openGatewayPart(config, surroundings, {
      ...{ ...common, ownCore: parts.core?.own },
      live: () => live.config,
      signal,
      onWaiting: (problem) => {
        parts.coreProblem = problem;
      },
    });
    closing.push(() => gateway.close());
    parts.gateway = gateway;
    await writeRunning(folder.path, { ...running, url: gateway.url });
  }
  return operatorUrl;
}

function announce({ config, given, surroundings, folder, instance, servers, parts }: Opening): Announcement {
  return new Announcement({
    registry: servers.nodes,
    node: {
      ...{ name: folder.name, life: instance, version },
      roles: [...parseRoles(config.roles)],
      startedAtMs: surroundings.clock.nowMs(),
    },
    facts: () => parts.facts(),
    onDrain: () => {
      given.log.info('an operator requested the drain of this process');
      parts.drain().catch((error: unknown) => given.log.error('failed to drain', { error }));
    },
    onReplaced: () => parts.die(),
    clock: surroundings.clock,
    log: surroundings.log,
  });
}

async function openNodeOperator(opening: Opening, partChecks: readonly HealthCheck[]): Promise<string | undefined> {
  const { config, given, surroundings, live, folder, servers, security, peers, closing, parts } = opening;
  // Profiles are stored per process; the operator token is shared by all processes of a data folder.
  const profiles = openProfiles({ ...config, data: folder.path }, surroundings, {
    name: folder.name,
    threads: new ProfiledThreads(),
    others: () => peers.profilers(),
    keepers: peers,
    ackSeconds: () => parts.gateway?.ackSeconds,
  });
  closing.push(() => profiles.close());
  const listen = await operatorListen(config, given.sources);
  const readFiles = certificateRenewal(config, security, surroundings);
  const operator = await openOperator({ ...config, operatorListen: listen }, surroundings, {
    checks: [
      ...[...servers.checks, ...partChecks, ...watchCertificate(security, surroundings)],
      ...[...parts.certificateChecks(config), parts.gatewayCheck(config)],
    ],
    routes: [
      ...nodeRoutes(servers.nodes),
      ...(parts.core?.routes ?? peers.coreRoutes),
      configurationRoute(live),
      ...profiles.routes.map((route) => knowingAll(route, peers)),
      ...profiles.threadRoutes,
      inEveryProcess(reloadRoute(live, { levels: given.log, readFiles }), peers, joinedReports),
    ],
    connections: parts,
    levels: given.log,
    processes: peers,
    peers,
  });
  if (operator) closing.push(() => operator.close());
  return operator?.url;
}
