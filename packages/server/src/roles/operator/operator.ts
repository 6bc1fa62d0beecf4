// The operator role: a listener of its own for those who run the server, on an address that clients do not reach.

import { type Address, reachableUrl } from '@hongyan/base/address';
import { assert } from '@hongyan/base/assert';
import type { Clock } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import type { Method } from '@hongyan/protocol/operations/operation';
import { checkShape } from '@hongyan/protocol/parse';
import { problemOf, refusal } from '@hongyan/protocol/refusals';
import { type BunRequest, type Server, serve } from 'bun';
import type { Static, TSchema } from 'typebox';
import { readJsonBody } from '../../http/body.ts';
import { listenFailure } from '../../http/listen-failure.ts';
import { methodNotAllowed, problemResponse } from '../../http/problem.ts';
import { pathOf, repeatedIn, targetUrl } from '../../http/request-target.ts';
import { StaticFileServer, type StaticFiles } from '../../http/static-files.ts';
import type { OperatorAccess } from './access.ts';
import type { PeerAccess } from './peer-access.ts';
import type { OperatorAnswer, OperatorRequest, OperatorRoute } from './route.ts';

export interface OperatorOptions {
  /** A socket in a folder of the server's user alone is for the core's process to ask this one. */
  readonly listen: Address | { readonly unix: string };
  /** Absent: whoever reaches the listener may ask. */
  readonly access?: OperatorAccess;
  /** Absent: no process of the server asks here. */
  readonly peers?: PeerAccess | undefined;
  readonly routes: readonly OperatorRoute[];
  readonly clock: Clock;
  readonly log: Log;
  /** The files of the console; absent where there is none. */
  readonly console?: StaticFiles;
}

type ByMethod = Map<string, OperatorRoute>;

const bodyBytesMax = 1024 * 1024;

export class OperatorListener {
  readonly #options: OperatorOptions;
  readonly #files: StaticFileServer;
  #server: Server<undefined> | undefined;

  constructor(options: OperatorOptions) {
    this.#options = options;
    this.#files = new StaticFileServer(options.console ?? new Map());
  }

  get url(): string {
    const { listen } = this.#options;
    const port = this.#server?.port;
    assert('hostname' in listen && port !== undefined, 'the operator listener listens on TCP');
    return reachableUrl({ hostname: listen.hostname, port, isTls: false });
  }

  /** Throws, with what to do, when the address cannot be had. */
  start(): void {
    const { listen, routes, log } = this.#options;
    try {
      this.#server = serve({
        ...listen,
        maxRequestBodySize: bodyBytesMax,
        routes: Object.fromEntries(
          [...byPath(routes)].map(([path, methods]) => [
            path,
            (request: BunRequest, server: Server<undefined>) => this.#route(methods, request, server),
          ]),
        ),
        fetch: (request, server) => this.#file(request, server.requestIP(request)?.address ?? ''),
        error(error) {
          const problem = problemOf(error);
          log[problem.type === 'bug' ? 'error' : 'warn']('operator request failed', { error });
          return problemResponse(problem);
        },
      });
    } catch (error) {
      throw 'hostname' in listen ? listenFailure(error, listen, "--operator-listen ('' for none)") : error;
    }
  }

  /** The console's own files are open: they tell nothing, and the page has to be there before the operator can sign in. */
  async #file(request: Request, clientAddress: string): Promise<Response> {
    const path = pathOf(request.url);
    if (request.method === 'GET' || request.method === 'HEAD') {
      const file = await this.#files.serve(request, path, clientAddress);
      if (file !== undefined) return file;
    }
    return problemResponse(refusal.noSuch(`address ${path.slice(0, 256)}`));
  }

  async close(): Promise<void> {
    await this.#server?.stop(true);
  }

  async #route(methods: ByMethod, request: BunRequest, server: Server<undefined>): Promise<Response> {
    // A HEAD is answered as the GET; the server leaves out the body.
    const route = methods.get(request.method === 'HEAD' ? 'GET' : request.method);
    if (route === undefined) return methodNotAllowed([...methods.keys()] as Method[]);
    const { access, peers, clock } = this.#options;
    if (route.isOpen !== true && access?.isAllowed(request, clock.nowMs()) === false && !(await peers?.isPeer(request)))
      return problemResponse(refusal.badOperatorToken());
    if (route.isSlow === true) server.timeout(request, 0);
    const asked = operatorRequest(request);
    const repeated = repeatedIn(asked.query);
    return repeated === undefined
      ? responseOf(await route.handle(asked))
      : problemResponse(refusal.repeatedParameter(repeated));
  }
}

function byPath(routes: readonly OperatorRoute[]): Map<string, ByMethod> {
  const paths = new Map<string, ByMethod>();
  for (const route of routes) {
    const methods = paths.get(route.path) ?? new Map<string, OperatorRoute>();
    assert(!methods.has(route.method), 'an operator route is declared once', `${route.method} ${route.path}`);
    paths.set(route.path, methods.set(route.method, route));
  }
  return paths;
}

function operatorRequest(request: BunRequest): OperatorRequest {
  const { pathname, search, searchParams } = targetUrl(request.url);
  return {
    path: `${pathname}${search}`,
    params: request.params,
    query: searchParams,
    headers: request.headers,
    signal: request.signal,
    text: () => request.clone().text(),
    async body<S extends TSchema>(schema: S) {
      const read = await readJsonBody(request, bodyBytesMax);
      return read.type === 'ok' ? checkShape<Static<S>>(schema, read.value, 'body') : read;
    },
  };
}

function responseOf(answer: OperatorAnswer): Response {
  if (answer instanceof Response) return answer;
  if (answer.type !== 'ok') return problemResponse(answer);
  return answer.value === undefined ? new Response(null, { status: 204 }) : Response.json(answer.value);
}
