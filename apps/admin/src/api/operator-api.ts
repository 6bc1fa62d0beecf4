// The operator listener as the console asks it: JSON by the session's cookie, refusals as errors with the server's sentence.

export class OperatorError extends Error {
  override readonly name = 'OperatorError';
  constructor(
    /** 0: no answer came. */
    readonly status: number,
    /** Of the problem+json: "conflict"; empty where there was none. */
    readonly code: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

export interface Ask {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Becomes JSON. */
  readonly body?: unknown;
  readonly signal?: AbortSignal;
}

/** `path` without a slash at its beginning: the console serves below any path of a shared host. undefined for 204. */
export async function ask<T>(path: string, options: Ask = {}): Promise<T> {
  const response = await respond(path, options);
  if (response.status === 204) return undefined as T;
  return await response.json().catch((cause: unknown) => {
    if (options.signal?.aborted) throw cause;
    throw new OperatorError(0, '', 'the answer is not from this server: a proxy in between may ask to sign in', {
      cause,
    });
  });
}

export async function askBytes(path: string, options: Ask = {}): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await (await respond(path, options)).arrayBuffer());
}

async function respond(path: string, { method = 'GET', body, signal }: Ask): Promise<Response> {
  const response = await fetch(`./${path}`, {
    method,
    ...(signal ? { signal } : {}),
    ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  }).catch((cause: unknown) => {
    if (signal?.aborted) throw cause;
    throw new OperatorError(0, '', 'the server does not answer', { cause });
  });
  if (response.ok) return response;
  throw await errorOf(response);
}

async function errorOf(response: Response): Promise<OperatorError> {
  // A proxy in between may answer with a page of its own.
  const problem = (await response.json().catch(() => ({}))) as { readonly code?: string; readonly detail?: string };
  const status = `HTTP ${response.status} ${response.statusText}`.trim();
  return new OperatorError(response.status, problem.code ?? '', problem.detail ?? status);
}
