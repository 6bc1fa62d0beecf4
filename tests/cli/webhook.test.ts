// hongyan webhook …, as processes beside a running server; and events pulled with an API key.

import { afterAll, expect, setDefaultTimeout, test } from 'bun:test';
import { call, signUp } from '@hongyan/testing/http-client';
import { until } from '@hongyan/testing/until';
import { WebhookReceiver } from '@hongyan/testing/webhook-receiver';
import { dataFolder, killServers, removeDataFolders, startServer } from '../server-process.ts';
import { hongyan } from './hongyan.ts';

setDefaultTimeout(120_000);

const receiver = new WebhookReceiver();
afterAll(async () => {
  await receiver.stop();
  await killServers();
  await removeDataFolders();
});

const send = (url: string, token: string, id: string) =>
  call(url, '/v1/messages', {
    ...{ method: 'POST', token },
    body: { to: 'bob', client_msg_id: id, content: { type: 'text', text: id } },
  });

test('[W3][W5][W9] an endpoint is added, tested, looked at, rotated, replayed, switched off and removed', async () => {
  const env = {
    HONGYAN_WEBHOOK_PRIVATE_ADDRESSES: 'true',
    HONGYAN_WEBHOOK_RETRY_MS: '10',
    HONGYAN_WEBHOOK_ATTEMPTS_MAX: '2',
  };
  const server = await startServer({ dataDir: await dataFolder('webhook'), env });
  const run = (...args: readonly string[]) => hongyan(['webhook', ...args, '--data', server.dataDir]);
  const [alice] = [await signUp(server.url, 'alice'), await signUp(server.url, 'bob')];
  expect(await run('list')).toEqual({ code: 0, stdout: 'there are no webhook endpoints\n', stderr: '' });
  const added = await run('add', receiver.url, '--types', 'message.created');
  const [, id = '', secret = ''] = added.stdout.match(/^added (wh_\S+) {3}secret: (whsec_\S+)\n$/) ?? [];
  expect(added).toMatchObject({ code: 0, stderr: '' });
  receiver.secrets = [secret];
  expect(await run('test', id)).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^delivered in \d+ ms: HTTP 200\n$/),
  });
  expect(receiver.received).toMatchObject([{ validSecrets: 1, event: { type: 'webhook.test' } }]);
  receiver.answering = () => 500;
  expect(await run('test', id)).toMatchObject({ code: 1, stdout: expect.stringContaining('not delivered') });
  await send(server.url, alice.token, 'k1');
  const show = async () =>
    JSON.parse((await run('show', id, '--json')).stdout) as { readonly dead_letters: readonly unknown[] };
  await until(async () => (await show()).dead_letters.length === 1, { withinMs: 60_000 });
  expect(await show()).toMatchObject({
    attempts: [{ status: 500, error: 'HTTP 500' }, {}],
    dead_letters: [{ attempts: 2 }],
  });
  expect((await run('show', id)).stdout).toContain('Dead letters, newest first:');
  expect((await run('list')).stdout).toMatch(/failing +\d+ +0 +1 +http/);
  receiver.answering = () => 200;
  expect((await run('replay', id, '--dead')).stdout).toBe('1 dead letters are delivered again\n');
  await receiver.next(({ data }) => data.client_msg_id === 'k1');
  expect((await run('rotate', id)).stdout).toMatch(/^secret: whsec_\S+\n$/);
  const own = `whsec_${'A'.repeat(43)}=`;
  const asked = ['webhook', 'rotate', id, '--secret', '-', '--data', server.dataDir];
  expect(await hongyan(asked, { stdin: `${own}\n` })).toEqual({ code: 0, stdout: `secret: ${own}\n`, stderr: '' });
  receiver.secrets = [own];
  expect((await run('replay', id)).code).toBe(0);
  await until(
    () =>
      receiver.received.filter(({ event, status }) => event.data.client_msg_id === 'k1' && status === 200).length === 2,
  );
  expect((await run('disable', id)).stdout).toBe(`disabled ${id}\n`);
  await send(server.url, alice.token, 'k2');
  expect((await run('list')).stdout).toContain(' off ');
  expect((await run('enable', id)).code).toBe(0);
  await receiver.next(({ data }) => data.client_msg_id === 'k2');
  expect((await run('remove', id)).stdout).toBe(`removed ${id}\n`);
  expect(await run('show', id)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining(`no webhook endpoint ${id}`),
  });
});

test('[W6] wrong arguments, URLs and addresses are refused with what to do', async () => {
  const server = await startServer({ dataDir: await dataFolder('webhook') });
  const run = (...args: readonly string[]) => hongyan(['webhook', ...args, '--data', server.dataDir]);
  for (const [args, code, stderr] of [
    [['add'], 2, 'takes one URL'],
    [['add', 'ftp://x'], 1, 'neither https nor http'],
    [['add', 'http://127.0.0.1:1/'], 1, '--webhook-private-addresses'],
    [['add', 'https://app.example.org/', '--types', 'message.sent'], 1, 'the types are message.created'],
    [['add', 'https://app.example.org/', '--secret', 'short'], 1, 'whsec_'],
    [['replay', 'wh_1', '--dead', '--after', 'x'], 2, 'give one of them'],
    [['test', 'wh_1'], 1, 'no webhook endpoint wh_1'],
  ] as const)
    expect([args, await run(...args)]).toMatchObject([args, { code, stderr: expect.stringContaining(stderr) }]);
});

for (const gateways of ['1', '2']) {
  test(`[W10] with an API key events are pulled from a server with ${gateways} gateway processes`, async () => {
    const server = await startServer({
      dataDir: await dataFolder('pull'),
      args: ['--events-pull', '--gateways', gateways],
    });
    const key = async (scopes: string) => {
      const made = await hongyan(['key', 'create', 'back end', '--scopes', scopes, '--json', '--data', server.dataDir]);
      return String((JSON.parse(made.stdout) as { readonly key: string }).key);
    };
    const [alice] = [await signUp(server.url, 'alice'), await signUp(server.url, 'bob')];
    const token = await key('events:read');
    const pull = (query: string, by = token) =>
      call(server.url, `/v1/events?types=message.created${query}`, { token: by });
    for (const id of ['k1', 'k2', 'k3']) await send(server.url, alice.token, id);
    const keys: unknown[] = [];
    let position = '';
    await until(async () => {
      const { status, body } = await pull(`&limit=2${position === '' ? '' : `&after=${position}`}`);
      expect(status).toBe(200);
      keys.push(
        ...(body.events as { readonly data: { readonly client_msg_id: string } }[]).map(
          ({ data }) => data.client_msg_id,
        ),
      );
      position = String(body.position);
      return keys.length === 3 && body.has_more === false;
    });
    expect(keys).toEqual(['k1', 'k2', 'k3']);
    const waiting = pull(`&wait_s=12&after=${position}`);
    await Bun.sleep(100);
    await send(server.url, alice.token, 'k4');
    expect((await waiting).body.events).toMatchObject([{ data: { client_msg_id: 'k4' } }]);
    expect(await pull('&after=x.1')).toMatchObject({ status: 400 });
    expect(await pull('', await key('tokens:mint'))).toMatchObject({ status: 403 });
    expect((await pull('', alice.token)).status).toBeGreaterThanOrEqual(401);
  });
}

test('[W10] a server that records no events says how it would', async () => {
  const server = await startServer({ dataDir: await dataFolder('pull') });
  const made = await hongyan([
    'key',
    'create',
    'back end',
    '--scopes',
    'events:read',
    '--json',
    '--data',
    server.dataDir,
  ]);
  const { key } = JSON.parse(made.stdout) as { readonly key: string };
  const answer = await call(server.url, '/v1/events', { token: key });
  expect(answer).toMatchObject({ status: 409, body: { detail: expect.stringContaining('--events-pull') } });
});
