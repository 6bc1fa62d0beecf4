// The processes of one server as operators see them: this one, and the others, to which it forwards requests.

import { type Ok, ok } from '@hongyan/base/result';
import type { ProblemDetails } from '@hongyan/protocol/problem';
import { failure, type RefusalCode, type Result, refusal } from '@hongyan/protocol/refusals';
import type { OperatorAnswer, OperatorRequest, OperatorRoute } from './route.ts';

/** Another process of the server. It serves the per-process routes under the same paths. */
export interface ServerProcess {
  readonly name: string;
  /** Rejects when the process does not answer. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
}

export interface Processes {
  /** The name of this one; the label of its metrics too. */
  readonly own: string;
  /** The other processes known at present. */
  others(): readonly ServerProcess[];
  /** Refreshes the list of processes. Absent: the list is always current. */
  look?(): Promise<void>;
}

/** A process that does not answer within this time is reported, before the client's own time-out. */
const answerTimeoutMs = 5_000;

/** In the embedded profile: the name of the process with the core. */
export const coreProcess = 'core';

export const namesOf = (processes: Processes): readonly string[] => [
  processes.own,
  ...processes.others().map(({ name }) => name),
];

/** Handles the request here, or forwards it to the process that `?process=` names. */
export const inNamedProcess = (route: OperatorRoute, processes: Processes): OperatorRoute => ({
  ...route,
  async handle(request) {
    const name = request.query.get('process') ?? processes.own;
    if (name === processes.own) return route.handle(request);
    const named = () => processes.others().find((one) => one.name === name);
    if (named() === undefined) await processes.look?.();
    const process = named();
    if (process === undefined) return noSuchProcess(name, processes);
    return passOn(process, route, request);
  },
});

/** Refreshes the list of processes before it handles the request: a client may ask about a process that has just started. */
export const knowingAll = (route: OperatorRoute, processes: Processes): OperatorRoute => ({
  ...route,
  async handle(request) {
    await processes.look?.();
    return route.handle(request);
  },
});

/** Forwards the request to another process and returns its answer. */
export async function passOn(
  process: ServerProcess,
  { method, isSlow = false }: Pick<OperatorRoute, 'method' | 'isSlow'>,
  request: OperatorRequest,
): Promise<OperatorAnswer> {
  const text = method === 'GET' ? '' : await request.text();
  const signals = isSlow ? [request.signal] : [request.signal, AbortSignal.timeout(answerTimeoutMs)];
  const init = { method, signal: AbortSignal.any(signals), ...(text === '' ? {} : { body: text }) };
  return answerOf(process, request.path, init).catch(() => failure.processSilent(process.name));
}

/** Returns the answer unchanged, except a 401: that rejects this process, not the client. Rejects when the process does not answer. */
export async function answerOf(process: ServerProcess, path: string, init: RequestInit): Promise<OperatorAnswer> {
  const response = await process.fetch(path, init);
  return response.status === 401 ? problemOf(process.name, response) : response;
}

/**
 * Asks every process, this one first; with `?process=` that one alone. `joined`: one answer of all. When this one refuses nobody else
 * is asked; when another one does not answer or refuses, that is the answer, with its name: the others have done it by then.
 */
export function inEveryProcess<T>(
  route: OperatorRoute,
  processes: Processes,
  joined: (answers: readonly T[]) => T,
): OperatorRoute {
  const inOne = inNamedProcess(route, processes);
  return {
    ...route,
    async handle(request) {
      if (request.query.has('process')) return inOne.handle(request);
      const body = route.method === 'GET' ? '' : await request.text();
      const own = await route.handle(request);
      if (own instanceof Response || own.type !== 'ok') return own;
      // A change must reach a process that has just started.
      if (route.method !== 'GET') await processes.look?.();
      const answers = await Promise.all(
        processes.others().map((process) => askOne<T>(process, { route, path: request.path, body })),
      );
      const failed = answers.find(({ type }) => type !== 'ok');
      if (failed) return failed;
      return ok(joined([own.value as T, ...answers.flatMap((answer) => (answer.type === 'ok' ? [answer.value] : []))]));
    },
  };
}

async function askOne<T>(
  process: ServerProcess,
  { route, path, body }: { readonly route: OperatorRoute; readonly path: string; readonly body: string },
): Promise<Result<T>> {
  const { name } = process;
  try {
    const response = await process.fetch(addressedTo(process, path), {
      method: route.method,
      signal: AbortSignal.timeout(answerTimeoutMs),
      ...(body === '' ? {} : { body }),
    });
    if (!response.ok) return await problemOf(name, response);
    const text = await response.text();
    return ok((text === '' ? undefined : JSON.parse(text)) as T);
  } catch {
    // The process hangs, is stopping, or is not of this server.
    return failure.processSilent(name);
  }
}

/** Adds `?process=`, so that the process answers for itself only. */
export const addressedTo = ({ name }: ServerProcess, path: string): string =>
  `${path}${path.includes('?') ? '&' : '?'}process=${encodeURIComponent(name)}`;

/** The refusal of another process as a refusal of this one. Rejects if it is not problem+json. */
export async function problemOf(name: string, response: Response): Promise<Exclude<Result<never>, Ok<never>>> {
  const { code, detail } = (await response.json()) as ProblemDetails;
  // The client cannot remedy that another process rejects this one.
  if (response.status >= 500 || response.status === 401) return failure.processRefused(name, detail);
  return refusal.ofProcess(code as RefusalCode, name, detail);
}

const noSuchProcess = (name: string, processes: Processes) =>
  refusal.noSuch(`process ${name.slice(0, 64)}: there are ${namesOf(processes).join(', ')}`);

/** The answer of each process to a GET, by name; undefined: no answer. */
export async function askEach(
  processes: readonly ServerProcess[],
  ask: (process: ServerProcess) => Promise<Response>,
): Promise<readonly (readonly [name: string, answer: unknown])[]> {
  return Promise.all(
    processes.map(async (process) => {
      try {
        const response = await ask(process);
        return [process.name, response.ok ? await response.json() : undefined] as const;
      } catch {
        // The process is starting, stopping or hanging.
        return [process.name, undefined] as const;
      }
    }),
  );
}
