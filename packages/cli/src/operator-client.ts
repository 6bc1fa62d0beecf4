// A running server as the command line reaches it: its address and token are in the data folder.

import { existsSync } from 'node:fs';
import { findRunning } from '@hongyan/server/compose/commands/running-file';
import { dataLayout } from '@hongyan/server/config/data-layout';
import { readOperatorToken } from '@hongyan/server/config/operator-token';
import { assertReadable } from '@hongyan/server/files/folder-access';

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

interface Reached {
  /** The running.json that names the url. */
  readonly file: string;
  readonly url: string;
  readonly token: string;
  readonly isOfCluster: boolean;
}

const timeoutMsDefault = 30_000;

/** No answer in time: the server may or may not carry out the request. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
}

export class OperatorClient {
  readonly isOfCluster: boolean;
  readonly #file: string;
  readonly #url: string;
  readonly #token: string;

  /** Rejects, with what to do, when no server runs on the data folder or it does not listen to operators. */
  static async connect(data: string): Promise<OperatorClient> {
    if (existsSync(data)) await assertReadable(data);
    const running = await findRunning(data);
    if (!running && existsSync(dataLayout(data).running))
      throw new Error(`the server on ${data} was killed: start it again`);
    if (!running)
      throw new Error(`no server runs on the folder ${data}; start one, or give its data folder with --data`);
    if (running.operatorUrl === undefined)
      throw new Error(`the server on ${data} has no operator listener: start it with --operator-listen`);
    return new OperatorClient({
      file: running.file,
      url: running.operatorUrl,
      token: await readOperatorToken(data),
      isOfCluster: running.roles !== undefined,
    });
  }

  private constructor({ file, url, token, isOfCluster }: Reached) {
    this.isOfCluster = isOfCluster;
    this.#file = file;
    this.#url = url;
    this.#token = token;
  }

  /** The JSON answer, undefined for 204. Rejects with the server's message if it refuses. */
  async request(method: Method, path: string, body?: unknown, signal?: AbortSignal): Promise<unknown> {
    const response = await this.fetch(method, path, body, signal);
    const text = await response.text();
    if (!response.ok) throw new Error(detailOf(text) ?? `the server answered ${response.status} to ${method} ${path}`);
    return text === '' ? undefined : this.#parsed(text);
  }

  /** Of an answer to `fetch` that is JSON. */
  async json(response: Response): Promise<unknown> {
    return this.#parsed(await response.text());
  }

  #parsed(text: string): unknown {
    try {
      return JSON.parse(text);
    } catch (cause) {
      throw new Error(`${this.#url} is not a Hongyan operator listener: the response is not JSON`, { cause });
    }
  }

  /** The raw response, whatever its status. Rejects with NoAnswer. */
  async fetch(
    method: Method,
    path: string,
    body?: unknown,
    signal = AbortSignal.timeout(timeoutMsDefault),
  ): Promise<Response> {
    try {
      return await fetch(`${this.#url}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${this.#token}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal,
      });
    } catch (cause) {
      throw new NoAnswer(`no server answers at ${this.#url}, which ${this.#file} names: it was killed, or hangs`, {
        cause,
      });
    }
  }
}

/** Of a problem+json body. */
function detailOf(text: string): string | undefined {
  try {
    const { detail } = JSON.parse(text) as { readonly detail?: unknown };
    return typeof detail === 'string' ? detail : undefined;
  } catch {
    // Not JSON: the answer is not from a Hongyan server.
    return undefined;
  }
}
