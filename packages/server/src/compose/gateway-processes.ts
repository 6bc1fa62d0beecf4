// Several gateway processes in front of the core in this one: started together, started again when they die, drained first.

import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { formatAddress, parseAddress, reachableUrl } from '@hongyan/base/address';
import { sleep } from '@hongyan/base/clock';
import { listen } from 'bun';
import type { Config } from '../config/options.ts';
import { serveCore } from '../transport/link/server-end.ts';
import type { OpenCore, Surroundings } from './core.ts';
import { GatewaySlot } from './gateway-slot.ts';

export interface GatewayProcesses {
  readonly url: string;
  /** Resolves when all have drained and left. */
  stop(): Promise<void>;
}

/** A path of a Unix socket has 108 bytes, its final zero included. */
const socketPathBytesMax = 107;
/** Gateways of a server that was killed a moment ago may still be about to leave. */
const portFreeWithinMs = 2_000;

/** Rejects when one of them cannot start; the others are ended then. */
export async function startGatewayProcesses(
  config: Config,
  surroundings: Surroundings & { readonly program: readonly string[] },
  { core, bus }: OpenCore,
): Promise<GatewayProcesses> {
  const { log, clock, program } = surroundings;
  const { hostname } = parseAddress(config.listen);
  const port = await reservePort(config, surroundings);
  const own = { ...config, listen: formatAddress({ hostname, port }) };
  const folder = await runtimeFolder(config.data);
  const socketPath = join(folder, socketName);
  const server = await serveCore({ core, bus, socketPath, backlogBytesMax: config.linkBacklogBytesMax, log });
  const slots = Array.from({ length: config.gateways }, (_, index) => {
    const begin = { type: 'begin', config: own, node: `gateway-${index + 1}`, socketPath } as const;
    return new GatewaySlot({ begin, program, log, clock });
  });
  async function stop(): Promise<void> {
    await Promise.all(slots.map((slot) => slot.stop()));
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
  try {
    await Promise.all(slots.map((slot) => slot.start()));
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: reachableUrl({ hostname, port, isTls: config.tlsCert !== '' }), stop };
}

const socketName = 'core.sock';

/** For this user alone: in the data folder, or in the temp folder when the path would be too long for a socket. */
async function runtimeFolder(data: string): Promise<string> {
  const folder = resolve(data, 'run');
  if (Buffer.byteLength(join(folder, socketName)) > socketPathBytesMax) return mkdtemp(join(tmpdir(), 'hongyan-'));
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { mode: 0o700 });
  return folder;
}

/**
 * The gateways share their port with whoever asks to share it, so only a port that nobody has is given to them: two servers on
 * one port would each get some of the clients.
 */
async function reservePort(config: Config, { clock }: Surroundings): Promise<number> {
  const { hostname, port } = parseAddress(config.listen);
  for (const deadline = clock.monotonicMs() + portFreeWithinMs; ; ) {
    try {
      const probe = listen({ hostname, port, socket: { data() {} } });
      const found = probe.port;
      probe.stop(true);
      return found;
    } catch (error) {
      const isTaken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
      if (!isTaken) throw error;
      if (clock.monotonicMs() > deadline)
        throw new Error(`another process listens on ${config.listen}; stop it, or name another port by --listen`, {
          cause: error,
        });
      await sleep(clock, { delayMs: 50 });
    }
  }
}
