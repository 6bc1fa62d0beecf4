// hongyan chat, as processes: through pipes, and on terminals beside a server that goes and comes back.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { call, signUp } from '@hongyan/testing/http-client';
import {
  dataFolder,
  fromSources,
  killServers,
  removeDataFolders,
  type ServerProcess,
  startServer,
} from '../server-process.ts';
import { hongyan } from './hongyan.ts';
import { Terminal } from './terminal.ts';

/** Each test starts processes, on a machine that others may use too. */
setDefaultTimeout(60_000);

const password = 'correct horse battery';
const env = { HONGYAN_PASSWORD: password };
const ctrlC = '\u0003';
/** As a window that is closed. */
const hangUp = (terminal: Terminal): void => terminal.kill('SIGHUP');
const terminals: Terminal[] = [];
let server: ServerProcess;

beforeAll(async () => {
  server = await startServer({ dataDir: await dataFolder('chat') });
  for (const userId of ['alice', 'bob', 'carol', 'dora']) await signUp(server.url, userId);
});

afterAll(async () => {
  for (const terminal of terminals) terminal.kill();
  await killServers();
  await removeDataFolders();
});

const pipe = (user: string, typed: string, ...args: readonly string[]) =>
  hongyan(['chat', '--url', server.url, '--user', user, ...args], { stdin: typed, env });

function onTerminal(
  user: string,
  options: { readonly to: string; readonly state?: string; readonly env?: Record<string, string> },
): Terminal {
  const args = ['chat', '--url', server.url, '--user', user, '--to', options.to, '--device', `${user}-desk`];
  if (options.state !== undefined) args.push('--state', options.state);
  const terminal = new Terminal(args, { ...env, ...options.env });
  terminals.push(terminal);
  return terminal;
}

/** A relay to the server. It cuts the connection of the first request or WebSocket frame from a client that holds the text, and lets it not pass. */
async function cuttingAt(text: string, { isOnce = true } = {}): Promise<{ readonly url: string; close(): void }> {
  let isDone = false;
  const relay = createServer((client) => {
    const upstream = connect(server.port, '127.0.0.1');
    client.on('data', (chunk: Buffer) => {
      if (isDone || ![chunk.toString(), unmasked(chunk)].some((one) => one.includes(text)))
        return upstream.write(chunk);
      isDone = isOnce;
      client.destroy();
      return upstream.destroy();
    });
    upstream.pipe(client);
    for (const socket of [client, upstream]) socket.on('error', () => socket.destroy());
    client.on('close', () => upstream.destroy());
  });
  relay.listen(0, '127.0.0.1');
  await once(relay, 'listening');
  return { url: `http://127.0.0.1:${(relay.address() as AddressInfo).port}`, close: () => relay.close() };
}

/** The payload of the one short frame of a client that the chunk is. */
function unmasked(chunk: Buffer): string {
  const length = (chunk[1] ?? 0) & 0x7f;
  const at = length === 126 ? 4 : 2;
  const mask = chunk.subarray(at, at + 4);
  return Buffer.from(chunk.subarray(at + 4).map((byte, index) => byte ^ (mask[index % 4] ?? 0))).toString();
}

test('lines of a pipe are messages; it ends with its input once they are durable', async () => {
  const sent = await pipe('alice', 'one\n\n  two  \n//three', '--to', 'bob');
  expect(sent).toMatchObject({ code: 0, stderr: '' });
  expect(sent.stdout).toMatch(/^\* connected\n/);
  expect(sent.stdout).not.toContain('\u001b');
  expect(sent.stdout).toMatch(/\n20\d\d-[^ ]+Z alice: one {2}✓ acked\n/);
  const login = await call(server.url, '/v1/auth/login', { method: 'POST', body: { user_id: 'bob', password } });
  const token = String(login.body.access_token);
  const { body } = await call(server.url, '/v1/conversations/d:alice:bob/messages', { token });
  const texts = (body.entries as { content: { text: string } }[]).map(({ content }) => content.text);
  expect(texts).toEqual(['one', 'two', '/three']);
});

test('[A10] when it ends its token is good for nobody any more: the device it was on is signed in no longer', async () => {
  const login = await call(server.url, '/v1/auth/login', { method: 'POST', body: { user_id: 'dora', password } });
  const token = String(login.body.access_token);
  const devices = async () =>
    ((await call(server.url, '/v1/me/devices', { token })).body.devices as { device_id: string }[]).map(
      (one) => one.device_id,
    );
  const leaving = [(it: Terminal) => it.type('/quit\r'), (it: Terminal) => it.type(ctrlC), hangUp];
  for (const leave of leaving) {
    const terminal = onTerminal('dora', { to: 'alice' });
    await terminal.shows('connected');
    await terminal.shows('alice> ');
    expect(await devices()).toEqual(['dora-desk']);
    leave(terminal);
    expect(await terminal.exited()).toBe(0);
    expect(await devices()).toEqual([]);
  }
});

test('it ends quietly when the reader of its output leaves, and what it had sent is kept', async () => {
  const child = Bun.spawn([...fromSources, 'chat', '--url', server.url, '--user', 'carol', '--to', 'alice'], {
    env: { PATH: process.env.PATH ?? '', ...env },
    stdin: 'pipe',
    stdout: 'pipe',
    stderr: 'pipe',
  });
  child.stdin.write('first\n');
  child.stdin.flush();
  const reader = child.stdout.getReader();
  for (let shown = ''; !shown.includes('carol: first'); ) {
    const { value } = await reader.read();
    shown += new TextDecoder().decode(value);
  }
  await reader.cancel();
  // Standard input stays open: the end comes from the output.
  child.stdin.write('second\n');
  child.stdin.flush();
  expect(await child.exited).toBe(0);
  expect(await new Response(child.stderr).text()).toBe('');
  expect((await pipe('alice', '/open carol\n')).stdout).toMatch(/carol: first\n.*carol: second\n/);
});

test('a message that was read is marked so in a later run too', async () => {
  await pipe('alice', 'seen?\n', '--to', 'dora');
  await pipe('dora', '/open alice\n/read\n');
  expect((await pipe('alice', '', '--to', 'dora')).stdout).toContain('alice: seen?  ✓✓ read\n');
});

test('unread is listed, opening shows history, and commands answer in a pipe too', async () => {
  const { stdout, code } = await pipe('bob', '/list\n/open alice\n/members\nanswer\n/where\n/quit\nunsaid\n');
  expect(code).toBe(0);
  expect(stdout).toContain('  1  alice  3 unread  alice: /three\n');
  expect(stdout).toMatch(/Z alice: one\n.*Z alice: two\n.*Z alice: \/three\n/);
  expect(stdout).toContain('  alice  member, delivered ');
  expect(stdout).toMatch(/"answer" is durable as seq 4, msg_id .*\ndelivered to \d and read by \d of 1 others\n/);
  expect(stdout).not.toContain('unsaid');
});

test('a group is made, written to and found by its title', async () => {
  await pipe('alice', '/group "Our trip" bob carol\nwho brings the tent?\n');
  const { stdout } = await pipe('carol', '/list\n/open Our trip\n');
  expect(stdout).toContain('Our trip (group of 3)');
  expect(stdout).toContain('alice: who brings the tent?');
});

test('a dumb terminal gets plain lines', async () => {
  const terminal = onTerminal('bob', { to: 'alice', env: { TERM: 'dumb' } });
  await terminal.shows('connected');
  terminal.type('plain\r');
  await terminal.shows('bob: plain  ✓ acked');
  terminal.type('\u0004');
  expect(await terminal.exited()).toBe(0);
  expect(terminal.raw).not.toContain('\u001b');
});

test('two terminals see messages, typing and marks as they change', async () => {
  const carol = onTerminal('carol', { to: 'dora' });
  await carol.shows('connected');
  await carol.shows('dora> ');
  carol.type('are you there?\r');
  await carol.shows('carol: are you there?');
  await carol.shows('✓ acked');
  const dora = onTerminal('dora', { to: 'carol' });
  await dora.shows('carol: are you there?');
  await carol.shows('✓✓ read');
  dora.type('ye');
  await carol.shows('dora (dora is typing)> ');
  dora.type('s\r');
  await carol.shows('dora: yes');
  expect(carol.raw).toContain('\u001b[2m');
  dora.type('/quit\r');
  expect(await dora.exited()).toBe(0);
  carol.type('\u0004');
  expect(await carol.exited()).toBe(0);
});

test('a terminal shows names, and ids where a command takes them', async () => {
  const body = { user_id: 'fay', password, display_name: 'Fay Ü' };
  expect((await call(server.url, '/v1/auth/signup', { method: 'POST', body })).status).toBe(201);
  await pipe('fay', 'hello\n', '--to', 'bob');
  const bob = onTerminal('bob', { to: 'fay' });
  await bob.shows('Fay Ü: hello');
  await bob.shows('Fay Ü> ');
  bob.type('/list\r');
  await bob.shows('Fay Ü (fay)');
  bob.type('/quit\r');
  expect(await bob.exited()).toBe(0);
});

test('a server that goes and comes back is seen, and what was typed meanwhile is sent', async () => {
  const alice = onTerminal('alice', { to: 'bob', env: { NO_COLOR: '1' } });
  await alice.shows('bob> ');
  // The conversation is open once it has shown its history.
  alice.type('typed beforehand\r');
  await alice.shows('✓ acked');
  const { dataDir, port } = server;
  await server.stop();
  await alice.shows('connection lost; trying again in ');
  alice.type('typed without a server\r');
  await alice.shows('typed without a server  … queued');
  server = await startServer({ dataDir, port });
  await alice.shows('✓ acked');
  expect(alice.raw).not.toContain('\u001b[2m');
  alice.type('/quit\r');
  expect(await alice.exited()).toBe(0);
  expect((await pipe('bob', '/open alice\n')).stdout).toContain('alice: typed without a server');
});

test('what nobody will send any more is told at the end', async () => {
  const bob = onTerminal('bob', { to: 'alice' });
  await bob.shows('alice> ');
  bob.type('typed beforehand\r');
  await bob.shows('✓ acked');
  const { dataDir, port } = server;
  await server.stop();
  try {
    await bob.shows('connection lost');
    bob.type('typed in vain\r/quit\r');
    await bob.shows(
      'hongyan chat: not sent: 1 of your messages; with --state <file> the next run would send what waits',
    );
    expect(await bob.exited()).toBe(1);
  } finally {
    server = await startServer({ dataDir, port });
  }
});

test('Ctrl-C ends it also while there is no connection', async () => {
  const relay = await cuttingAt('Upgrade: websocket', { isOnce: false });
  const terminal = new Terminal(['chat', '--url', relay.url, '--user', 'dora', '--to', 'carol'], env);
  terminals.push(terminal);
  await terminal.shows('connection lost');
  terminal.type(ctrlC);
  expect(await terminal.exited()).toBe(0);
  relay.close();
});

test('[C10] with --state a terminal shows what it kept while there is no server, and sends later what was typed', async () => {
  const state = join(await dataFolder('chat-state'), 'alice.db');
  await pipe('bob', 'kept for later\n', '--to', 'alice');
  const first = await pipe('alice', '/open bob\n', '--state', state);
  expect(first).toMatchObject({ code: 0, stderr: '' });
  expect(first.stdout).toContain('bob: kept for later');
  expect((await stat(state)).mode & 0o077).toBe(0);
  const { dataDir, port } = server;
  await server.stop();
  try {
    const offline = onTerminal('alice', { to: 'bob', state });
    await offline.shows('bob: kept for later');
    offline.type('typed in a tunnel\r');
    await offline.shows('typed in a tunnel');
    await offline.shows('queued');
    offline.type('/quit\r');
    expect(await offline.exited()).toBe(0);
    const other = await pipe('carol', '', '--state', state);
    expect(other).toMatchObject({ code: 1, stderr: expect.stringContaining('cannot be reached') });
  } finally {
    server = await startServer({ dataDir, port });
  }
  const online = onTerminal('alice', { to: 'bob', state });
  await online.shows('typed in a tunnel');
  await online.shows('✓ acked');
  online.type('/quit\r');
  expect(await online.exited()).toBe(0);
  expect((await pipe('bob', '/open alice\n')).stdout).toContain('alice: typed in a tunnel');
});

test('a connection that is lost while the first page is read is no end', async () => {
  await pipe('carol', 'before the cut', '--to', 'dora');
  const relay = await cuttingAt('"type":"history"');
  const terminal = new Terminal(['chat', '--url', relay.url, '--user', 'dora', '--to', 'carol'], env);
  terminals.push(terminal);
  await terminal.shows('connection lost');
  await terminal.shows('before the cut');
  terminal.type('/quit\r');
  expect(await terminal.exited()).toBe(0);
  relay.close();
});

test('a second terminal on the same device takes over, and the first says so', async () => {
  const first = onTerminal('dora', { to: 'carol' });
  await first.shows('carol> ');
  const second = onTerminal('dora', { to: 'carol' });
  await second.shows('carol> ');
  await first.shows('another terminal took over this device');
  expect(await first.exited()).toBe(1);
  second.type('/quit\r');
  expect(await second.exited()).toBe(0);
});

test('what others wrote cannot steer the terminal', async () => {
  await pipe('alice', '\u001b[2Jgone\u0007', '--to', 'carol');
  expect((await pipe('carol', '/open alice\n')).stdout).toContain('alice: \\u001b[2Jgone\\u0007');
});

test('--sign-up makes the account; a wrong password and a server that is not there leave with 1, a missing name with 2', async () => {
  const chat = (args: readonly string[], run: Parameters<typeof hongyan>[1]) => hongyan(['chat', ...args], run);
  const to = ['--url', server.url];
  expect((await pipe('erin', '', '--sign-up')).code).toBe(0);
  expect(await pipe('erin', '', '--sign-up')).toMatchObject({ code: 1, stderr: expect.stringContaining('is taken') });
  expect(await chat([...to, '--user', 'erin'], { env: { HONGYAN_PASSWORD: 'not the one' } })).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('wrong user id or password'),
  });
  expect(await chat(['--url', 'http://127.0.0.1:1', '--user', 'erin'], { env })).toMatchObject({
    code: 1,
    stderr: 'hongyan chat: http://127.0.0.1:1: the server cannot be reached: check the address and the network\n',
  });
  expect(await chat(to, { env })).toMatchObject({ code: 2, stderr: expect.stringContaining('--user alice') });
  const unnamed = await chat([...to, '--user', 'erin'], {});
  expect(unnamed).toMatchObject({ code: 2, stderr: expect.stringContaining('HONGYAN_PASSWORD') });
});
