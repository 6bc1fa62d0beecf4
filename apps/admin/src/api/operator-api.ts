// The operator listener as the console asks it: JSON by the session's cookie, refusals as errors with the server's sentence.

export class OperatorError extends Error {
  override readonly name = 'OperatorError';
  constructor(
    /** 0: no answer came. */
    readonly status: number,
    /** Of the problem+json: "conflict"; "timeout" where the server took too long; else empty. */
    readonly code: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** What a change may take in a server that is well: it waits for stores, and in a cluster for other processes. */
const changeTimeoutMs = 30_000;
const questionTimeoutMs = 10_000;
/** A file may be large, and the line slow. */
const fileTimeoutMs = 120_000;

export interface Ask {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Becomes JSON. */
  readonly body?: unknown;
  readonly signal?: AbortSignal;
  /** Of the whole answer; absent: what questions and changes usually may take. */
  readonly timeoutMs?: number;
}

/** `path` without a slash at its beginning: the console serves below any path of a shared host. undefined for 204. */
export async function ask<T>(path: string, options: Ask = {}): Promise<T> {
  const text = await respond(path, options, async (response) =>
    response.status === 204 ? undefined : await response.text(),
  );
  if (text === undefined) return undefined as T;
  try {
    return JSON.parse(text) as T;
  } catch (cause) {
    throw new OperatorError(0, '', 'the answer is not from this server: a proxy in between may ask to sign in', {
      cause,
    });
  }
}

export const askBytes = async (path: string, options: Ask = {}): Promise<Uint8Array<ArrayBuffer>> =>
  new Uint8Array(await respond(path, { timeoutMs: fileTimeoutMs, ...options }, (response) => response.arrayBuffer()));

/** A server that hangs gives no answer at all, as one that is not there: both are said alike. */
async function respond<T>(path: string, options: Ask, read: (response: Response) => Promise<T>): Promise<T> {
  const { method = 'GET', body, signal } = options;
  const late = AbortSignal.timeout(options.timeoutMs ?? (method === 'GET' ? questionTimeoutMs : changeTimeoutMs));
  try {
    const response = await fetch(`./${path}`, {
      method,
      signal: signal ? AbortSignal.any([signal, late]) : late,
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
    if (response.ok) return await read(response);
    throw await errorOf(response);
  } catch (cause) {
    if (signal?.aborted || cause instanceof OperatorError) throw cause;
    throw new OperatorError(0, late.aborted ? 'timeout' : '', 'the server does not answer', { cause });
  }
}

async function errorOf(response: Response): Promise<OperatorError> {
  // A proxy in between may answer with a page of its own.
  const problem = (await response.json().catch(() => ({}))) as { readonly code?: string; readonly detail?: string };
  const status = `HTTP ${response.status} ${response.statusText}`.trim();
  return new OperatorError(response.status, problem.code ?? '', problem.detail ?? status);
}
