// The embedded profile: all roles on SQLite and memory, in one process or with several gateway processes in front of it.

import { ensureFolder } from '../config/folder-access.ts';
import type { Config } from '../config/options.ts';
import { removeRunning, writeRunning } from '../config/running-server.ts';
import type { Tokens } from '../ports/tokens/tokens.ts';
import { type Health, type HealthCheck, healthy } from '../roles/operator/health.ts';
import { type OpenCore, openCore, type Surroundings } from './core.ts';
import { openGateway } from './gateway.ts';
import { openOperator } from './operator.ts';
import { GatewaySupervisor } from './processes/supervisor.ts';
import { openTokens } from './tokens.ts';

export interface Running {
  /** Where clients of this machine connect. */
  readonly url: string;
  /** Absent: operators are not listened to. */
  readonly operatorUrl: string | undefined;
  /** Resolves when it can serve no longer and has to be stopped. */
  readonly died: Promise<void>;
  /** Drains: closes connections, finishes accepted sends, closes the stores. */
  stop(): Promise<void>;
}

export interface EmbeddedSurroundings extends Surroundings {
  /** The command that runs this program again, for processes beside this one. */
  readonly program: readonly string[];
}

export async function startEmbedded(config: Config, surroundings: EmbeddedSurroundings): Promise<Running> {
  await ensureFolder(config.data);
  // The secret is created and checked here, once: gateway processes that start at the same time would each create one.
  const tokens = await openTokens(config, surroundings);
  const opened = await openCore(config, { ...surroundings, tokens });
  const closing = [() => opened.close()];
  const close = async () => {
    for (const one of closing.splice(0).reverse()) await one();
  };
  try {
    const front = new Front();
    // Before clients are let in: an address that is taken is reported first, and operators see the start.
    const operator = await openOperator(config, surroundings, { checks: [opened.check, front.check], routes: [] });
    if (operator) closing.push(() => operator.close());
    const running = { pid: process.pid, startedAtMs: surroundings.clock.nowMs(), operatorUrl: operator?.url };
    closing.push(() => removeRunning(config.data));
    await writeRunning(config.data, running);
    const gateways = await startGateways(config, surroundings, { opened, tokens });
    closing.push(() => gateways.stop());
    front.opened(gateways);
    const { url } = gateways;
    await writeRunning(config.data, { ...running, url });
    return { url, operatorUrl: operator?.url, died: opened.died, stop: close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** What stands in front of the core: one gateway in this process, or processes of their own. */
interface Gateways {
  readonly url: string;
  readonly health: Health;
  stop(): Promise<void>;
}

/** The gateways' readiness, which operators ask for before there are any. */
class Front {
  #gateways: Gateways | undefined;

  opened(gateways: Gateways): void {
    this.#gateways = gateways;
  }

  readonly check: HealthCheck = {
    name: 'gateways',
    check: () => this.#gateways?.health ?? { status: 'failed', reason: 'the server is starting' },
  };
}

async function startGateways(
  config: Config,
  surroundings: EmbeddedSurroundings,
  { opened, tokens }: { readonly opened: OpenCore; readonly tokens: Tokens },
): Promise<Gateways> {
  if (config.gateways > 1) return GatewaySupervisor.start(config, surroundings, opened);
  const { core, bus } = opened;
  const gateway = await openGateway(config, surroundings, { core, bus, tokens, node: 'embedded' });
  return {
    url: gateway.url,
    get health(): Health {
      const { readiness } = gateway;
      return readiness === 'ready' ? healthy : { status: 'failed', reason: readiness };
    },
    async stop() {
      await gateway.drain(surroundings.clock.monotonicMs() + config.drainMs);
      await gateway.close();
    },
  };
}
