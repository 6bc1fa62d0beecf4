// hongyan task …: the task queue of a running server, through its operator listener.

import type { DeadTask, TaskCounts } from '@hongyan/protocol/operator/tasks';
import { printable } from '@hongyan/terminal/printable';
import { type Command, type CommandInput, UsageError } from './command.ts';
import { OperatorClient } from './operator-client.ts';
import { printLine } from './print-line.ts';
import { table, timeOf } from './text.ts';

const path = '/admin/v1/tasks';
const json = { json: 'Print the answer as JSON for programs' };
const kind = { placeholder: 'kind', description: 'All dead letters of this kind' };

const taskList: Command = {
  name: 'task list',
  usage: 'task list',
  summary: 'Count the tasks of each kind: ready, delayed, running, dead letters',
  switches: json,
  options: ['data'],
  async run(input) {
    const answer = (await ask(input, 'GET', path)) as { readonly kinds: readonly TaskCounts[] };
    if (input.switches.has('json')) printLine(JSON.stringify(answer));
    else if (answer.kinds.length === 0) printLine('no tasks wait, and none was given up');
    else
      printLine(
        table(
          ['kind', 'ready', 'delayed', 'under way', 'dead'],
          answer.kinds.map((each) => [each.kind, each.ready, each.delayed, each.claimed, each.dead]),
        ),
      );
    return 0;
  },
};

const taskDead: Command = {
  name: 'task dead',
  usage: 'task dead',
  summary: 'List the dead letters, newest first, with their errors',
  values: { kind },
  switches: json,
  options: ['data'],
  async run(input) {
    const chosen = input.values.get('kind');
    const query = chosen === undefined ? '' : `&kind=${encodeURIComponent(chosen)}`;
    const answer = (await ask(input, 'GET', `${path}/dead?limit=500${query}`)) as {
      readonly dead_letters: readonly DeadTask[];
    };
    if (input.switches.has('json')) printLine(JSON.stringify(answer));
    else if (answer.dead_letters.length === 0) printLine('no task was given up');
    else
      printLine(
        table(
          ['task', 'kind', 'given up', 'failures', 'error'],
          answer.dead_letters.map((each) => [
            each.task_id,
            each.kind,
            timeOf(each.died_at),
            each.failures,
            printable(each.error),
          ]),
        ),
      );
    return 0;
  },
};

const choosing = (verb: 'replay' | 'discard', summary: string, done: string): Command => ({
  name: `task ${verb}`,
  usage: `task ${verb} [task…]`,
  summary,
  values: { kind },
  options: ['data'],
  async run(input) {
    const chosen = input.values.get('kind');
    if ((input.words.length === 0) === (chosen === undefined))
      throw new UsageError(`give either task ids (hongyan task dead lists them) or --kind: hongyan task ${verb} 17`);
    const body = chosen === undefined ? { task_ids: input.words } : { kind: chosen };
    const { count } = (await ask(input, 'POST', `${path}/dead/${verb}`, body)) as { readonly count: number };
    printLine(`${count} ${count === 1 ? 'task' : 'tasks'} ${done}`);
    if (count < new Set(input.words).size)
      throw new Error('the other ids are not dead letters; hongyan task dead lists them');
    return 0;
  },
});

export const taskCommands: readonly Command[] = [
  taskList,
  taskDead,
  choosing('replay', 'Do tasks again that were given up: these, or all of a kind', 'to be done again'),
  choosing('discard', 'Remove tasks that were given up, for good: these, or all of a kind', 'removed'),
];

async function ask({ config }: CommandInput, method: 'GET' | 'POST', route: string, body?: unknown): Promise<unknown> {
  return (await OperatorClient.connect(config.data)).request(method, route, body);
}
