// For tests: a core served on a socket in a temporary folder, and the client of a gateway.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@hongyan/base/clock';
import { type Log, silentLog } from '@hongyan/base/log';
import type { Core } from '../../../ports/core/core.ts';
import type { EventBus, Topic } from '../../../ports/event-bus/event-bus.ts';
import { CoreClient, type CoreClientOptions } from '../core-client.ts';
import { type CoreServer, serveCore } from '../core-server.ts';

const barrierTopic = 'barrier' as Topic;

export interface LinkOptions extends Partial<Pick<CoreClientOptions, 'timeoutMs' | 'inFlightMax'>> {
  readonly core: Core;
  readonly bus: EventBus;
  readonly backlogBytesMax?: number;
  readonly log?: Log;
}

export interface LinkUnderTest {
  readonly socketPath: string;
  readonly client: CoreClient;
  /** Connects another gateway to the same core. */
  connect(node: string): Promise<CoreClient>;
  /** Closes all links; `serve` listens on the same path again. */
  stopServer(): Promise<void>;
  serve(): Promise<void>;
  settle(): Promise<void>;
  remove(): Promise<void>;
}

export async function openLink(options: LinkOptions): Promise<LinkUnderTest> {
  const { core, bus, backlogBytesMax = 64 * 1024 * 1024, log = silentLog } = options;
  const { timeoutMs = 5_000, inFlightMax = 1_000 } = options;
  const folder = await mkdtemp(join(tmpdir(), 'hongyan-link-'));
  const socketPath = join(folder, 'core.sock');
  const serve = () =>
    serveCore({ core, bus, listen: { type: 'socket', path: socketPath }, backlogBytesMax, clock: systemClock, log });
  let server: CoreServer = await serve();
  const clients: CoreClient[] = [];
  const connect = async (node: string) => {
    const client = await CoreClient.connect({ socketPath, node, clock: systemClock, log, timeoutMs, inFlightMax });
    clients.push(client);
    return client;
  };
  const client = await connect('gateway-1');
  return {
    socketPath,
    client,
    connect,
    stopServer: () => server.stop(),
    async serve() {
      server = await serve();
    },
    // Both directions are ordered: when a subscription is confirmed, everything sent before it has arrived.
    async settle() {
      await Promise.all(clients.map(passBarrier));
    },
    async remove() {
      await Promise.all(clients.map((each) => each.close()));
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function passBarrier({ bus }: CoreClient): Promise<void> {
  const attachment = bus.attach({ onEvent: () => {}, onLoss: () => {} });
  await attachment.subscribe([barrierTopic]);
  attachment.detach();
}
