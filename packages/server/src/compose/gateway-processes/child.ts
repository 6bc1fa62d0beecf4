// Runs one gateway process: a gateway whose core is in the process that started it. It does not outlive that process.

import { assert, unreachable } from '@hongyan/base/assert';
import { systemClock } from '@hongyan/base/clock';
import { createLog, type Log, type LogLevel, type LogLevels } from '@hongyan/base/log';
import { failure } from '@hongyan/protocol/refusals';
import type { Config } from '../../config/options.ts';
import { Metrics } from '../../metrics/metrics.ts';
import { ProcessProfiler } from '../../profiles/process-profiler.ts';
import { ProfiledThreads } from '../../profiles/profiled-threads.ts';
import { CoreClient } from '../../transport/link/core-client.ts';
import type { DrainTimes } from '../embedded/hand-over.ts';
import { openProcessOperator } from '../operator/operator.ts';
import { openWatchdog } from '../operator/watchdog.ts';
import { drainGateway, openGateway } from '../roles/gateway.ts';
import { openTokens } from '../roles/tokens.ts';
import { openTracing } from '../tracing.ts';
import type { Begin, FromGatewayProcess, ProfileRequest, ProfileResult, ToGatewayProcess } from './messages.ts';

/** Resolves with the exit code. */
export function runGatewayProcess(): Promise<number> {
  if (!process.send) {
    console.error('hongyan: gateway processes are started by hongyan start --gateways');
    return Promise.resolve(2);
  }
  const child = new ChildProcess();
  process.on('message', (message: ToGatewayProcess) => child.receive(message));
  // The core's process is gone, and with it everything that this one could answer.
  process.on('disconnect', () => child.exit(1));
  // A terminal's Ctrl-C reaches every process of its group: the same stop that the core's process then asks for.
  process.on('SIGINT', () => void child.stop());
  process.on('SIGTERM', () => void child.stop());
  // A closing terminal sends it to the core's process too, which drains or, under nohup, goes on: that one decides.
  process.on('SIGHUP', () => {});
  // Whoever signals all processes of a service means the core's, which replaces this one.
  process.on('SIGUSR2', () => {});
  return child.exited;
}

interface RunningGateway {
  readonly profiler: ProcessProfiler;
  readonly certificateEndsAtMs: number | undefined;
  /** Drains, then closes. */
  stop(how: StopHow): Promise<void>;
}

/** `drain` is as configured where it is absent. */
interface StopHow {
  readonly isRelieved: boolean;
  readonly drain?: DrainTimes;
}

class ChildProcess {
  readonly exited: Promise<number>;
  readonly exit: (code: number) => void;
  #begun: Promise<RunningGateway> | undefined;
  #levels: LogLevels | undefined;
  #inForce: Config | undefined;
  /** CPU profiles under way, by the id of their request. */
  readonly #profiles = new Map<number, AbortController>();
  #isStopping = false;

  constructor() {
    const { promise, resolve } = Promise.withResolvers<number>();
    this.exited = promise;
    this.exit = resolve;
  }

  receive(message: ToGatewayProcess): void {
    switch (message.type) {
      case 'begin':
        void this.#begin(message);
        return;
      case 'ask':
        return send({ type: 'alive' });
      case 'in_force':
        if (this.#levels) this.#levels.level = message.level;
        this.#inForce = message.config;
        return;
      case 'profile':
        void this.#profile(message.id, message.request);
        return;
      case 'end_profile':
        return this.#profiles.get(message.id)?.abort();
      case 'stop':
        void this.stop(message);
        return;
      default:
        return unreachable(message);
    }
  }

  async stop(how: StopHow = { isRelieved: false }): Promise<void> {
    if (this.#isStopping) return;
    this.#isStopping = true;
    // A start that failed has reported it and exits by itself.
    const gateway = await this.#begun?.catch(() => undefined);
    for (const profile of this.#profiles.values()) profile.abort();
    await gateway?.stop(how);
    this.exit(0);
  }

  async #begin(begin: Begin): Promise<void> {
    const { config, node } = begin;
    const log = createLog({ level: config.logLevel as LogLevel, fields: { node } });
    this.#levels = log;
    this.#begun = startGateway(begin, log, () => this.#inForce ?? config);
    try {
      const { certificateEndsAtMs } = await this.#begun;
      send({ type: 'ready', certificateEndsAtMs });
    } catch (error) {
      send({ type: 'failed', message: error instanceof Error ? error.message : String(error) });
      this.exit(1);
    }
  }

  async #profile(id: number, request: ProfileRequest): Promise<void> {
    const end = new AbortController();
    this.#profiles.set(id, end);
    try {
      const gateway = await this.#begun;
      assert(gateway, 'a process that is ready has a gateway');
      send({ type: 'profiled', id, result: await profiled(gateway.profiler, request, end.signal) });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      send({ type: 'profiled', id, result: failure.profilerFailed(reason) });
    } finally {
      this.#profiles.delete(id);
    }
  }
}

function profiled(profiler: ProcessProfiler, request: ProfileRequest, signal: AbortSignal): Promise<ProfileResult> {
  switch (request.type) {
    case 'cpu':
      return profiler.cpu({ seconds: request.seconds, signal });
    case 'heap':
      return profiler.heap(request);
    case 'snapshot':
      return profiler.heapSnapshot(request.file);
    default:
      return unreachable(request);
  }
}

async function startGateway(
  { config, node, socketPath, operatorPath }: Begin,
  log: Log,
  live: () => Config,
): Promise<RunningGateway> {
  const clock = systemClock;
  const metrics = new Metrics({ process: node, log });
  const { linkTimeoutMs: timeoutMs, linkInFlightMax: inFlightMax } = config;
  const link = await CoreClient.connect({ socketPath, node, clock, log, timeoutMs, inFlightMax });
  metrics.queue('link', { depth: () => link.inFlightCount, max: inFlightMax });
  metrics.gauge({ name: 'hongyan_link_up', help: 'Whether the core is reached', read: () => Number(link.isUp) });
  const { core, bus } = link;
  const tokens = await openTokens(config, { clock, log });
  const place = { core, bus, tokens, node, live, isPortShared: true, isCoreReachable: () => link.isUp };
  const tracing = await openTracing(config, node, log);
  const gateway = await openGateway(config, { log, clock, metrics, tracing }, place);
  const operator =
    config.operatorListen === ''
      ? undefined
      : await openProcessOperator(operatorPath, { log, clock, metrics }, gateway);
  const watchdog = openWatchdog(config, {
    clock,
    ackSeconds: () => gateway.ackSeconds,
    onPassed: (detail) => send({ type: 'passed', detail }),
  });
  return {
    profiler: new ProcessProfiler({ name: node, threads: new ProfiledThreads(), clock }),
    certificateEndsAtMs: gateway.certificateEndsAtMs,
    async stop({ isRelieved, drain = config }) {
      watchdog.close();
      await drainGateway(gateway, drain, { clock, isRelieved: () => isRelieved });
      await gateway.close();
      await operator?.close();
      await link.close();
      await tracing?.close();
    },
  };
}

const send = (message: FromGatewayProcess): void => {
  process.send?.(message);
};
