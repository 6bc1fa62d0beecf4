// The embedded profile: all roles on SQLite and memory, in one process or with several gateway processes in front of it.

import type { LogLevels } from '@hongyan/base/log';
import { ok } from '@hongyan/base/result';
import { failure, type Result, refusal } from '@hongyan/protocol/refusals';
import { LiveConfig } from '../../config/live-config.ts';
import type { Config } from '../../config/options.ts';
import { ensureFolder, warnIfOpen } from '../../files/folder-access.ts';
import { Metrics } from '../../metrics/metrics.ts';
import type { Tokens } from '../../ports/tokens/tokens.ts';
import type { ProfiledProcess } from '../../profiles/profiled-process.ts';
import { ProfiledThreads } from '../../profiles/profiled-threads.ts';
import type { HistogramCounts } from '../../profiles/watchdog.ts';
import type { Connections } from '../../roles/operator/connections.ts';
import { deviceRoutes } from '../../roles/operator/devices.ts';
import { eventsRoute } from '../../roles/operator/events.ts';
import { handOverRoute } from '../../roles/operator/hand-over.ts';
import { type Health, type HealthCheck, healthy } from '../../roles/operator/health.ts';
import { journeyRoute } from '../../roles/operator/journey.ts';
import { keyRoutes } from '../../roles/operator/keys.ts';
import { noticeRoutes } from '../../roles/operator/notices.ts';
import { peopleRoutes } from '../../roles/operator/people.ts';
import { coreProcess, type ServerProcess } from '../../roles/operator/processes.ts';
import { signOutRoute } from '../../roles/operator/sign-outs.ts';
import { taskRoutes } from '../../roles/operator/tasks.ts';
import { tierRoutes } from '../../roles/operator/tiers.ts';
import { webhookRoutes } from '../../roles/operator/webhooks.ts';
import { Closing } from '../closing.ts';
import { withReaders } from '../commands/folder-stores.ts';
import { removeRunning, writeRunning } from '../commands/running-file.ts';
import { GatewaySupervisor } from '../gateway-processes/supervisor.ts';
import { certificateCheck } from '../operator/certificate-end.ts';
import { configurationRoute } from '../operator/configuration-route.ts';
import { openOperator } from '../operator/operator.ts';
import { type OpenProfiles, openProfiles } from '../operator/profiles.ts';
import { reloadRoute } from '../operator/reload-route.ts';
import { registerStores } from '../operator/storage-metrics.ts';
import { drainGateway, openGateway } from '../roles/gateway.ts';
import { openTokens } from '../roles/tokens.ts';
import type { StartedServer, StartSurroundings } from '../started-server.ts';
import type { Surroundings } from '../surroundings.ts';
import { openTracing } from '../tracing.ts';
import { type OpenCore, openCore } from './embedded-core.ts';
import { type DrainTimes, HandOver } from './hand-over.ts';

export async function startEmbedded(
  config: Config,
  given: StartSurroundings,
): Promise<StartedServer & { readonly url: string }> {
  const tracing = await openTracing(config, coreProcess, given.log);
  const surroundings = { ...given, metrics: new Metrics({ process: coreProcess, log: given.log }), tracing };
  await ensureFolder(config.data);
  await warnIfOpen(config.data, surroundings.log);
  // The secret is created and checked once, here: gateway processes that start together would each create one.
  const tokens = await openTokens(config, surroundings);
  const threads = new ProfiledThreads();
  const live = new LiveConfig(config, given.readConfig, given.sources);
  const opened = await openCore(config, { ...surroundings, tokens, threads, live: () => live.config });
  const closing = new Closing();
  closing.push(() => tracing?.close());
  closing.push(() => opened.close());
  try {
    const front = new Front();
    const handOver = new HandOver();
    // The operator listener opens before the gateways: an occupied address is reported first, and operators can watch the start.
    const profiles = openProfiles(config, surroundings, {
      name: coreProcess,
      threads,
      others: () => front.profilers,
      ackSeconds: () => front.ackSeconds,
    });
    closing.push(() => profiles.close());
    const { routes, onPassed } = profiles;
    const levels = front.levels(given.log);
    registerStores(surroundings.metrics, config.data);
    const operator = await openOperator(config, surroundings, {
      checks: [opened.check, ...opened.checks, front.check, ...front.certificateChecks(config, surroundings)],
      routes: [
        ...webhookRoutes(opened.core),
        eventsRoute(opened.events.reader),
        ...tierRoutes(opened.tiers),
        ...keyRoutes(opened.access, surroundings.clock),
        ...peopleRoutes(opened.people),
        signOutRoute({ core: opened.core, directory: opened.people.directory }),
        journeyRoute((work) => withReaders(config, work)),
        configurationRoute(live),
        ...routes,
        ...noticeRoutes(opened.notices),
        reloadRoute(live, { levels, onChanged: () => front.sendInForce() }),
        handOverRoute(() => handOver.begin()),
        { method: 'POST', path: '/admin/v1/gateways/roll', isSlow: true, handle: () => front.roll() },
        ...deviceRoutes(opened.devices),
        ...taskRoutes(opened.tasks),
      ],
      connections: front,
      levels,
      processes: { own: coreProcess, others: () => front.processes },
    });
    if (operator) closing.push(() => operator.close());
    const running = { pid: process.pid, startedAtMs: surroundings.clock.nowMs(), operatorUrl: operator?.url };
    closing.push(() => removeRunning(config.data));
    await writeRunning(config.data, running);
    const gateways = await startGateways(config, { ...surroundings, onPassed }, { opened, tokens, live });
    closing.push(() => gateways.stop(handOver.drainOf(config)));
    front.opened(gateways);
    const { url } = gateways;
    await writeRunning(config.data, { ...running, url });
    return {
      ...{ url, operatorUrl: operator?.url, died: opened.died, handedOver: handOver.begun },
      ...{ stop: () => closing.run(), roll: () => gateways.roll() },
    };
  } catch (error) {
    await closing.afterFailure(given.log);
    throw error;
  }
}

/** The gateways in front of the core: one in this process, or several gateway processes. */
interface Gateways {
  readonly url: string;
  readonly health: Health;
  readonly certificateEndsAtMs: number | undefined;
  /** Of this process. */
  readonly connections: Connections;
  /** Sends the changed log level or configuration to the gateway processes. */
  sendInForce(): void;
  /** Beside this process. */
  readonly processes: readonly ServerProcess[];
  roll(): Promise<void>;
  /** Of the same. */
  readonly profilers: readonly ProfiledProcess[];
  /** Of this process. */
  readonly ackSeconds: HistogramCounts | undefined;
  stop(drain: DrainTimes): Promise<void>;
}

/** The gateways as operators see them, also before any has started. */
class Front implements Connections {
  #gateways: Gateways | undefined;

  opened(gateways: Gateways): void {
    this.#gateways = gateways;
    // The configuration may have changed while the gateways started.
    gateways.sendInForce();
  }

  sendInForce(): void {
    this.#gateways?.sendInForce();
  }

  list: Connections['list'] = (page) => this.#gateways?.connections.list(page) ?? [];
  closeSession: Connections['closeSession'] = (id) => this.#gateways?.connections.closeSession(id) === true;

  /** Of all processes, as one. */
  levels(own: LogLevels): LogLevels {
    const changed = () => this.sendInForce();
    return {
      get level() {
        return own.level;
      },
      set level(level) {
        own.level = level;
        changed();
      },
    };
  }

  get ackSeconds(): HistogramCounts | undefined {
    return this.#gateways?.ackSeconds;
  }

  get profilers(): readonly ProfiledProcess[] {
    return this.#gateways?.profilers ?? [];
  }

  get processes(): readonly ServerProcess[] {
    return this.#gateways?.processes ?? [];
  }

  /** [O22] Resolves when all are replaced. */
  async roll(): Promise<Result<{ readonly replaced: readonly string[] }>> {
    if (this.#gateways === undefined || this.#gateways.processes.length === 0)
      return refusal.invalid('this server has no gateway processes to replace: restart it instead');
    try {
      await this.#gateways.roll();
    } catch (error) {
      return failure.notReplaced(error instanceof Error ? error.message : String(error));
    }
    return ok({ replaced: this.#gateways.processes.map(({ name }) => name) });
  }

  readonly check: HealthCheck = {
    name: 'gateways',
    check: () => this.#gateways?.health ?? { status: 'failed', reason: 'the server is starting' },
  };

  certificateChecks({ tlsCert, gateways }: Config, { clock }: Pick<Surroundings, 'clock'>): readonly HealthCheck[] {
    if (tlsCert === '') return [];
    const endsAtMs = () => this.#gateways?.certificateEndsAtMs;
    const afterRenewal = gateways > 1 ? 'run hongyan roll' : 'restart the server';
    return [certificateCheck('client certificate', { option: 'tls-cert', endsAtMs, afterRenewal }, clock)];
  }
}

async function startGateways(
  config: Config,
  surroundings: StartSurroundings & Surroundings & Pick<OpenProfiles, 'onPassed'>,
  {
    opened,
    tokens,
    live,
  }: {
    readonly opened: OpenCore;
    readonly tokens: Tokens;
    readonly live: LiveConfig;
  },
): Promise<Gateways> {
  const inForce = () => live.config;
  if (config.gateways > 1) return GatewaySupervisor.start(config, { ...surroundings, live: inForce }, opened);
  const { core, bus, limits } = opened;
  const place = { core, bus, tokens, steps: { limit: limits.check }, node: 'embedded', live: inForce };
  const gateway = await openGateway(config, surroundings, place);
  return {
    url: gateway.url,
    processes: [],
    profilers: [],
    get ackSeconds() {
      return gateway.ackSeconds;
    },
    get health(): Health {
      const { readiness } = gateway;
      return readiness === 'ready' ? healthy : { status: 'failed', reason: readiness };
    },
    certificateEndsAtMs: gateway.certificateEndsAtMs,
    connections: gateway,
    sendInForce() {},
    roll: () => Promise.reject(new Error('this server is one process: restart it instead')),
    async stop(drain) {
      await drainGateway(gateway, drain, surroundings);
      await gateway.close();
    },
  };
}
