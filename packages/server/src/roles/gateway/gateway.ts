// The gateway role: one port for WebSocket, HTTP and the web client, in front of the core.

import { reachableUrl } from '@hongyan/base/address';
import { sleep } from '@hongyan/base/clock';
import { type BunRequest, type Server, serve } from 'bun';
import { Connection } from './connection.ts';
import type { GatewayDeps, ListenOptions } from './deps.ts';
import { docsFiles } from './http/docs.ts';
import { openapi } from './http/openapi.ts';
import { problem } from './http/problem.ts';
import { createRoutes } from './http/routes.ts';
import { bearerToken, preflight, serveRoutes, stopping } from './http/serve-routes.ts';
import { createSockets } from './sockets.ts';
import { serveFile } from './web-root.ts';

export interface Gateway {
  /** http(s)://host:port at which this machine reaches it. */
  readonly url: string;
  connectionCount(): number;
  /** Not ready from now on. What was accepted is answered, then connections are closed; both within `drainMs`. */
  stop(drainMs: number): Promise<void>;
}

export function startGateway(
  deps: GatewayDeps,
  { hostname, port, tls, isPortShared = false }: ListenOptions,
  version: string,
): Gateway {
  const sockets = createSockets(deps);
  const routes = createRoutes(deps);
  const description = openapi(routes, { version });
  let isReady = true;

  const server = serve<Connection, string>({
    hostname,
    port,
    reusePort: isPortShared,
    maxRequestBodySize: 4 * 1024 * 1024,
    ...(tls ? { tls: { cert: Bun.file(tls.certFile), key: Bun.file(tls.keyFile) } } : {}),
    routes: {
      ...serveRoutes(deps, routes, () => isReady),
      '/v1/ws': { GET: (request: BunRequest, own: Server<Connection>) => upgrade(request, own) },
      '/openapi.json': { GET: () => Response.json(description, { headers: { 'access-control-allow-origin': '*' } }) },
      '/healthz': { GET: () => Response.json({ status: 'ok' }) },
      '/readyz': { GET: readiness },
    },
    fetch: fallback,
    websocket: sockets.handler,
    error(error) {
      deps.log.error('http request failed', { error });
      return problem({ code: 'internal', message: 'the server failed to answer; try again' });
    },
  });
  sockets.sessions.attach(server);

  function readiness(): Response {
    const status = !isReady ? 'draining' : deps.isCoreReachable?.() === false ? 'without core' : 'ready';
    return Response.json({ status }, { status: status === 'ready' ? 200 : 503 });
  }

  function upgrade(request: BunRequest, own: Server<Connection>): Response | undefined {
    if (!isReady) return stopping();
    if (deps.isCoreReachable?.() === false)
      return problem({ code: 'unavailable', message: 'the core cannot be reached', retryAfterMs: 1000 });
    if (sockets.count() >= deps.limits.connectionsMax) {
      return problem({
        code: 'overloaded',
        message: 'this server has as many connections as it may',
        retryAfterMs: 5000,
      });
    }
    const fromQuery = request.url.includes('access_token=')
      ? new URL(request.url).searchParams.get('access_token')
      : null;
    const token = bearerToken(request.headers.get('authorization')) ?? fromQuery ?? undefined;
    if (own.upgrade(request, { data: new Connection(token, deps.clock.monotonicMs()) })) return undefined;
    return problem({ code: 'bad_request', message: 'this address takes WebSocket connections' });
  }

  /** Static files; under /v1 preflights and what no route knows. */
  function fallback(request: Request): Response {
    const { pathname } = new URL(request.url);
    if (pathname.startsWith('/v1/') && request.method === 'OPTIONS') return preflight();
    if (request.method === 'GET' || request.method === 'HEAD') {
      const file = serveFile(deps.webRoot, pathname) ?? serveFile(docsFiles, pathname);
      if (file) return file;
    }
    return problem({ code: 'not_found', message: `there is no ${request.method} ${pathname}` });
  }

  return {
    url: reachableUrl({ hostname, port: server.port ?? port, isTls: tls !== undefined }),
    connectionCount: sockets.count,
    async stop(drainMs) {
      isReady = false;
      const deadlineMs = deps.clock.monotonicMs() + drainMs;
      await sockets.drain(deadlineMs);
      while (server.pendingRequests > 0 && deps.clock.monotonicMs() < deadlineMs)
        await sleep(deps.clock, { delayMs: 10 });
      await server.stop(true);
    },
  };
}
