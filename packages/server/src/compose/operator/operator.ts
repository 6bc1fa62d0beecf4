// The operator API of this process: its listener with the routes of all parts, its token, and the routes of gateway processes.

import { rm, statfs } from 'node:fs/promises';
import { parseAddress } from '@hongyan/base/address';
import type { LogLevels } from '@hongyan/base/log';
import { readOrCreateOperatorToken } from '../../config/operator-token.ts';
import type { Config } from '../../config/options.ts';
import { isLoopback } from '../../http/loopback.ts';
import { ProcessMetrics } from '../../metrics/process-metrics.ts';
import { OperatorAccess } from '../../roles/operator/access.ts';
import { type Connections, closeSessionRoute, connectionsRoute } from '../../roles/operator/connections.ts';
import { type Health, type HealthCheck, healthRoutes, healthy } from '../../roles/operator/health.ts';
import { LogLevelControl } from '../../roles/operator/log-level.ts';
import { familiesRoute, metricsRoute } from '../../roles/operator/metrics-routes.ts';
import { OperatorListener } from '../../roles/operator/operator.ts';
import { Overview } from '../../roles/operator/overview.ts';
import type { PeerAccess } from '../../roles/operator/peer-access.ts';
import { inEveryProcess, inNamedProcess, type Processes } from '../../roles/operator/processes.ts';
import type { OperatorRoute } from '../../roles/operator/route.ts';
import { sessionRoutes } from '../../roles/operator/sessions.ts';
import { varsRoute } from '../../roles/operator/vars.ts';
import type { Surroundings } from '../surroundings.ts';
import { version } from '../version.ts';
import { findConsole } from '../web/web-root.ts';
import { registerDisk } from './storage-metrics.ts';

/** What the process with the operator listener provides. */
export interface OperatorParts {
  readonly checks: readonly HealthCheck[];
  readonly routes: readonly OperatorRoute[];
  readonly connections: Connections;
  /** The log level of all processes; with peers, of this process. */
  readonly levels: LogLevels;
  readonly processes: Processes;
  /** In a cluster: how peers authenticate, and which requests concern all of them. */
  readonly peers?: PeerParts | undefined;
}

export interface PeerParts {
  readonly access: PeerAccess;
  /** Whether this process collects the overview of the cluster: exactly one does. */
  readonly isKeeper: () => boolean;
  /** Forwards to the keeper. */
  readonly ofKeeper: (route: OperatorRoute) => OperatorRoute;
  /** The health of the other processes, for the overview. */
  readonly check: HealthCheck;
}

export interface OpenOperator {
  /** Where it listens on TCP. */
  readonly url: string;
  close(): Promise<void>;
}

/** undefined where the configuration has none. It listens when this resolves. */
export async function openOperator(
  config: Config,
  surroundings: Surroundings,
  { checks, routes, connections, levels, processes, peers }: OperatorParts,
): Promise<OpenOperator | undefined> {
  if (config.operatorListen === '') return undefined;
  const { log, clock, metrics } = surroundings;
  const listen = parseAddress(config.operatorListen);
  const access = new OperatorAccess(await readOrCreateOperatorToken(config.data, log));
  registerDisk(metrics, config.data);
  const allChecks = [...checks, diskCheck(config)];
  const overview = new Overview({
    ...{ metrics, processes, clock, log, version },
    checks: peers ? [...allChecks, peers.check] : allChecks,
    isKeeper: peers?.isKeeper,
  });
  const all = [
    ...healthRoutes(allChecks, clock),
    peers ? peers.ofKeeper(overview.route()) : overview.route(),
    ...sessionRoutes(access, clock),
    metricsRoute(metrics, processes, { isOfAll: peers === undefined }),
    ...new LogLevelControl(levels, clock).routes().map((route) => (peers ? ofEach(route, processes) : route)),
    ...(peers ? [familiesRoute(metrics)] : []),
    ...processRoutes(surroundings, connections).map((route) => inNamedProcess(route, processes)),
    ...routes,
  ];
  const opened = open({ listen, access, peers: peers?.access, routes: all, console: findConsole() }, surroundings);
  overview.start();
  const close = async () => {
    overview.close();
    await opened.close();
  };
  if (!isLoopback(listen.hostname))
    log.warn('the operator listener is reachable from other machines without TLS', { address: config.operatorListen });
  return { url: opened.listener.url, close };
}

/** Reads concern one process, this one unless `?process=` names another; changes apply to all. */
const ofEach = (route: OperatorRoute, processes: Processes): OperatorRoute =>
  route.method === 'GET' ? inNamedProcess(route, processes) : inEveryProcess<unknown>(route, processes, ([own]) => own);

/** The operator API of a gateway process, for the core process: on a Unix socket that only their user can open. */
export async function openProcessOperator(
  unix: string,
  surroundings: Surroundings,
  connections: Connections,
): Promise<Pick<OpenOperator, 'close'>> {
  const { metrics } = surroundings;
  // A process that was killed left its socket behind.
  await rm(unix, { force: true });
  const routes = [familiesRoute(metrics), ...processRoutes(surroundings, connections)];
  return open({ listen: { unix }, routes }, surroundings);
}

/** Routes that concern a single process. */
function processRoutes({ metrics }: Surroundings, connections: Connections): readonly OperatorRoute[] {
  return [varsRoute({ version, metrics }), connectionsRoute(connections), closeSessionRoute(connections)];
}

function open(
  options: Pick<
    ConstructorParameters<typeof OperatorListener>[0],
    'listen' | 'access' | 'peers' | 'routes' | 'console'
  >,
  { log, clock, metrics }: Surroundings,
) {
  const listener = new OperatorListener({ ...options, clock, log });
  listener.start();
  const own = new ProcessMetrics(metrics, { clock, version });
  return {
    listener,
    async close() {
      own.stop();
      await listener.close();
    },
  };
}

/** The disk check degrades below this share: an operator has to act before the disk is full and sends fail. */
const freeShareMin = 0.05;

const diskCheck = ({ data }: Config): HealthCheck => ({
  name: 'disk',
  async check(): Promise<Health> {
    const { bavail, blocks, bsize } = await statfs(data);
    if (bavail >= blocks * freeShareMin) return healthy;
    const freeMebibytes = Math.floor((bavail * bsize) / 1024 / 1024);
    return {
      status: 'degraded',
      reason: `${freeMebibytes} MiB are free on the disk of ${data}; sends fail when it is full`,
    };
  },
});
