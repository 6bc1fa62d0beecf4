// The other processes of the cluster, reached at their operator listeners, so that any process answers for the whole cluster.

import type { Clock } from '@hongyan/base/clock';
import { failure } from '@hongyan/protocol/refusals';
import type { NodeRecord } from '../../ports/node-registry/node-registry.ts';
import type { ProfiledProcess } from '../../profiles/profiled-process.ts';
import { type Health, type HealthCheck, healthy, type Readiness } from '../../roles/operator/health.ts';
import { PeerAccess } from '../../roles/operator/peer-access.ts';
import { answerOf, askEach, type Processes, passOn, type ServerProcess } from '../../roles/operator/processes.ts';
import type { OperatorRequest, OperatorRoute } from '../../roles/operator/route.ts';
import type { NodeList } from './node-list.ts';
import { PeerProfiler } from './peer-profiler.ts';

export interface PeersOptions {
  /** The name of this process. */
  readonly own: string;
  readonly life: string;
  readonly list: Pick<NodeList, 'nodes' | 'look'>;
  readonly secret: Uint8Array;
  readonly clock: Clock;
}

/** Whoever asks about readiness waits a second. */
const readinessTimeoutMs = 800;
const keeperTimeoutMs = 5_000;
const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

export class Peers implements Processes {
  /** Authenticates requests of peers to this process. */
  readonly access: PeerAccess;
  readonly #options: PeersOptions;

  constructor(options: PeersOptions) {
    this.#options = options;
    this.access = new PeerAccess(options.life, options);
  }

  get own(): string {
    return this.#options.own;
  }

  look(): Promise<void> {
    return this.#options.list.look();
  }

  others(): readonly ServerProcess[] {
    return this.#others().map((node) => this.#processOf(node));
  }

  /** A process with the role core; undefined: there is none. */
  #core(): ServerProcess | undefined {
    const nodes = this.#others().filter(({ roles, state }) => roles.includes('core') && state !== 'starting');
    const [node = nodes[0]] = nodes.filter(({ state }) => state === 'ready');
    return node && this.#processOf(node);
  }

  /** The process that started first, because its overview reaches back furthest. undefined: this process. */
  #keeper(): ServerProcess | undefined {
    const { own, list } = this.#options;
    const [first] = list.nodes
      .filter(({ name, operatorUrl }) => name === own || operatorUrl !== undefined)
      .toSorted((a, b) => a.startedAtMs - b.startedAtMs || (a.name < b.name ? -1 : 1));
    return first === undefined || first.name === own ? undefined : this.#processOf(first);
  }

  isKeeper = (): boolean => this.#keeper() === undefined;

  /** Forwards to the keeper. This process answers itself if the keeper does not, or if `?process=` names it. */
  ofKeeper = (route: OperatorRoute): OperatorRoute => ({
    ...route,
    handle: async (request) => {
      const keeper = request.query.has('process') ? undefined : this.#keeper();
      if (keeper === undefined) return route.handle(request);
      const path = `${route.path}?process=${encodeURIComponent(keeper.name)}`;
      const init = { signal: AbortSignal.timeout(keeperTimeoutMs) };
      return answerOf(keeper, path, init).catch(() => route.handle(request));
    },
  });

  /** [O35] Forwards routes that need the stores to a core. */
  get coreRoutes(): readonly OperatorRoute[] {
    return methods.map((method) => {
      const route = { method, path: '/admin/v1/*', isSlow: true };
      const handle = (request: OperatorRequest) => {
        const core = this.#core();
        return core === undefined ? failure.coreUnreachable() : passOn(core, route, request);
      };
      return { ...route, handle };
    });
  }

  profilers(): readonly ProfiledProcess[] {
    return this.others().map((process) => new PeerProfiler(process));
  }

  /** Degraded at worst: this process serves whatever the state of the others. */
  readonly check: HealthCheck = {
    name: 'processes',
    check: async (): Promise<Health> => {
      const answers = await askEach(this.others(), (process) =>
        process.fetch('/readyz?always=200', { signal: AbortSignal.timeout(readinessTimeoutMs) }),
      );
      const problems = answers.flatMap(([name, answer]) => problemsOf(name, answer as Readiness | undefined));
      return problems.length === 0 ? healthy : { status: 'degraded', reason: problems.join('; ') };
    },
  };

  /** The nodes with an operator listener. */
  #others(): readonly NodeRecord[] {
    const { own, list } = this.#options;
    return list.nodes.filter(({ name, operatorUrl }) => name !== own && operatorUrl !== undefined);
  }

  #processOf({ name, life, operatorUrl }: NodeRecord): ServerProcess {
    return {
      name,
      fetch: (path, init = {}) => {
        const { method = 'GET', body } = init;
        const signed = { method, path, body: typeof body === 'string' ? body : '' };
        const authorization = this.access.headerFor(life, signed);
        return fetch(`${operatorUrl}${path}`, { redirect: 'error', ...init, headers: { authorization } });
      },
    };
  }
}

function problemsOf(name: string, readiness: Readiness | undefined): readonly string[] {
  if (readiness === undefined) return [`${name} does not answer`];
  return Object.entries(readiness.checks).flatMap(([check, health]) =>
    health.status === 'ok' ? [] : [`${name}: ${check}: ${health.reason}`],
  );
}
