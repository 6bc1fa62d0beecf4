// The role gateway in a cluster: clients in front, cores behind the links or in this very process.

import { sleep } from '@hongyan/base/clock';
import { operations } from '@hongyan/protocol/operations/operations';
import type { Config } from '../../config/options.ts';
import { Histogram, latencyBoundsS } from '../../metrics/histogram.ts';
import type { Core } from '../../ports/core/core.ts';
import type { NodeRecord } from '../../ports/node-registry/node-registry.ts';
import type { SessionRef } from '../../ports/session-registry/session-registry.ts';
import type { HistogramCounts } from '../../profiles/watchdog.ts';
import type { Gateway } from '../../roles/gateway/gateway.ts';
import type { GatewayOptions } from '../../roles/gateway/options.ts';
import type { Connections } from '../../roles/operator/connections.ts';
import { type Health, healthy } from '../../roles/operator/health.ts';
import { type CorePlace, CorePool } from '../../transport/link/core-pool.ts';
import { Closing } from '../closing.ts';
import { drainGateway, openGateway } from '../roles/gateway.ts';
import type { Surroundings } from '../surroundings.ts';
import type { NodeList } from './node-list.ts';
import type { RolePart, RolePartOptions } from './role-part.ts';

export interface GatewayPart extends RolePart {
  readonly url: string;
  readonly connections: Connections;
  readonly certificateEndsAtMs: number | undefined;
  readonly ackSeconds: HistogramCounts | undefined;
  health(): Health;
}

export interface GatewayPartOptions extends RolePartOptions {
  /** Of this process; absent: the cores that announce themselves are asked. */
  readonly ownCore?: OwnCore | undefined;
  /** The configuration in force. */
  readonly live: () => Config;
  /** While there is no core yet: why none is reached, where there is a reason. */
  readonly onWaiting: (problem: string | undefined) => void;
  /** Ends the wait for a core. */
  readonly signal: AbortSignal;
}

/** A core in the same process. */
export interface OwnCore {
  readonly core: Core;
  readonly steps: NonNullable<GatewayOptions['steps']>;
}

/** Behind links. */
interface FoundCores {
  readonly core: Core;
  readonly isCoreReachable: () => boolean;
  readonly problem: () => string | undefined;
}

interface LinkSeconds {
  readonly questions: Histogram;
  readonly changes: Histogram;
}

/** Operations that wait for a commit. */
const changes: ReadonlySet<string> = new Set(
  Object.entries(operations).flatMap(([name, { changes: isChange }]) => (isChange ? [name] : [])),
);
/** Its sessions hold three times as long without it. */
const renewEveryMs = 10_000;
const waitLogEveryMs = 10_000;
const pollMs = 50;
const noCore = 'none is there: start one by hongyan start --profile cluster --roles core';

export async function openGatewayPart(
  config: Config,
  surroundings: Surroundings,
  options: GatewayPartOptions,
): Promise<GatewayPart> {
  const { log, clock } = surroundings;
  const { instance: node, tokens, servers, nodeList, ownCore, live } = options;
  const closing = new Closing();
  const open = async () => {
    const cores = ownCore ?? (await findCores(config, surroundings, { ...options, closing }));
    const place = { ...cores, ...{ bus: servers.bus, tokens, node, live } };
    const addressLimiter = servers.limiter('addresses');
    return { cores, gateway: await openGateway(config, surroundings, { ...place, addressLimiter }) };
  };
  const { cores, gateway } = await open().catch(async (error: unknown) => {
    await closing.run();
    throw error;
  });
  surroundings.metrics.gauge({
    name: 'hongyan_online_users',
    help: 'Users with a connection to any process',
    read: () => new Set(Array.from(gateway.callers, ({ userId }) => userId)).size,
  });
  const renewing = clock.every(renewEveryMs, () => {
    servers.registry
      .renew(node, sessionsOf(gateway, node))
      .catch((error: unknown) => log.warn('failed to renew sessions, retrying', { error }));
  });
  closing.push(async () => {
    renewing.cancel();
    await gateway.close();
    await servers.registry
      .forgetNode(node)
      .catch((error: unknown) => log.warn('failed to remove sessions: they expire', { error }));
  });
  const { url } = gateway;
  return {
    url,
    connections: gateway,
    certificateEndsAtMs: gateway.certificateEndsAtMs,
    get ackSeconds() {
      return gateway.ackSeconds;
    },
    health: () => healthOf(gateway, cores),
    // Also while it closes.
    facts: () => ({ url, connections: gateway.connectionCount }),
    drain: () => drainGateway(gateway, config, { clock, isRelieved: () => isAnotherReady(nodeList, node) }),
    close: () => closing.run(),
  };
}

/** Whether the cluster has a ready gateway besides this one. */
async function isAnotherReady(nodeList: NodeList, instance: string): Promise<boolean> {
  await nodeList.look();
  return nodeList.nodes.some(
    ({ life, roles, state }) => life !== instance && state === 'ready' && roles.includes('gateway'),
  );
}

/** A core in the same process has no links. */
function healthOf({ readiness }: Gateway, cores: OwnCore | FoundCores): Health {
  if (readiness === 'ready') return healthy;
  const why = readiness === 'without core' && 'problem' in cores ? cores.problem() : undefined;
  return { status: 'failed', reason: why === undefined ? readiness : `${readiness}: ${why}` };
}

function* sessionsOf(gateway: Gateway, node: string): Iterable<SessionRef> {
  for (const { userId, deviceId, sessionId } of gateway.callers) yield { userId, deviceId, sessionId, node };
}

/**
 * Resolves when there is one: without a core a gateway could not even tell which tokens were revoked. Rejects with the reason when
 * `signal` aborts.
 */
async function findCores(
  { linkTimeoutMs: timeoutMs, linkInFlightMax: inFlightMax }: Config,
  { log, clock, metrics }: Surroundings,
  { instance, nodeList, security, onWaiting, signal, closing }: GatewayPartOptions & { readonly closing: Closing },
): Promise<FoundCores> {
  const seconds = { questions: new Histogram(latencyBoundsS), changes: new Histogram(latencyBoundsS) };
  const pool = new CorePool({
    ...{ node: instance, security, clock, log, timeoutMs, inFlightMax },
    onAnswered: (name, value) => (changes.has(name) ? seconds.changes : seconds.questions).observe(value),
  });
  closing.push(() => pool.close());
  registerPool(metrics, { pool, inFlightMax, seconds });
  closing.push(nodeList.follow((nodes) => pool.follow(nodes.flatMap(placeOf))));
  for (let waitedMs = 0; !pool.isUp; waitedMs += pollMs) {
    const { problem } = pool;
    onWaiting(problem);
    if (waitedMs % waitLogEveryMs === waitLogEveryMs / 10)
      log.warn('waiting for a core', { problem: problem ?? noCore });
    await sleep(clock, { delayMs: pollMs, signal });
    signal.throwIfAborted();
  }
  return { core: pool.core, isCoreReachable: () => pool.isUp, problem: () => pool.problem };
}

/** A core is reached under the name of its life: the next one of the same name is another. */
function placeOf({ name, life, state, linkAddress }: NodeRecord): readonly CorePlace[] {
  if (linkAddress === undefined || state === 'starting' || state === 'drained') return [];
  return [{ name: `${name}/${life}`, address: linkAddress, isDraining: state === 'draining' }];
}

function registerPool(
  metrics: Surroundings['metrics'],
  {
    pool,
    inFlightMax,
    seconds,
  }: { readonly pool: CorePool; readonly inFlightMax: number; readonly seconds: LinkSeconds },
): void {
  metrics.queue('link', { depth: () => pool.inFlightCount, max: inFlightMax });
  metrics.gauge({ name: 'hongyan_link_up', help: 'Cores that are reached', read: () => pool.upCount });
  metrics.histogram({
    name: 'hongyan_link_seconds',
    help: 'From asking a core to its answer; kind: questions, or changes with their way through the command log',
    read: () => [
      [{ kind: 'questions' }, seconds.questions],
      [{ kind: 'changes' }, seconds.changes],
    ],
  });
  metrics.counter({
    name: 'hongyan_link_repeated_total',
    help: 'Questions that were put to another core when one was lost',
    read: () => pool.retriedCount,
  });
}
