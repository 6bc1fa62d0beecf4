// What operators ask of this server: the listener with the routes of its parts, its token, and what gateway processes answer to it.

import { rm, statfs } from 'node:fs/promises';
import { parseAddress } from '@hongyan/base/address';
import type { LogLevels } from '@hongyan/base/log';
import { readOrCreateOperatorToken } from '../config/operator-token.ts';
import type { Config } from '../config/options.ts';
import { isLoopback } from '../http/loopback.ts';
import { ProcessMetrics } from '../metrics/process-metrics.ts';
import { OperatorAccess } from '../roles/operator/access.ts';
import { type Connections, closeSessionRoute, connectionsRoute } from '../roles/operator/connections.ts';
import { type Health, type HealthCheck, healthRoutes, healthy } from '../roles/operator/health.ts';
import { LogLevelControl } from '../roles/operator/log-level.ts';
import { familiesRoute, metricsRoute } from '../roles/operator/metrics-routes.ts';
import { OperatorListener } from '../roles/operator/operator.ts';
import { Overview } from '../roles/operator/overview.ts';
import { inNamedProcess, type Processes } from '../roles/operator/processes.ts';
import type { OperatorRoute } from '../roles/operator/route.ts';
import { sessionRoutes } from '../roles/operator/sessions.ts';
import { varsRoute } from '../roles/operator/vars.ts';
import { registerDisk } from './storage-metrics.ts';
import type { Surroundings } from './surroundings.ts';
import { version } from './version.ts';
import { findConsole } from './web-root.ts';

/** Of the process that listens to operators. */
export interface OperatorParts {
  readonly checks: readonly HealthCheck[];
  readonly routes: readonly OperatorRoute[];
  readonly connections: Connections;
  /** Of all processes. */
  readonly levels: LogLevels;
  /** The processes beside this one. */
  readonly processes: Processes;
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
  { checks, routes, connections, levels, processes }: OperatorParts,
): Promise<OpenOperator | undefined> {
  if (config.operatorListen === '') return undefined;
  const { log, clock, metrics } = surroundings;
  const listen = parseAddress(config.operatorListen);
  const access = new OperatorAccess(await readOrCreateOperatorToken(config.data, log));
  registerDisk(metrics, config.data);
  const allChecks = [...checks, diskCheck(config)];
  const overview = new Overview({ metrics, processes, checks: allChecks, clock, log, version });
  const all = [
    ...healthRoutes(allChecks, clock),
    overview.route(),
    ...sessionRoutes(access, clock),
    metricsRoute(metrics, processes),
    ...new LogLevelControl(levels, clock).routes(),
    ...processRoutes(surroundings, connections).map((route) => inNamedProcess(route, processes)),
    ...routes,
  ];
  const opened = open({ listen, access, routes: all, console: await findConsole() }, surroundings);
  overview.start();
  const close = async () => {
    overview.close();
    await opened.close();
  };
  if (!isLoopback(listen)) log.warn('operators are listened to without TLS', { address: config.operatorListen });
  return { url: opened.listener.url, close };
}

/** A gateway process: the core's asks it, over a socket that their user alone can open. */
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

/** What is asked of one process. */
function processRoutes({ metrics }: Surroundings, connections: Connections): readonly OperatorRoute[] {
  return [varsRoute({ version, metrics }), connectionsRoute(connections), closeSessionRoute(connections)];
}

function open(
  options: Pick<ConstructorParameters<typeof OperatorListener>[0], 'listen' | 'access' | 'routes' | 'console'>,
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

/** With less than this free, an operator has to act before the disk is full: sends then fail. */
const freeShareMin = 0.05;

const diskCheck = ({ data }: Config): HealthCheck => ({
  name: 'disk',
  async check(): Promise<Health> {
    const { bavail, blocks, bsize } = await statfs(data);
    if (bavail >= blocks * freeShareMin) return healthy;
    const freeMebibytes = Math.floor((bavail * bsize) / 1024 / 1024);
    return { status: 'degraded', reason: `${freeMebibytes} MiB are free where ${data} lies; sends fail when none are` };
  },
});
