// Serves the Core interface and the event bus to gateway processes, on a Unix socket or on TCP.

import { chmod, rm } from 'node:fs/promises';
import { Server, type ServerDuplexStream } from '@grpc/grpc-js';
import { type Address, formatAddress } from '@hongyan/base/address';
import type { Clock } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import { OutageLog } from '@hongyan/base/outage-log';
import type { Core } from '../../ports/core/core.ts';
import type { EventBus } from '../../ports/event-bus/event-bus.ts';
import { type LinkSecurity, serverCredentials } from './security.ts';
import { ServerStream } from './server-stream.ts';
import { channelOptions, type LinkUp, linkMethod } from './wire.ts';

export interface CoreServerOptions {
  readonly core: Core;
  readonly bus: EventBus;
  readonly listen: LinkListen;
  /** Unread events for one gateway; beyond it further events are dropped, and the gateway is notified. */
  readonly backlogBytesMax: number;
  readonly clock: Pick<Clock, 'after' | 'monotonicMs'>;
  readonly log: Log;
  /** Sessions belong to the gateways, and any core serves them: they stay open when a link ends. */
  readonly sessionsOutliveLinks?: boolean;
}

export type LinkListen =
  | { readonly type: 'socket'; readonly path: string }
  /** Port 0 takes any free one. */
  | { readonly type: 'tcp'; readonly address: Address; readonly security: LinkSecurity };

export interface CoreServer {
  /** On TCP, as bound. */
  readonly port: number;
  /** Closes every link; resolves when the sessions opened over them are closed. */
  stop(): Promise<void>;
}

/** Only this user may connect to a socket. A stale socket file of an earlier process is removed. */
export async function serveCore(options: CoreServerOptions): Promise<CoreServer> {
  const { listen, clock, log } = options;
  const security = listen.type === 'tcp' ? listen.security : undefined;
  const links = new Set<ServerStream>();
  const closings = new Set<Promise<void>>();
  const outage = new OutageLog({
    failing: 'events of gateways not published',
    over: 'events of gateways published again',
    ...{ clock, log },
  });
  const server = new Server(channelOptions);
  server.addService(
    { link: linkMethod },
    {
      link(stream: ServerDuplexStream<LinkUp, Buffer>) {
        const link = new ServerStream(stream, { ...options, outage, secret: security?.secret });
        links.add(link);
        const closing = link.closed.finally(() => {
          links.delete(link);
          closings.delete(closing);
        });
        closings.add(closing);
      },
    },
  );
  if (listen.type === 'socket') await rm(listen.path, { force: true });
  const target = listen.type === 'socket' ? `unix:${listen.path}` : formatAddress(listen.address);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(target, serverCredentials(security), (error, bound) => (error ? reject(error) : resolve(bound)));
  });
  if (listen.type === 'socket') await chmod(listen.path, 0o600);
  return {
    port,
    async stop() {
      for (const link of links) link.close();
      await Promise.all(closings);
      server.forceShutdown();
      if (listen.type === 'socket') await rm(listen.path, { force: true });
    },
  };
}
