// The gateway role: one port for WebSocket, HTTP and the web client, in front of the core.

import { reachableUrl } from '@hongyan/base/address';
import { assert } from '@hongyan/base/assert';
import { sleep } from '@hongyan/base/clock';
import { bug, failure, type Problem, refusal } from '@hongyan/protocol/refusals';
import { type BunRequest, type Server, serve, type WebSocketHandler } from 'bun';
import { listenFailure } from '../../http/listen-failure.ts';
import { problemResponse } from '../../http/problem.ts';
import { pathOf, targetUrl } from '../../http/request-target.ts';
import { StaticFileServer } from '../../http/static-files.ts';
import type { Histogram } from '../../metrics/histogram.ts';
import type { DeviceCaller } from '../../ports/core/core.ts';
import type { SessionRef } from '../../ports/session-registry/session-registry.ts';
import { AddressLimits } from './address-limits.ts';
import type { ClientAddress } from './client-address.ts';
import { createHandlers, type ListenAddress } from './handlers.ts';
import { corsHeaders, withCors } from './http/cors.ts';
import { docsFiles } from './http/docs.ts';
import { bearerToken, HttpApi, stopping } from './http/http-api.ts';
import { openapi } from './http/openapi.ts';
import type { GatewayState } from './meter.ts';
import type { Drain, GatewayOptions } from './options.ts';
import { Pipeline } from './pipeline.ts';
import { Revocations } from './revocations.ts';
import { Connection } from './socket/connection.ts';
import { type ConnectionsPage, listConnections } from './socket/connection-list.ts';
import { SocketServer } from './socket/socket-server.ts';

type State =
  | { readonly type: 'new' }
  | { readonly type: 'running'; readonly server: Server<Connection>; readonly port: number }
  /** Readiness fails. */
  | { readonly type: 'draining'; readonly server: Server<Connection>; readonly port: number }
  | { readonly type: 'closed' };

/** The socket layer accepts this much beyond the frame limit, so that the client receives too_large; larger frames cut the connection. */
const oversizeSlackBytes = 64 * 1024;
const drainPollMs = 10;
/** A drain ends after this time without HTTP requests: clients have then sent their next request, and received its refusal. */
const quietMs = 100;
/** Below this share of the limit, reaching it again is logged again. */
const relievedShare = 0.9;

export class Gateway {
  readonly #options: GatewayOptions;
  readonly #pipeline: Pipeline;
  readonly #revocations: Revocations;
  readonly #sockets: SocketServer;
  readonly #http: HttpApi;
  readonly #files: StaticFileServer;
  readonly #addresses: AddressLimits;
  readonly #closing = new AbortController();
  #state: State = { type: 'new' };
  #isLimitLogged = false;

  constructor(options: GatewayOptions) {
    const { core, tokens, clock, log, meter, limits, publicUrl, webRoot, rateLimiter, steps } = options;
    this.#options = options;
    this.#addresses = new AddressLimits(limits.addresses, rateLimiter);
    this.#revocations = new Revocations({
      ...options,
      onRevoked: (revocations) => this.#sockets.closeRevoked(revocations),
    });
    this.#pipeline = new Pipeline({
      identifyKey: (key) => core.identifyKey(key),
      handlers: createHandlers({ core, publicUrl, listenAddress: () => this.#address() }),
      tokens,
      clock,
      log,
      inFlightMax: limits.inFlightMax,
      limitAnonymous: (sender) => this.#addresses.request(sender),
      measure: meter.measure,
      revoked: (caller) => this.#revocations.check(caller),
      tracing: options.tracing,
      ...steps,
    });
    this.#sockets = new SocketServer({
      ...options,
      pipeline: this.#pipeline,
      onClosed: ({ limitKey }) => this.#addresses.closed(limitKey),
      isRevoked: (token) => this.#revocations.isKnown(token),
      publisher: { publish: (topic, text) => this.#server().publish(topic, text) },
    });
    this.#http = new HttpApi({
      pipeline: this.#pipeline,
      addresses: this.#addresses,
      frameBytesMax: limits.frameBytesMax,
      clientAddress: (request, server) => this.#clientAddress(request, server),
    });
    this.#files = new StaticFileServer(webRoot, docsFiles);
  }

  /** Aborts when the gateway closes. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /** The URL for a client on this machine, by the bound address. */
  get url(): string {
    return reachableUrl(this.#address());
  }

  get ackSeconds(): Histogram | undefined {
    return this.#options.meter.ackSeconds;
  }

  get connectionCount(): number {
    return this.#sockets.connectionCount;
  }

  /** For metrics. */
  get state(): GatewayState {
    return this.#sockets;
  }

  /** The callers of open sessions. */
  get callers(): Iterable<DeviceCaller> {
    return this.#sockets.callers();
  }

  list(page: Omit<ConnectionsPage, 'nowMs'>): ReturnType<typeof listConnections> {
    return listConnections(this.#sockets.sockets, { ...page, nowMs: this.#options.clock.monotonicMs() });
  }

  /** [O34] Closes with 4000: the client reconnects, and is refused if its token was revoked. Returns false without such a session. */
  closeSession(sessionId: string): boolean {
    return this.#sockets.closeSession(sessionId);
  }

  /** The sessions that the core has open, or is opening. */
  *sessions(): Generator<SessionRef> {
    const { node } = this.#options;
    for (const { data } of this.#sockets.sockets) {
      const caller = 'caller' in data.state ? data.state.caller : undefined;
      if (caller === undefined) continue;
      const { userId, deviceId, sessionId } = caller;
      yield { userId, deviceId, sessionId, node };
    }
  }

  /** HTTP requests that are not answered yet. */
  get pendingRequestCount(): number {
    return this.#server().pendingRequests;
  }

  async start(): Promise<void> {
    assert(this.#state.type === 'new', 'a gateway is started once');
    await this.#revocations.start();
    const server = this.#listen();
    const { port } = server;
    assert(port !== undefined, 'the gateway listens on TCP');
    this.#state = { type: 'running', server, port };
  }

  /** Throws an error that says what to do when the address is not available. */
  #listen(): Server<Connection> {
    try {
      return this.#serve();
    } catch (error) {
      throw listenFailure(error, this.#options.listen, '--listen');
    }
  }

  #serve(): Server<Connection> {
    const { listen, limits, version, publicUrl } = this.#options;
    const description = openapi({ version, publicUrl });
    return serve<Connection, string>({
      hostname: listen.hostname,
      port: listen.port,
      reusePort: listen.isPortShared ?? false,
      // Each operation bounds its body, and answers a larger one.
      maxRequestBodySize: Number.MAX_SAFE_INTEGER,
      ...(listen.tls ? { tls: { cert: listen.tls.certificate, key: listen.tls.key } } : {}),
      routes: {
        '/v1/ws': { GET: (request: BunRequest, server: Server<Connection>) => this.#upgrade(request, server) },
        '/openapi.json': { GET: () => Response.json(description, { headers: corsHeaders }) },
        '/healthz': { GET: () => Response.json({ status: 'ok' }) },
        '/readyz': { GET: () => this.#readiness() },
      },
      fetch: (request, server) => {
        const path = pathOf(request.url);
        if (path.startsWith('/v1/')) return this.#http.handle(request, path, server);
        return this.#file(request, path, this.#clientAddress(request, server).address);
      },
      websocket: this.#socketHandler(limits.frameBytesMax, limits.backlogBytesMax),
      error: (error) => {
        this.#options.log.error('http request failed', { error });
        return problemResponse(bug);
      },
    });
  }

  /** [O20] Readiness fails first; then accepted requests are answered, and connections are closed. */
  async drain(deadlineMs: number, { beginAtMs, isRelieved }: Drain = {}): Promise<void> {
    if (this.#state.type !== 'running') return;
    const { clock } = this.#options;
    const { server } = this.#state;
    this.#state = { ...this.#state, type: 'draining' };
    this.#http.drain();
    if (beginAtMs !== undefined) await sleep(clock, { delayMs: Math.max(0, beginAtMs - clock.monotonicMs()) });
    if (await isRelieved?.()) {
      // With a shared port the kernel gives further connections to the other processes. Requests in flight are answered, WebSockets
      // stay open. Another port stays open: a load balancer checks it, and its requests are still served.
      if (this.#options.listen.isPortShared) void server.stop();
      await this.#sockets.drainGradually(deadlineMs);
    }
    // [O20] Kept-alive connections, on which further requests would be refused.
    server.closeIdleConnections();
    this.#pipeline.drain();
    await this.#sockets.drain(deadlineMs);
    let quietSinceMs = clock.monotonicMs();
    for (let nowMs = quietSinceMs; nowMs < Math.min(quietSinceMs + quietMs, deadlineMs); nowMs = clock.monotonicMs()) {
      await sleep(clock, { delayMs: drainPollMs });
      if (server.pendingRequests > 0) quietSinceMs = clock.monotonicMs();
    }
  }

  async close(): Promise<void> {
    const state = this.#state;
    if (state.type === 'closed') return;
    this.#state = { type: 'closed' };
    this.#closing.abort();
    this.#pipeline.drain();
    await this.#sockets.close();
    this.#revocations.stop();
    if (state.type !== 'new') await state.server.stop(true);
  }

  #server(): Server<Connection> {
    assert(this.#state.type === 'running' || this.#state.type === 'draining', 'the gateway listens');
    return this.#state.server;
  }

  #address(): ListenAddress {
    const { hostname, tls } = this.#options.listen;
    assert(this.#state.type === 'running' || this.#state.type === 'draining', 'the gateway listens');
    return { hostname, port: this.#state.port, isTls: tls !== undefined };
  }

  #socketHandler(frameBytesMax: number, backlogBytesMax: number): WebSocketHandler<Connection> {
    const sockets = this.#sockets;
    return {
      maxPayloadLength: frameBytesMax + oversizeSlackBytes,
      // [D8] A subscriber with more unread than this is cut off.
      backpressureLimit: backlogBytesMax * 2,
      closeOnBackpressureLimit: true,
      // `Heartbeat` checks both directions.
      idleTimeout: 0,
      sendPings: false,
      perMessageDeflate: false,
      open: (socket) => sockets.onOpen(socket),
      message: (socket, message) => sockets.onMessage(socket, message),
      ping: (socket) => sockets.onActivity(socket),
      pong: (socket) => sockets.onActivity(socket),
      close: (socket) => sockets.onClose(socket),
    };
  }

  #readiness(): Response {
    const status = this.readiness;
    return Response.json({ status }, { status: status === 'ready' ? 200 : 503 });
  }

  /** Expiry of the certificate that clients see; undefined without TLS. */
  get certificateEndsAtMs(): number | undefined {
    return this.#options.listen.tls?.endsAtMs;
  }

  get readiness(): 'ready' | 'draining' | 'without core' | 'at connection limit' {
    if (this.#state.type === 'draining') return 'draining';
    if (this.#options.isCoreReachable?.() === false) return 'without core';
    return this.connectionCount >= this.#options.limits.connectionsMax ? 'at connection limit' : 'ready';
  }

  async #upgrade(request: BunRequest, server: Server<Connection>): Promise<Response | undefined> {
    if (this.#pipeline.isDraining) return stopping();
    const from = this.#clientAddress(request, server);
    const refused = this.#refusedUpgrade(from) ?? (await this.#refusedAddress(from));
    // During the wait other connections may have been accepted, or a drain begun.
    if (this.#pipeline.isDraining) return stopping();
    const problem = refused ?? this.#refusedUpgrade(from);
    if (problem !== undefined) {
      this.#options.meter.handshakes.add(problem.code);
      return withCors(problemResponse(problem));
    }
    const fromQuery = request.url.includes('access_token=')
      ? targetUrl(request.url).searchParams.get('access_token')
      : null;
    const data = new Connection({
      ...from,
      token: bearerToken(request.headers.get('authorization')) ?? fromQuery ?? undefined,
      nowMs: this.#options.clock.monotonicMs(),
    });
    // From here to its close the connection counts for its address.
    if (server.upgrade(request, { data })) {
      this.#addresses.opened(from.limitKey);
      return undefined;
    }
    return withCors(problemResponse(refusal.invalid('this address accepts WebSocket connections')));
  }

  #clientAddress(request: Request, server: Server<Connection>): ClientAddress {
    const peer = server.requestIP(request)?.address ?? '';
    return this.#options.clientAddresses.of(peer, request.headers.get('x-forwarded-for'));
  }

  async #refusedAddress({ limitKey }: ClientAddress): Promise<Problem | undefined> {
    const allowed = await this.#addresses.handshake(limitKey);
    return allowed.type === 'ok' ? undefined : allowed;
  }

  #refusedUpgrade({ limitKey }: ClientAddress): Problem | undefined {
    const { limits, isCoreReachable } = this.#options;
    if (this.connectionCount < limits.connectionsMax * relievedShare) this.#isLimitLogged = false;
    if (isCoreReachable?.() === false) return failure.coreUnreachable();
    if (this.connectionCount >= limits.connectionsMax) {
      this.#logLimit();
      return failure.overloaded('connections', 5000);
    }
    if (this.#sockets.awaitingHelloCount >= limits.awaitingHelloMax)
      return failure.overloaded('connections without a hello', 1000);
    const room = this.#addresses.room(limitKey);
    return room.type === 'ok' ? undefined : room;
  }

  /** Logs once until enough connections are closed: else each refused client would add a line. */
  #logLimit(): void {
    if (this.#isLimitLogged) return;
    this.#isLimitLogged = true;
    const { limits, log } = this.#options;
    log.warn('connection limit reached: further connections are refused', { connectionsMax: limits.connectionsMax });
  }

  async #file(request: Request, path: string, clientAddress: string): Promise<Response> {
    if (request.method === 'GET' || request.method === 'HEAD') {
      const file = await this.#files.serve(request, path, clientAddress);
      if (file !== undefined) return file;
    }
    return problemResponse(refusal.noSuch(`${request.method} ${path.slice(0, 256)}`));
  }
}
