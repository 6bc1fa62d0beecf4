// The processes of one server as operators see them: the core's, which listens to them, and gateway processes, which it asks.

import { failure, refusal } from '@hongyan/protocol/refusals';
import type { OperatorAnswer, OperatorRequest, OperatorRoute } from './route.ts';

/** A process beside this one. It has the routes that concern one process under the same paths. */
export interface ServerProcess {
  readonly name: string;
  /** Rejects when the process does not answer. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
}

/** The name of the process that has the core, and all else where there is only one. */
export const coreProcess = 'core';

export type Processes = () => readonly ServerProcess[];

/** Asks this process, or the one that `?process=` names: its answer is passed on as it is. */
export const inNamedProcess = (route: OperatorRoute, processes: Processes): OperatorRoute => ({
  ...route,
  handle(request) {
    const name = request.query.get('process') ?? coreProcess;
    return name === coreProcess ? route.handle(request) : forward(name, { route, request, processes });
  },
});

async function forward(
  name: string,
  { route, request, processes }: { route: OperatorRoute; request: OperatorRequest; processes: Processes },
): Promise<OperatorAnswer> {
  const all = processes();
  const process = all.find((one) => one.name === name);
  if (process === undefined)
    return refusal.noSuch(`process ${name}: there are ${[coreProcess, ...all.map((one) => one.name)].join(', ')}`);
  const path = route.path.replace(/:(\w+)/g, (_match, param: string) =>
    encodeURIComponent(request.params[param] ?? ''),
  );
  const text = route.method === 'GET' ? undefined : await request.text();
  return process
    .fetch(`${path}?${request.query}`, {
      method: route.method,
      signal: request.signal,
      ...(text === undefined ? {} : { body: text }),
    })
    .catch(() => failure.processSilent(name));
}

/** What each process answers to a GET, by its name; undefined for one that does not answer. */
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
        // It is starting, ending or hanging: what is missing from the answer says so.
        return [process.name, undefined] as const;
      }
    }),
  );
}
