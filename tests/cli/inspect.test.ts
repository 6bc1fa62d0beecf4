// hongyan inspect, as a process, against what a running and a stopped server left in the data folder.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { type Account, call, createGroup, signUp } from '@hongyan/testing/http-client';
import { WireClient } from '@hongyan/testing/wire-client';
import { dataFolder, killServers, removeDataFolders, type ServerProcess, startServer } from '../server-process.ts';
import { hongyan } from './hongyan.ts';

/** Each test starts processes, on a machine that others may use too. */
setDefaultTimeout(60_000);

let dataDir: string;
let server: ServerProcess;
let alice: Account;
let bob: Account;
let group: string;

beforeAll(async () => {
  dataDir = await dataFolder('inspect');
  server = await startServer({ dataDir });
  alice = await signUp(server.url, 'alice');
  bob = await signUp(server.url, 'bob');
  group = await createGroup(server.url, alice, ['bob']);
});

afterAll(async () => {
  await killServers();
  await removeDataFolders();
});

const inspect = (...args: readonly string[]) => hongyan(['inspect', ...args, '--data', dataDir]);

async function send(from: Account, to: object, clientMsgId: string, text: string): Promise<Record<string, unknown>> {
  const body = { ...to, client_msg_id: clientMsgId, content: { type: 'text', text } };
  return (await call(server.url, '/v1/messages', { method: 'POST', token: from.token, body })).body;
}

test('a conversation is shown with its bounds, months, members and newest messages while the server runs', async () => {
  for (const n of [1, 2, 3]) await send(alice, { to: 'bob' }, `direct-${n}`, `message ${n}`);
  const { code, stdout, stderr } = await inspect('d:alice:bob');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/^direct conversation d:alice:bob, created 20\d\d-\d\d-\d\d /);
  expect(stdout).toContain('\nseq 1 to 3\n');
  expect(stdout).toMatch(/\n {2}20\d\d-\d\d +1 +3\n/);
  expect(stdout).toMatch(/\n {2}bob +member +0 +0 +3 +1\n/);
  expect(stdout).toMatch(/\n {2} +3 .* alice .* message 3\n$/);
});

test('a group is shown as JSON with the names of the wire, and --limit bounds members and messages', async () => {
  const { stdout } = await inspect(group, '--json', '--limit', '1');
  const facts = JSON.parse(stdout);
  expect(facts).toMatchObject({
    type: 'conversation',
    conversation_id: group,
    kind: 'group',
    title: 'group under test',
    member_count: 2,
    first_seq: 1,
    last_seq: 1,
    members: [{ user_id: 'alice', role: 'owner', delivered_seq: 0, read_seq: 0 }],
    messages: [{ seq: 1, content: { type: 'hongyan.members' } }],
  });
});

test('a message is found by msg_id and by client_msg_id, with where it is for each member and device', async () => {
  const sent = await send(alice, { to: 'bob' }, 'where-is-it', 'find me');
  const device = await WireClient.open({ url: server.url, ...bob, deviceId: 'phone-1' });
  device.raw(JSON.stringify({ type: 'delivered', conversation_id: 'd:alice:bob', seq: sent.seq }));
  const facts = await until(async () => {
    const each = JSON.parse((await inspect(String(sent.msg_id), '--json')).stdout);
    return each.delivered_count === 1 ? each : undefined;
  });
  device.close();
  expect(facts).toMatchObject({
    type: 'message',
    message: { msg_id: sent.msg_id, from: 'alice', client_msg_id: 'where-is-it', content: { text: 'find me' } },
    read_count: 0,
    member_count: 2,
  });
  expect(facts.members[1]).toMatchObject({
    user_id: 'bob',
    status: 'delivered',
    devices: [{ device_id: 'phone-1', status: 'delivered', delivered_seq: sent.seq, read_seq: 0 }],
  });
  const { stdout } = await inspect('where-is-it');
  expect(stdout).toContain(`message ${sent.msg_id}\nin d:alice:bob, seq ${sent.seq}, committed `);
  expect(stdout).toContain('delivered to 1 and read by 0 of 1 other members');
  expect(stdout).toMatch(/\n {2} +phone-1 +delivered +\d+ +0 +20\d\d-/);
});

test('a client_msg_id that two senders used shows both messages; one that starts with dashes goes behind --', async () => {
  await send(alice, { to: 'bob' }, '--both', 'from alice');
  await send(bob, { to: 'alice' }, '--both', 'from bob');
  const { stdout } = await hongyan(['inspect', '--json', '--data', dataDir, '--', '--both']);
  const texts = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).message.content.text);
  expect(texts.sort()).toEqual(['from alice', 'from bob']);
});

test('what users wrote cannot steer the terminal', async () => {
  await send(alice, { to: 'bob' }, 'escape', '\u001b[2Jgone\u202e');
  const { stdout } = await inspect('escape');
  expect(stdout).toContain('content: \\u001b[2Jgone\\u202e');
});

test('an unknown id leaves with 1, a missing one and a bad limit with 2, a folder without a server with 1', async () => {
  expect(await inspect('g:nobody')).toEqual({
    code: 1,
    stdout: '',
    stderr: `hongyan inspect: nothing in ${dataDir} has the id g:nobody\n`,
  });
  expect((await inspect()).code).toBe(2);
  expect((await inspect(group, '--limit', '0')).code).toBe(2);
  const empty = await hongyan(['inspect', group, '--data', await dataFolder('empty')]);
  expect(empty).toMatchObject({ code: 1, stderr: expect.stringContaining('no server has run on the folder') });
});

test('the same is read from the folder of a stopped and of a killed server', async () => {
  const before = (await inspect(group, '--json')).stdout;
  await server.stop();
  expect((await inspect(group, '--json')).stdout).toBe(before);
  server = await startServer({ dataDir });
  await send(alice, { to: 'bob' }, 'before-the-kill', 'still there');
  await server.kill();
  expect((await inspect('before-the-kill')).stdout).toContain('content: still there');
});

async function until<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (const deadline = performance.now() + 10_000; performance.now() < deadline; ) {
    const seen = await look();
    if (seen !== undefined) return seen;
  }
  throw new Error('not seen in time');
}
