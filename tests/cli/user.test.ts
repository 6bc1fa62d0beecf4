// hongyan user add, list and passwd, as processes: beside a running server and without one.

import { afterAll, expect, setDefaultTimeout, test } from 'bun:test';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { call, signUp } from '@hongyan/testing/http-client';
import { until } from '@hongyan/testing/until';
import { dataFolder, killServers, removeDataFolders, startServer } from '../server-process.ts';
import { hongyan } from './hongyan.ts';
import { Terminal } from './terminal.ts';

/** Each test starts processes, on a machine that others may use too. */
setDefaultTimeout(60_000);

afterAll(async () => {
  await killServers();
  await removeDataFolders();
});

const password = 'a line of standard input';

test('a user added while no server runs logs in to the server started later', async () => {
  const dataDir = join(await dataFolder('user-add'), 'made-by-it');
  const added = await hongyan(['user', 'add', 'alice', '--data', dataDir, '--display-name', 'Alice A'], {
    stdin: `${password}\n`,
  });
  expect(added).toEqual({ code: 0, stdout: `added alice to ${dataDir}\n`, stderr: '' });
  const server = await startServer({ dataDir });
  const body = { user_id: 'alice', password };
  const login = await call(server.url, '/v1/auth/login', { method: 'POST', body });
  expect(login).toMatchObject({ status: 200, body: { user: { user_id: 'alice', display_name: 'Alice A' } } });
  await server.stop();
});

test('a user added beside a running server logs in at once, also where sign-up is switched off', async () => {
  const dataDir = await dataFolder('user-add');
  const server = await startServer({ dataDir, args: ['--no-signup-enabled'] });
  const refused = await call(server.url, '/v1/auth/signup', { method: 'POST', body: { user_id: 'bob', password } });
  expect(refused.status).toBe(403);
  const added = await hongyan(['user', 'add', 'bob', '--data', dataDir, '--random-password']);
  const made = added.stdout.match(/^added bob to .* {3}password: (\S{16})\n$/)?.[1];
  expect(added.code).toBe(0);
  const body = { user_id: 'bob', password: made };
  expect((await call(server.url, '/v1/auth/login', { method: 'POST', body })).status).toBe(200);
  expect(await server.stop()).toBe(0);
});

test('--json prints the user, with the password only where the command created it', async () => {
  const dataDir = await dataFolder('user-add');
  const add = async (...args: readonly string[]) =>
    JSON.parse(
      (await hongyan(['user', 'add', ...args, '--json', '--data', dataDir], { stdin: `${password}\n` })).stdout,
    );
  expect(await add('gina', '--display-name', 'Gina G')).toEqual({ user_id: 'gina', display_name: 'Gina G' });
  const { password: created, ...user } = await add('hugo', '--random-password');
  expect(user).toEqual({ user_id: 'hugo', display_name: 'hugo' });
  expect(created).toMatch(/^\S{16}$/);
});

test('a taken id leaves with 1, a bad id, a short password and a password as an argument with 2', async () => {
  const dataDir = await dataFolder('user-add');
  const add = (args: readonly string[], stdin = `${password}\n`) =>
    hongyan(['user', 'add', ...args, '--data', dataDir], { stdin });
  expect((await add(['carol'])).code).toBe(0);
  expect(await add(['carol'])).toEqual({
    code: 1,
    stdout: '',
    stderr: 'hongyan user add: the user id carol is taken\n',
  });
  expect(await add(['not/an/id'])).toMatchObject({ code: 2, stderr: expect.stringContaining('letters, digits') });
  expect(await add(['dora'], 'short\n')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('8 to 256 characters'),
  });
  expect(await add(['dora'], '')).toMatchObject({ code: 1, stderr: expect.stringContaining('standard input ended') });
  expect(await add(['dora', password])).toMatchObject({ code: 2 });
  expect(await add(['dora', '--password', password])).toMatchObject({ code: 2 });
});

test('on a terminal the password is asked for twice and not shown', async () => {
  const dataDir = await dataFolder('user-add');
  const added = new Terminal(['user', 'add', 'erin', '--data', dataDir]);
  await added.shows('Password of erin: ');
  added.type(`x\u007f${password}\r`);
  await added.shows('Once more: ');
  added.type(`${password}\r`);
  expect(await added.exited()).toBe(0);
  await added.shows(`added erin to ${dataDir}`);
  expect(added.raw).not.toContain(password);

  const differs = new Terminal(['user', 'add', 'frank', '--data', dataDir]);
  await differs.shows('Password of frank: ');
  differs.type(`${password}\r`);
  await differs.shows('Once more: ');
  differs.type('another one\r');
  expect(await differs.exited()).toBe(1);
  await differs.shows('the two passwords differ');
});

test('the users of a folder are listed by id, and a replaced password is the one that logs in', async () => {
  const server = await startServer({ dataDir: await dataFolder('user-list') });
  const { dataDir } = server;
  for (const [id, name] of [
    ['bob', 'Bob B'],
    ['alice', 'Alice A'],
  ] as const) {
    const args = ['user', 'add', id, '--display-name', name, '--data', dataDir];
    expect((await hongyan(args, { stdin: `${password}\n` })).code).toBe(0);
  }
  const listed = await hongyan(['user', 'list', '--data', dataDir]);
  expect(listed).toMatchObject({ code: 0, stderr: '' });
  expect(listed.stdout).toMatch(/^alice +20\S+ \S+Z {2}Alice A\nbob +20\S+ \S+Z {2}Bob B\n$/);
  const [first = ''] = (await hongyan(['user', 'list', '--json', '--data', dataDir])).stdout.split('\n');
  expect(JSON.parse(first)).toMatchObject({ user_id: 'alice', display_name: 'Alice A', disabled: false });

  const replaced = await hongyan(['user', 'passwd', 'alice', '--random-password', '--json', '--data', dataDir]);
  const fresh = JSON.parse(replaced.stdout).password;
  const login = (word: string) =>
    call(server.url, '/v1/auth/login', { method: 'POST', body: { user_id: 'alice', password: word } });
  expect((await login(password)).status).toBe(401);
  expect((await login(fresh)).status).toBe(200);
});

test('[A11] a replaced password logs the user out: at once beside a running server, from its start on without one', async () => {
  const dataDir = await dataFolder('user-passwd');
  const server = await startServer({ dataDir });
  const [alice, bob] = [await signUp(server.url, 'alice'), await signUp(server.url, 'bob')];
  const me = async (url: string, { token }: { readonly token: string }) => {
    const { status, body } = await call(url, '/v1/me', { token });
    return status === 200 ? 'ok' : (body as { readonly code: string }).code;
  };
  const passwd = (user: string) => hongyan(['user', 'passwd', user, '--data', dataDir], { stdin: `${password}\n` });
  expect(await passwd('alice')).toEqual({
    code: 0,
    stdout: 'the password of alice is replaced, and alice logged out everywhere\n',
    stderr: '',
  });
  expect([await me(server.url, alice), await me(server.url, bob)]).toEqual(['token_revoked', 'ok']);
  const body = { user_id: 'alice', password };
  const { body: grant } = await call(server.url, '/v1/auth/login', { method: 'POST', body });
  const again = { token: (grant as { readonly access_token: string }).access_token };
  expect(await me(server.url, again)).toBe('ok');
  await server.stop();
  expect((await passwd('bob')).code).toBe(0);
  const later = await startServer({ dataDir });
  expect([await me(later.url, again), await me(later.url, bob)]).toEqual(['ok', 'token_revoked']);
});

test('an unknown user and a folder without users leave with 1 and create nothing', async () => {
  const empty = join(await dataFolder('user-list'), 'none');
  for (const args of [['list'], ['passwd', 'alice']]) {
    const refused = await hongyan(['user', ...args, '--data', empty], { stdin: `${password}\n` });
    expect(refused).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('has no users') });
  }
  expect(existsSync(empty)).toBe(false);
  const dataDir = await dataFolder('user-list');
  await hongyan(['user', 'add', 'bob', '--random-password', '--data', dataDir]);
  const unknown = await hongyan(['user', 'passwd', 'alice', '--data', dataDir], { stdin: `${password}\n` });
  expect(unknown).toMatchObject({ code: 1, stderr: expect.stringContaining('has no user alice') });
});

test('[L3] a tier is set beside a running server, which follows; what is no tier or no user is refused', async () => {
  const dataDir = await dataFolder('user-tier');
  const server = await startServer({ dataDir, env: { HONGYAN_DEFAULT_TIER: 'free', HONGYAN_TIERS: 'free=1/2/1' } });
  const { token } = await signUp(server.url, 'ann');
  const passed = async () => {
    const answers = await Promise.all(Array.from({ length: 30 }, () => call(server.url, '/v1/me', { token })));
    return answers.filter(({ status }) => status === 200).length;
  };
  expect(await passed()).toBeLessThan(10);
  const tier = (...args: readonly string[]) => hongyan(['user', 'tier', ...args, '--data', dataDir]);
  expect(await tier('ann', 'gold')).toMatchObject({ code: 2, stderr: expect.stringContaining('unlimited, free') });
  expect(await tier('nobody', 'unlimited')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('no user nobody'),
  });
  expect(await tier('ANN', 'unlimited')).toEqual({ code: 0, stdout: 'ANN has tier unlimited\n', stderr: '' });
  await until(async () => (await passed()) === 30, { withinMs: 60_000 });
  expect(await tier('ann', 'default')).toMatchObject({ code: 0 });
  await until(async () => (await passed()) < 10, { withinMs: 60_000 });
  await server.stop();
});
