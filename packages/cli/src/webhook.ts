// hongyan webhook …: endpoints of a running server, through its operator listener.

import type { WebhookAttempt, WebhookDeadLetter, WebhookEndpoint } from '@hongyan/protocol/operator/webhooks';
import { printable } from '@hongyan/terminal/printable';
import { type Command, type CommandInput, UsageError } from './command.ts';
import { OperatorClient } from './operator-client.ts';
import { readPassword } from './password.ts';
import { printLine } from './print-line.ts';
import { table, timeOf } from './text.ts';

const overlapHoursMax = 720;
const path = '/admin/v1/webhooks';
const json = { json: 'Print the answer as JSON for programs' };
const givenSecret = {
  placeholder: 'whsec_…',
  description:
    'A secret that the receiver already has. - reads it from a prompt or from standard input, since every process of the machine sees arguments. Default: a new one',
};

const webhookAdd: Command = {
  name: 'webhook add',
  usage: 'webhook add <url>',
  summary: 'Add an endpoint: send events to a URL from now on, and print the secret that signs them',
  details:
    'The secret is printed once: give it to the receiver, which checks signatures with it (docs/webhooks.md).\nExits with status 1 if the server refuses the URL or does not run.',
  examples: ['hongyan webhook add https://app.example.org/hooks --types message.created,message.recalled'],
  values: {
    types: { placeholder: 'list', description: 'Types of events, separated by commas. Default: all' },
    secret: givenSecret,
  },
  switches: json,
  options: ['data'],
  async run(input) {
    const url = onlyWord(input, 'webhook add', 'URL');
    const types = input.values.get('types')?.split(/[\s,]+/);
    const secret = await secretOf(input);
    const added = (await (
      await connect(input)
    ).request('POST', path, {
      url,
      ...(types === undefined ? {} : { types }),
      ...(secret === undefined ? {} : { secret }),
    })) as WebhookEndpoint & { readonly secret: string };
    print(input, added, () => `added ${added.id}   secret: ${added.secret}`);
    return 0;
  },
};

const webhookList: Command = {
  name: 'webhook list',
  usage: 'webhook list',
  summary: 'List the endpoints with their lag and their failures',
  switches: json,
  options: ['data'],
  async run(input) {
    const { endpoints } = (await (await connect(input)).request('GET', path)) as {
      readonly endpoints: readonly WebhookEndpoint[];
    };
    const head = ['id', 'state', 'behind', 'waiting', 'dead letters', 'url'];
    const rows = endpoints.map(({ id, behind, waiting, dead_letters, url, ...rest }) => [
      ...[id, stateOf(rest), behind, waiting, dead_letters, printable(url)],
    ]);
    print(input, endpoints, () => (rows.length === 0 ? 'there are no webhook endpoints' : table(head, rows)));
    return 0;
  },
};

const webhookShow: Command = {
  name: 'webhook show',
  usage: 'webhook show <id>',
  summary: 'Show an endpoint with its last attempts and its dead letters',
  switches: json,
  options: ['data'],
  async run(input) {
    const id = onlyWord(input, 'webhook show', 'endpoint');
    const server = await connect(input);
    const endpoint = (await server.request('GET', at(id))) as WebhookEndpoint;
    const { attempts } = (await server.request('GET', at(id, 'attempts'))) as {
      readonly attempts: readonly WebhookAttempt[];
    };
    const { dead_letters } = (await server.request('GET', at(id, 'dead-letters'))) as {
      readonly dead_letters: readonly WebhookDeadLetter[];
    };
    print(input, { ...endpoint, attempts, dead_letters }, () => pageOf(endpoint, attempts, dead_letters));
    return 0;
  },
};

const webhookTest: Command = {
  name: 'webhook test',
  usage: 'webhook test <id>',
  summary: 'Send one event of type webhook.test to an endpoint now, and show its answer',
  details: 'Exits with status 1 if it was not delivered.',
  switches: json,
  options: ['data'],
  async run(input) {
    const id = onlyWord(input, 'webhook test', 'endpoint');
    const tested = (await (await connect(input)).request('POST', at(id, 'test'))) as {
      readonly outcome: string;
      readonly status: number;
      readonly error?: string;
      readonly duration_ms: number;
    };
    const { outcome, status, error = `HTTP ${status}`, duration_ms } = tested;
    const isDelivered = outcome === 'delivered';
    print(input, tested, () => `${isDelivered ? 'delivered' : 'not delivered'} in ${duration_ms} ms: ${error}`);
    return isDelivered ? 0 : 1;
  },
};

const webhookReplay: Command = {
  name: 'webhook replay',
  usage: 'webhook replay <id>',
  summary: 'Deliver events again: those after a position, all stored ones, or the dead letters',
  details: 'Each event has its previous webhook-id, so receivers that drop duplicates do nothing.',
  examples: [
    'hongyan webhook replay wh_q3Zk0c1fVt2y --after 7c2f90a1b3d4.1204',
    'hongyan webhook replay wh_q3Zk0c1fVt2y --dead',
  ],
  values: {
    after: {
      placeholder: 'position',
      description: 'Replay the events after this position; each event and each attempt shows its own',
    },
    position: { placeholder: 'position', description: 'With --dead: only the dead letter at this position' },
  },
  switches: { ...json, dead: 'The dead letters' },
  options: ['data'],
  async run(input) {
    const { values, switches } = input;
    const id = onlyWord(input, 'webhook replay', 'endpoint');
    const isDead = switches.has('dead');
    if (isDead ? values.has('after') : values.has('position'))
      throw new UsageError('--after selects events, --position selects dead letters (--dead): give one of them');
    const body = isDead ? { dead: true, position: values.get('position') } : { after: values.get('after') };
    const answer = (await (await connect(input)).request('POST', at(id, 'replay'), body)) as
      | { readonly replayed?: number }
      | undefined;
    print(input, answer ?? {}, () =>
      answer?.replayed !== undefined
        ? `${answer.replayed} dead letters are delivered again`
        : 'events are delivered again',
    );
    return 0;
  },
};

const webhookRotate: Command = {
  name: 'webhook rotate',
  usage: 'webhook rotate <id>',
  summary: 'Give an endpoint a new secret; the old one remains valid for a while',
  values: {
    'overlap-hours': { placeholder: 'hours', description: 'Time during which the old secret signs too. Default: 24' },
    secret: givenSecret,
  },
  switches: json,
  options: ['data'],
  async run(input) {
    const id = onlyWord(input, 'webhook rotate', 'endpoint');
    const hours = input.values.get('overlap-hours');
    if (hours !== undefined && !(/^\d+(\.\d+)?$/.test(hours) && Number(hours) <= overlapHoursMax))
      throw new UsageError(`--overlap-hours must be a number from 0 to ${overlapHoursMax}, not "${hours}"`);
    const secret = await secretOf(input);
    const rotated = (await (
      await connect(input)
    ).request('POST', at(id, 'rotate'), {
      ...(hours === undefined ? {} : { overlap_hours: Number(hours) }),
      ...(secret === undefined ? {} : { secret }),
    })) as { readonly secret: string };
    print(input, rotated, () => `secret: ${rotated.secret}`);
    return 0;
  },
};

const switching = (word: 'enable' | 'disable', summary: string): Command => ({
  name: `webhook ${word}`,
  usage: `webhook ${word} <id>`,
  summary,
  options: ['data'],
  async run(input) {
    const id = onlyWord(input, `webhook ${word}`, 'endpoint');
    await (await connect(input)).request('PATCH', at(id), { enabled: word === 'enable' });
    printLine(`${word}d ${id}`);
    return 0;
  },
});

const webhookRemove: Command = {
  name: 'webhook remove',
  usage: 'webhook remove <id>',
  summary: 'Remove an endpoint with its pending events and dead letters',
  options: ['data'],
  async run(input) {
    const id = onlyWord(input, 'webhook remove', 'endpoint');
    await (await connect(input)).request('DELETE', at(id));
    printLine(`removed ${id}`);
    return 0;
  },
};

export const webhookCommands: readonly Command[] = [
  ...[webhookAdd, webhookList, webhookShow, webhookTest, webhookReplay, webhookRotate],
  switching('enable', 'Switch an endpoint on again: it goes on where it was'),
  switching('disable', 'Switch an endpoint off; what happens meanwhile is kept for it as long as events are'),
  webhookRemove,
];

const connect = ({ config }: CommandInput): Promise<OperatorClient> => OperatorClient.connect(config.data);
const at = (id: string, what?: string): string => [path, encodeURIComponent(id), ...(what ? [what] : [])].join('/');

async function secretOf({ values }: CommandInput): Promise<string | undefined> {
  const given = values.get('secret');
  return given === '-' ? readPassword('Secret: ') : given;
}

function onlyWord({ words }: CommandInput, command: string, what: string): string {
  const [word, ...more] = words;
  if (word === undefined || more.length > 0)
    throw new UsageError(`${command} takes one ${what}; see hongyan ${command} --help`);
  return word;
}

function print({ switches }: CommandInput, answer: unknown, text: () => string): void {
  printLine(switches.has('json') ? JSON.stringify(answer) : text());
}

function stateOf({
  enabled,
  disabled_reason,
  failures,
}: Pick<WebhookEndpoint, 'enabled' | 'disabled_reason' | 'failures'>): string {
  if (!enabled) return disabled_reason === 'switched off' ? 'off' : 'gave up';
  return failures > 0 ? 'failing' : 'on';
}

function pageOf(
  endpoint: WebhookEndpoint,
  attempts: readonly WebhookAttempt[],
  dead: readonly WebhookDeadLetter[],
): string {
  const { id, url, types, position, behind, waiting, disabled_reason } = endpoint;
  return [
    `${id}  ${stateOf(endpoint)}  ${printable(url)}`,
    ...(disabled_reason === undefined ? [] : [`  ${disabled_reason}`]),
    `  types: ${types.length === 0 ? 'all' : types.join(', ')}`,
    `  position: ${position}, ${behind} events behind, ${waiting} waiting for another attempt`,
    '',
    'Last attempts, newest first:',
    attempts.length === 0
      ? '  none'
      : table(['time', 'status', 'ms', 'type', 'position', 'error'], attempts.map(attemptRow)),
    '',
    'Dead letters, newest first:',
    dead.length === 0 ? '  none' : table(['time', 'attempts', 'type', 'position', 'error'], dead.map(deadRow)),
  ].join('\n');
}

const attemptRow = ({ at: atMs, status, duration_ms, type, position, error = '' }: WebhookAttempt) => [
  ...[timeOf(atMs), status === 0 ? '-' : String(status), duration_ms, type, position, printable(error)],
];
const deadRow = ({ at: atMs, attempts, type, position, error }: WebhookDeadLetter) => [
  ...[timeOf(atMs), attempts, type, position, printable(error)],
];
