// The embedded profile: all roles on SQLite and memory, in one process or with several gateway processes in front of it.

import type { Config } from '../config/options.ts';
import { readOrCreateSecret } from '../config/secret.ts';
import { openCore, type Surroundings } from './core.ts';
import { openGateway } from './gateway.ts';
import { startGatewayProcesses } from './gateway-processes.ts';

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
  const opened = await openCore(config, surroundings);
  const gateways = await startGateways();
  return {
    url: gateways.url,
    died: opened.died,
    async stop() {
      await gateways.stop();
      await opened.close();
    },
  };

  async function startGateways(): Promise<Omit<Running, 'died'>> {
    try {
      // Created and checked here, once: gateway processes that start at the same time would each create one.
      await readOrCreateSecret(config.data, surroundings.log);
      if (config.gateways > 1) return await startGatewayProcesses(config, surroundings, opened);
      const gateway = await openGateway(config, surroundings, { ...opened, node: 'embedded' });
      return { url: gateway.url, stop: () => gateway.stop(config.drainMs) };
    } catch (error) {
      await opened.close();
      throw error;
    }
  }
}
