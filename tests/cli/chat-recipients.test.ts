// To whom hongyan chat sends what is typed, whatever others call themselves and their groups.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { type Client, createClient, signup, type UserId } from '@hongyan/client';
import { until } from '@hongyan/testing/until';
import { dataFolder, killServers, removeDataFolders, type ServerProcess, startServer } from '../server-process.ts';
import { hongyan } from './hongyan.ts';
import { Terminal } from './terminal.ts';

/** Each test starts processes, on a machine that others may use too. */
setDefaultTimeout(60_000);

const password = 'correct horse battery';
const env = { HONGYAN_PASSWORD: password };
const clients: Client[] = [];
const terminals: Terminal[] = [];
let server: ServerProcess;

beforeAll(async () => {
  server = await startServer({ dataDir: await dataFolder('recipients') });
});

afterAll(async () => {
  for (const terminal of terminals) terminal.kill();
  await Promise.all(clients.map((client) => client.close()));
  await killServers();
  await removeDataFolders();
});

interface Person {
  readonly id: UserId;
  readonly client: Client;
  /** Texts of others, in the order in which they came. */
  readonly received: string[];
}

async function person(name: string): Promise<Person> {
  const id = name as UserId;
  const { access_token } = await signup({ url: server.url, userId: name, password });
  const client = createClient({ url: server.url, token: () => access_token });
  const received: string[] = [];
  client.on('message', ({ from, content }) => {
    if (from !== id && content.type === 'text') received.push(String(content.text));
  });
  clients.push(client);
  await client.connect();
  return { id, client, received };
}

const text = (words: string) => ({ type: 'text', text: words });

const pipe = (user: string, typed: string, ...args: readonly string[]) =>
  hongyan(['chat', '--url', server.url, '--user', user, ...args], { stdin: typed, env });

function onTerminal(user: string): Terminal {
  const terminal = new Terminal(['chat', '--url', server.url, '--user', user, '--device', 'desk'], env);
  terminals.push(terminal);
  return terminal;
}

test('a user id is that user, whatever groups are called', async () => {
  const [ann, ben, mallory] = [await person('ann'), await person('ben'), await person('mallory')];
  await ann.client.send({ to: ben.id }, text('before'));
  const { conversationId } = await mallory.client.createGroup({ title: 'ben', members: [ann.id] });
  await mallory.client.send({ conversationId }, text('newest'));
  expect(await pipe('ann', 'the password is 1234\n', '--to', 'ben')).toMatchObject({ code: 0 });
  // Also where there is no conversation with that user yet, and in the other case of letters.
  const cleo = await person('cleo');
  await mallory.client.createGroup({ title: 'cleo', members: [ann.id] });
  expect(await pipe('ann', 'for cleo\n', '--to', 'Cleo')).toMatchObject({ code: 0 });
  await until(() => ben.received.length === 2 && cleo.received.length === 1);
  expect(ben.received).toEqual(['before', 'the password is 1234']);
  expect(cleo.received).toEqual(['for cleo']);
  expect(mallory.received).toEqual([]);
});

test('--to takes no numbers of a list: digits are a user id', async () => {
  const [dan, one] = [await person('dan'), await person('1')];
  const other = await person('eve');
  await other.client.send({ to: dan.id }, text('hello'));
  expect(await pipe('dan', 'for user 1\n', '--to', '1')).toMatchObject({ code: 0 });
  await until(() => one.received.length === 1);
  expect(one.received).toEqual(['for user 1']);
  expect(other.received).toEqual([]);
});

test('a number is of the list as it was printed last', async () => {
  const [fay, gus, hal] = [await person('fay'), await person('gus'), await person('hal')];
  await gus.client.send({ to: fay.id }, text('hello from gus'));
  const terminal = onTerminal('fay');
  await terminal.shows('  1  gus');
  await hal.client.send({ to: fay.id }, text('hello from hal'));
  await terminal.shows('hello from hal');
  terminal.type('/open 1\r');
  await terminal.shows('gus> ');
  terminal.type('for gus alone\r');
  await until(() => gus.received.length === 1);
  terminal.type('/open 2\r');
  await terminal.shows('2 is no number of the list that was printed last: /list shows yours, /new 2');
  expect(hal.received).toEqual([]);
});

test('a title that several conversations have is refused, with their ids', async () => {
  const [ivy, jon] = [await person('ivy'), await person('jon')];
  const first = await ivy.client.createGroup({ title: 'Night shift', members: [jon.id] });
  expect(await pipe('ivy', 'to the group\n', '--to', 'Night shift')).toMatchObject({ code: 0 });
  const second = await jon.client.createGroup({ title: 'Night shift', members: [ivy.id] });
  const refused = await pipe('ivy', 'to which?\n', '--to', 'Night shift');
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain('2 conversations are called Night shift');
  expect(refused.stderr).toContain(first.conversationId);
  expect(refused.stderr).toContain(second.conversationId);
  expect(await pipe('ivy', 'by its id\n', '--to', first.conversationId)).toMatchObject({ code: 0 });
  await until(() => jon.received.length === 2);
  expect(jon.received).toEqual(['to the group', 'by its id']);
});

test('what cannot be opened leaves nothing open: the next line goes to nobody', async () => {
  const [kay, lou] = [await person('kay'), await person('lou')];
  await kay.client.send({ to: lou.id }, text('hello'));
  const terminal = onTerminal('kay');
  await terminal.shows('  1  lou');
  terminal.type('/open lou\r');
  await terminal.shows('lou> ');
  terminal.type('/open lu\rfor somebody else\r');
  await terminal.shows('no conversation or user is called lu');
  await terminal.shows('open a conversation first');
  terminal.type('/open lou\rfor lou\r');
  await until(() => lou.received.length === 2);
  expect(lou.received).toEqual(['hello', 'for lou']);
});
