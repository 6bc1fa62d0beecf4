import { expect, test } from 'bun:test';
import { silentLog } from '@hongyan/base/log';
import { type Ok, ok } from '@hongyan/base/result';
import { Metrics } from '../../metrics/metrics.ts';
import { metricsRoute } from './metrics-routes.ts';
import { inEveryProcess, inNamedProcess, knowingAll, type Processes, type ServerProcess } from './processes.ts';
import type { OperatorRequest, OperatorRoute } from './route.ts';

/** One process beside `core`, which is known once it was looked for. */
class Joining implements Processes {
  readonly own = 'core';
  readonly #known: ServerProcess[] = [];
  readonly #answer: unknown;

  constructor(answer: unknown = { process: 'gateway' }) {
    this.#answer = answer;
  }

  others = () => this.#known;

  look = async () => {
    this.#known.push({ name: 'gateway', fetch: async () => Response.json(this.#answer) });
  };
}

const asked = (path: string): OperatorRequest => {
  const { pathname, searchParams } = new URL(path, 'http://localhost');
  return {
    path: pathname,
    query: searchParams,
    params: {},
    headers: new Headers(),
    signal: new AbortController().signal,
    text: async () => '',
    body: () => Promise.reject(new Error('a GET has no body')),
  };
};

const namesRoute = (processes: Processes): OperatorRoute => ({
  method: 'GET',
  path: '/names',
  handle: async () => ok({ others: processes.others().map(({ name }) => name) }),
});

test('[O35] a process that has just started is asked by its name', async () => {
  const processes = new Joining();
  const answer = await inNamedProcess(namesRoute(processes), processes).handle(asked('/names?process=gateway'));
  expect(await (answer as Response).json()).toEqual({ process: 'gateway' });
});

test('[O35] a process that nobody knows is refused with the names of those that are there', async () => {
  const processes = new Joining();
  const answer = await inNamedProcess(namesRoute(processes), processes).handle(asked('/names?process=none'));
  expect(answer).toMatchObject({ code: 'not_found', message: expect.stringContaining('core, gateway') });
});

test('[O35] who asks for all processes sees one that has just started', async () => {
  const processes = new Joining();
  const answer = await knowingAll(namesRoute(processes), processes).handle(asked('/names'));
  expect((answer as Ok<unknown>).value).toEqual({ others: ['gateway'] });
});

test('[O35] a scrape of all processes has one that has just started', async () => {
  const metrics = new Metrics({ process: 'core', log: silentLog });
  const route = metricsRoute(metrics, new Joining([]), { isOfAll: false });
  const text = await ((await route.handle(asked('/metrics?processes=all'))) as Response).text();
  expect(text).toContain('hongyan_process_up{process="gateway"} 1');
});

test('[O35] a process that hangs is named when it was waited for', async () => {
  const silent = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } });
  const url = `http://127.0.0.1:${silent.port}`;
  const processes: Processes = {
    own: 'core',
    others: () => [{ name: 'gateway', fetch: (path, init) => fetch(`${url}${path}`, init) }],
  };
  const route = namesRoute(processes);
  const answers = [
    inEveryProcess(route, processes, () => undefined).handle(asked('/names')),
    inNamedProcess(route, processes).handle(asked('/names?process=gateway')),
  ];
  for (const answer of await Promise.all(answers))
    expect(answer).toMatchObject({ code: 'unavailable', message: expect.stringContaining('gateway does not answer') });
  silent.stop(true);
}, 20_000);
