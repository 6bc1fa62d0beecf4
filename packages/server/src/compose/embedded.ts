// The embedded profile: all roles on SQLite and memory, in one process or with several gateway processes in front of it.

import { ensureFolder } from '../config/folder-access.ts';
import type { Config } from '../config/options.ts';
import type { Tokens } from '../ports/tokens/tokens.ts';
import { type OpenCore, openCore, type Surroundings } from './core.ts';
import { openGateway } from './gateway.ts';
import { GatewaySupervisor } from './processes/supervisor.ts';
import { openTokens } from './tokens.ts';

export interface Running {
  /** Where clients of this machine connect. */
  readonly url: string;
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
  try {
    const gateways = await startGateways(config, surroundings, { opened, tokens });
    return {
      url: gateways.url,
      died: opened.died,
      async stop() {
        await gateways.stop();
        await opened.close();
      },
    };
  } catch (error) {
    await opened.close();
    throw error;
  }
}

async function startGateways(
  config: Config,
  surroundings: EmbeddedSurroundings,
  { opened, tokens }: { readonly opened: OpenCore; readonly tokens: Tokens },
): Promise<Omit<Running, 'died'>> {
  if (config.gateways > 1) return GatewaySupervisor.start(config, surroundings, opened);
  const { core, bus } = opened;
  const gateway = await openGateway(config, surroundings, { core, bus, tokens, node: 'embedded' });
  return {
    url: gateway.url,
    async stop() {
      await gateway.drain(surroundings.clock.monotonicMs() + config.drainMs);
      await gateway.close();
    },
  };
}
