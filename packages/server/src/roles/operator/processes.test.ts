import { expect, test } from 'bun:test';
import { type Ok, ok } from '@hongyan/base/result';
import { inNamedProcess, knowingAll, type Processes, type ServerProcess } from './processes.ts';
import type { OperatorRequest, OperatorRoute } from './route.ts';

/** One process beside `core`, which is known once it was looked for. */
class Joining implements Processes {
  readonly own = 'core';
  readonly #known: ServerProcess[] = [];

  others = () => this.#known;

  look = async () => {
    this.#known.push({ name: 'gateway', fetch: async () => Response.json({ process: 'gateway' }) });
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
