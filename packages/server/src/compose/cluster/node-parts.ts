// The parts of a running cluster process, and the order in which they drain: gateway, core, worker.

import { type Clock, sleep } from '@hongyan/base/clock';
import type { Config } from '../../config/options.ts';
import { parseRoles } from '../../config/roles.ts';
import type { Connections } from '../../roles/operator/connections.ts';
import type { HealthCheck } from '../../roles/operator/health.ts';
import { certificateCheck } from '../operator/certificate-end.ts';
import type { ComposedWorker } from '../roles/worker.ts';
import type { Announcement } from './announcement.ts';
import type { CorePart } from './core-part.ts';
import type { GatewayPart } from './gateway-part.ts';
import type { NodeFacts } from './role-part.ts';

/** Gateways may send requests to a draining core for this long, until they notice. */
const noticedWithinMs = 1_500;

export class NodeParts implements Connections {
  /** Resolves when the process can serve no longer and has to be stopped. */
  readonly died: Promise<void>;
  readonly die: () => void;
  announcement: Announcement | undefined;
  gateway: GatewayPart | undefined;
  worker: ComposedWorker | undefined;
  operatorUrl: string | undefined;
  /** Why a gateway that waits for a core reaches none. */
  coreProblem: string | undefined;
  readonly #clock: Clock;
  core: CorePart | undefined;
  readonly #allThere = Promise.withResolvers<void>();
  readonly #draining = new AbortController();
  #drained: Promise<void> | undefined;

  constructor(clock: Clock) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.died = promise;
    this.die = resolve;
    this.#clock = clock;
  }

  get url(): string | undefined {
    return this.gateway?.url;
  }

  list: Connections['list'] = (page) => this.gateway?.connections.list(page) ?? [];
  closeSession: Connections['closeSession'] = (id) => this.gateway?.connections.closeSession(id) === true;

  facts(): NodeFacts {
    const { operatorUrl } = this;
    return { operatorUrl, ...this.core?.facts(), ...this.gateway?.facts() };
  }

  /** Aborts when the drain begins: a part that still waits for a server is cancelled. */
  get draining(): AbortSignal {
    return this.#draining.signal;
  }

  /** No part comes after it. A process that was asked to drain meanwhile does not become ready: it is emptied now. */
  async becomeReady(): Promise<void> {
    this.#allThere.resolve();
    if (!this.draining.aborted) await this.announcement?.become('ready');
  }

  /** Idempotent. During a start it waits for the parts that are still opening. */
  drain(): Promise<void> {
    this.#drained ??= this.#drain();
    return this.#drained;
  }

  async #drain(): Promise<void> {
    this.#draining.abort();
    await this.announcement?.become('draining');
    await this.#allThere.promise;
    await this.gateway?.drain();
    if (this.core) {
      await sleep(this.#clock, { delayMs: noticedWithinMs });
      await this.core.drain();
    }
    await this.worker?.drain();
    await this.announcement?.become('drained');
  }

  certificateChecks({ tlsCert }: Config): readonly HealthCheck[] {
    if (tlsCert === '') return [];
    const endsAtMs = () => this.gateway?.certificateEndsAtMs;
    const afterRenewal = 'restart this process';
    return [certificateCheck('client certificate', { option: 'tls-cert', endsAtMs, afterRenewal }, this.#clock)];
  }

  /** The check of a process with the role gateway, also while it waits for a core. */
  gatewayCheck({ roles }: Config): HealthCheck {
    const isWanted = parseRoles(roles).has('gateway');
    return {
      name: 'node',
      check: () => {
        if (this.draining.aborted) return { status: 'failed', reason: 'draining' };
        if (!isWanted) return { status: 'ok' };
        if (this.gateway) return this.gateway.health();
        const why = this.coreProblem;
        return { status: 'failed', reason: `starting: waiting for a core${why === undefined ? '' : `; ${why}`}` };
      },
    };
  }
}
