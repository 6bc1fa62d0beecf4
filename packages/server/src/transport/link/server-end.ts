// The core's end of the links: serves the Core interface and the event bus to gateway processes on a Unix socket.

import { chmod, rm } from 'node:fs/promises';
import { Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js';
import type { Log } from '@hongyan/base/log';
import type { Core } from '../../ports/core/core.ts';
import type { EventBus } from '../../ports/event-bus/event-bus.ts';
import { ServerStream } from './server-stream.ts';
import { channelOptions, type LinkUp, linkMethod } from './wire.ts';

export interface CoreServerOptions {
  readonly core: Core;
  readonly bus: EventBus;
  readonly socketPath: string;
  /** Events for a gateway that leaves more than this unread are dropped, and it is told so. */
  readonly backlogBytesMax: number;
  readonly log: Log;
}

export interface CoreServer {
  /** Ends every link; resolves when the sessions opened over them are closed. */
  stop(): Promise<void>;
}

/** The socket is for this user alone; what another start left at its path is removed. */
export async function serveCore(options: CoreServerOptions): Promise<CoreServer> {
  const { socketPath } = options;
  const links = new Set<ServerStream>();
  const endings = new Set<Promise<void>>();
  const server = new Server(channelOptions);
  server.addService(
    { link: linkMethod },
    {
      link(stream: ServerDuplexStream<LinkUp, Buffer>) {
        const own = new ServerStream(stream, options);
        links.add(own);
        const ending = own.ended.finally(() => {
          links.delete(own);
          endings.delete(ending);
        });
        endings.add(ending);
      },
    },
  );
  await rm(socketPath, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(`unix:${socketPath}`, ServerCredentials.createInsecure(), (error) =>
      error ? reject(error) : resolve(),
    );
  });
  await chmod(socketPath, 0o600);
  return {
    async stop() {
      for (const own of links) own.end();
      await Promise.all(endings);
      server.forceShutdown();
      await rm(socketPath, { force: true });
    },
  };
}
