// docs/webhooks.md against a running server: its examples have the fields of real events, and its snippets verify a real delivery.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventSchemas, eventTypes, isEventType } from '@hongyan/protocol/events';
import { checkShape } from '@hongyan/protocol/parse';
import { call, createGroup } from '@hongyan/testing/http-client';
import { askOperator } from '@hongyan/testing/operator';
import { type Received, type ReceivedEvent, WebhookReceiver } from '@hongyan/testing/webhook-receiver';
import { spawnSync } from 'bun';
import { dataFolder, killServers, removeDataFolders, startServer } from '../server-process.ts';
import { Person, text } from './people.ts';

setDefaultTimeout(60_000);

const page = await Bun.file(join(import.meta.dir, '../../docs/webhooks.md')).text();
const blocks = (language: string): readonly string[] =>
  [...page.matchAll(new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, 'gs'))].map(([, code = '']) => code);
const block = (language: string, containing: string): string => {
  const found = blocks(language).find((code) => code.includes(containing));
  if (found === undefined) throw new Error(`the page has no ${language} with ${containing}`);
  return found;
};

const receiver = new WebhookReceiver();
let secret = '';
let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hongyan-page-'));
  const env = { HONGYAN_WEBHOOK_PRIVATE_ADDRESSES: 'true' };
  const server = await startServer({ dataDir: await dataFolder('page'), env });
  const [alice, bob] = [await Person.join(server.url, 'alice'), await Person.join(server.url, 'bob')];
  await Person.join(server.url, 'carol');
  const added = await askOperator(server.dataDir, 'POST', '/admin/v1/webhooks', { url: receiver.url });
  secret = String(added.body.secret);
  const [a, b] = [await alice.device('phone'), await bob.device('phone')];
  const { token } = alice.account;
  const group = `/v1/conversations/${await createGroup(server.url, alice.account, ['bob'])}`;
  await call(server.url, `${group}/members/carol`, { method: 'PUT', token, body: {} });
  await call(server.url, `${group}/members/bob`, { method: 'PATCH', token, body: { role: 'admin' } });
  await call(server.url, group, { method: 'PATCH', token, body: { title: 'Weekend plans' } });
  await call(server.url, `${group}/members/carol`, { method: 'DELETE', token });
  const ack = await a.request({ type: 'send', to: 'bob', client_msg_id: 'c1', content: text('晚饭七点?') });
  const { conversation_id, seq } = { conversation_id: String(ack?.conversation_id), seq: Number(ack?.seq) };
  const change = (type: string, more: object = {}) =>
    a.request({ type, conversation_id, target_seq: seq, client_msg_id: `to ${type}`, ...more });
  await change('edit', { content: text('Dinner at eight?') });
  await change('react', { key: '👍', op: 'add' });
  await change('pin');
  b.raw(JSON.stringify({ type: 'read', conversation_id, seq }));
  await receiver.next(({ type }) => type === 'message.read');
  await change('recall', { reason: 'sent to the wrong chat' });
  await b.close();
  await receiver.next(({ type }) => type === 'user.offline');
  await receiver.next(({ type }) => type === 'message.recalled');
  await askOperator(server.dataDir, 'POST', `/admin/v1/webhooks/${added.body.id}/test`);
});
afterAll(async () => {
  await receiver.stop();
  await killServers();
  await removeDataFolders();
  await rm(folder, { recursive: true, force: true });
});

test('each type of event has one example, in the shape that is declared for it', () => {
  const examples = blocks('json').map((json) => JSON.parse(json) as ReceivedEvent);
  expect(examples.map(({ type }) => type).toSorted()).toEqual([...eventTypes].toSorted());
  for (const example of examples) {
    if (!isEventType(example.type)) throw new Error(example.type);
    expect([example.type, checkShape(eventSchemas[example.type], example, 'event')]).toMatchObject([
      example.type,
      { type: 'ok' },
    ]);
  }
});

test('the examples have the fields of real events', () => {
  const real = new Map(receiver.events.map((event) => [event.type, event]));
  const unseen = ['device.registered', 'events.gap'];
  for (const json of blocks('json')) {
    const example = JSON.parse(json) as ReceivedEvent;
    if (unseen.includes(example.type)) continue;
    const fields = (event: ReceivedEvent | undefined) =>
      event && [Object.keys(event), Object.keys(event.data).toSorted()];
    // The newest conversation of the run is a direct one, which has no title.
    const conversation = receiver.events.find(({ data }) => data.kind === 'group');
    const own = example.type === 'conversation.created' ? conversation : real.get(example.type);
    expect([example.type, fields(own)]).toEqual([example.type, fields(example)]);
  }
});

/** A delivery with characters of several bytes in it. */
function delivery(): Received {
  const found = receiver.received.find(({ body }) => body.includes('晚饭') || body.includes('👍'));
  if (!found) throw new Error('there is a delivery with other characters');
  return found;
}
const headersOf = ({ headers }: Received) =>
  Object.fromEntries(
    ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map((name) => [name, headers.get(name) ?? '']),
  );

/** What anybody may send: a header is missing, or is no signature or time at all. */
function forged(received: Received): readonly Record<string, string>[] {
  const headers = headersOf(received);
  const without = Object.keys(headers).map((missing) =>
    Object.fromEntries(Object.entries(headers).filter(([name]) => name !== missing)),
  );
  return [
    ...without,
    { ...headers, 'webhook-signature': 'v1,ä' },
    { ...headers, 'webhook-signature': '' },
    { ...headers, 'webhook-timestamp': 'now' },
  ];
}

test('[W3] the TypeScript on the page verifies a real delivery, and refuses a changed one', async () => {
  const path = join(folder, 'verify.ts');
  await Bun.write(path, block('ts', 'createHmac'));
  const { verify } = (await import(path)) as { verify(secret: string, headers: Headers, body: string): boolean };
  const received = delivery();
  expect(verify(secret, received.headers, received.body)).toBe(true);
  expect(verify(secret, received.headers, `${received.body} `)).toBe(false);
  const late = new Headers(headersOf(received));
  late.set('webhook-timestamp', '1600000000');
  expect(verify(secret, late, received.body)).toBe(false);
  for (const headers of forged(received)) expect(verify(secret, new Headers(headers), received.body)).toBe(false);
});

test('[W3] so does the Python', async () => {
  const received = delivery();
  const input = { secret, headers: headersOf(received), body: received.body };
  const run = `import json, sys\ngiven = json.load(sys.stdin)\nprint(verify(given["secret"], given["headers"], given["body"].encode()))\n`;
  const path = join(folder, 'verify.py');
  await Bun.write(path, `${block('python', 'hmac')}\n${run}`);
  const verified = (value: object) =>
    spawnSync(['python3', path], { stdin: new Blob([JSON.stringify(value)]), env: { PATH: process.env.PATH ?? '' } });
  const answer = verified(input);
  expect([answer.stdout.toString(), answer.stderr.toString()]).toEqual(['True\n', '']);
  expect(verified({ ...input, body: `${received.body} ` }).stdout.toString()).toBe('False\n');
  for (const headers of forged(received)) {
    const refused = verified({ ...input, headers });
    expect([refused.stdout.toString(), refused.stderr.toString()]).toEqual(['False\n', '']);
  }
});

test('[W3] so does the shell', async () => {
  const received = delivery();
  await Bun.write(join(folder, 'verify.sh'), block('sh', 'openssl'));
  const {
    'webhook-id': ID = '',
    'webhook-timestamp': TIMESTAMP = '',
    'webhook-signature': SIGNATURE = '',
  } = headersOf(received);
  const env = { PATH: process.env.PATH ?? '', SECRET: secret, ID, TIMESTAMP, SIGNATURE };
  const verified = () => spawnSync(['sh', 'verify.sh'], { cwd: folder, env });
  await Bun.write(join(folder, 'body.json'), received.body);
  expect(verified()).toMatchObject({ exitCode: 0 });
  await Bun.write(join(folder, 'body.json'), `${received.body} `);
  expect(verified()).toMatchObject({ exitCode: 1 });
});
