// Serves /v1 over HTTP, derived from the table of operations: routing, input, answer.

import type { Method, OperationSpec } from '@hongyan/protocol/operations/operation';
import { type OperationName, operationNames, operations } from '@hongyan/protocol/operations/operations';
import { failure, refusal } from '@hongyan/protocol/refusals';
import type { Server } from 'bun';
import { readTextBody } from '../../../http/body.ts';
import { methodNotAllowed, problemResponse } from '../../../http/problem.ts';
import { setRateLimit } from '../../../http/rate-limit-headers.ts';
import type { AddressLimits } from '../address-limits.ts';
import type { ClientAddress } from '../client-address.ts';
import type { Pipeline } from '../pipeline.ts';
import type { HttpSender } from '../sender.ts';
import type { Connection } from '../socket/connection.ts';
import { preflight, withCors } from './cors.ts';
import { type RoutedRequest, readInput } from './request-input.ts';
import { Routes } from './routes.ts';
import { signatureOf } from './signature.ts';

/** For operations declared as slow; longer than any of them waits. */
const slowTimeoutS = 60;

export interface HttpApiOptions {
  readonly pipeline: Pipeline;
  readonly addresses: AddressLimits;
  readonly frameBytesMax: number;
  readonly clientAddress: (request: Request, server: Server<Connection>) => ClientAddress;
}

type ByMethod = Partial<Record<Method, OperationName>>;

export class HttpApi {
  readonly #options: HttpApiOptions;
  readonly #routes = new Routes(operationsByPath());
  #sendsConnectionClose = false;

  constructor(options: HttpApiOptions) {
    this.#options = options;
  }

  /** Closes each connection after its next response, so that later requests go to processes that stay. */
  drain(): void {
    this.#sendsConnectionClose = true;
  }

  /** `path` begins with /v1/ and is not decoded. */
  async handle(request: Request, path: string, server: Server<Connection>): Promise<Response> {
    if (request.method === 'OPTIONS') return preflight();
    const match = this.#routes.find(path);
    if (match === undefined) return withCors(problemResponse(refusal.noSuch(`address ${path.slice(0, 256)}`)));
    const { target: byMethod, params } = match;
    // A HEAD is handled as a GET; the runtime omits the body.
    const name = byMethod[(request.method === 'HEAD' ? 'GET' : request.method) as Method];
    if (name === undefined) return withCors(methodNotAllowed(Object.keys(byMethod), ['OPTIONS']));
    const { http }: OperationSpec = operations[name];
    if (http?.isSlow) server.timeout(request, slowTimeoutS);
    const from = this.#options.clientAddress(request, server);
    const response = withCors(await this.#answer(name, { request, params }, from));
    if (this.#sendsConnectionClose) response.headers.set('connection', 'close');
    return response;
  }

  async #answer(name: OperationName, routed: RoutedRequest, from: ClientAddress): Promise<Response> {
    const { pipeline, addresses, frameBytesMax } = this.#options;
    // The refusal closes the connection, so that a drain waits only for earlier requests.
    if (pipeline.isDraining) return stopping();
    const { headers } = routed.request;
    const { http, needs }: OperationSpec = operations[name];
    const signature = needs === 'signature' ? signatureOf(headers) : undefined;
    const token = bearerToken(headers.get('authorization'));
    const sender: HttpSender = {
      ...from,
      type: 'http',
      host: headers.get('host'),
      token,
      asUser: headers.get('hongyan-user'),
      traceparent: headers.get('traceparent') ?? undefined,
      signature,
    };
    const readBody = async (request: Request, bytesMax: number) => {
      const text = await addresses.body(from.limitKey, () => readTextBody(request, bytesMax));
      if (signature !== undefined && text.type === 'ok') signature.body = text.value;
      return text;
    };
    const answer = await pipeline.run<OperationName>(name, sender, () =>
      readInput(name, routed, { frameBytesMax, readBody }),
    );
    if (answer.type !== 'ok') return problemResponse(answer);
    const response =
      http?.status === undefined
        ? new Response(null, { status: 204 })
        : Response.json(answer.value, { status: http.status });
    if (sender.quota !== undefined) setRateLimit(response.headers, sender.quota);
    return response;
  }
}

/** The token of an `Authorization: Bearer …` header. */
export function bearerToken(header: string | null): string | undefined {
  return header?.match(/^Bearer +(\S+)$/i)?.[1];
}

export function stopping(): Response {
  const response = withCors(problemResponse(failure.stopping()));
  response.headers.set('connection', 'close');
  return response;
}

function operationsByPath(): Map<string, ByMethod> {
  const paths = new Map<string, ByMethod>();
  for (const name of operationNames) {
    const { http }: OperationSpec = operations[name];
    if (http !== undefined) paths.set(http.path, { ...paths.get(http.path), [http.method]: name });
  }
  return paths;
}
