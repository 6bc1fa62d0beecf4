// The commands for people on a cluster: they find its stores by the same options as its processes do.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { join } from 'node:path';
import { call, signUp } from '@hongyan/testing/http-client';
import { askOperator } from '@hongyan/testing/operator';
import { describeWith } from '@hongyan/testing/services';
import { until } from '@hongyan/testing/until';
import { WireClient } from '@hongyan/testing/wire-client';
import { ClusterUnderTest } from '../cluster-server.ts';
import { dataFolder, killServers, removeDataFolders, startServer } from '../server-process.ts';
import { type Ended, hongyan } from './hongyan.ts';

/** Each test starts processes, on a machine that others may use too. */
setDefaultTimeout(60_000);

const password = 'a line of standard input';

describeWith(['mysql', 'kafka', 'redis'], 'commands on a cluster', () => {
  let cluster: ClusterUnderTest;
  let url: string;

  beforeAll(async () => {
    cluster = await ClusterUnderTest.start();
    url = cluster.gateways[0]?.url ?? '';
  }, 120_000);
  afterAll(async () => {
    await killServers();
    await removeDataFolders();
  });

  const command = (args: readonly string[], stdin = `${password}\n`): Promise<Ended> =>
    hongyan([...args, '--data', cluster.dataDir], { env: cluster.env, stdin });
  const linesOf = ({ stdout }: Ended) =>
    stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);

  test('a user who is added logs in at once, also one whom a core has just looked for in vain', async () => {
    const login = () => call(url, '/v1/auth/login', { method: 'POST', body: { user_id: 'ada', password } });
    expect((await login()).status).toBe(401);
    const name = cluster.env.HONGYAN_CLUSTER_NAME;
    expect(await command(['user', 'add', 'ada', '--display-name', 'Ada A'])).toEqual({
      ...{ code: 0, stderr: '' },
      stdout: `added ada to the cluster ${name}\n`,
    });
    expect(await login()).toMatchObject({ status: 200, body: { user: { display_name: 'Ada A' } } });
    expect(await command(['user', 'add', 'ada'])).toMatchObject({ code: 1, stderr: expect.stringContaining('taken') });
    expect(linesOf(await command(['user', 'list', '--json']))).toContainEqual(
      expect.objectContaining({ user_id: 'ada', display_name: 'Ada A' }),
    );
  });

  test('[A11] a replaced password closes the connections of the user, and the tokens of before are refused', async () => {
    const bob = await signUp(url, 'bob');
    const device = await WireClient.open({ url, ...bob, deviceId: 'b1' });
    expect(await command(['user', 'passwd', 'bob'])).toEqual({
      code: 0,
      stdout: 'the password of bob is replaced, and bob logged out everywhere\n',
      stderr: '',
    });
    expect((await device.closed).code).toBe(4201);
    expect(await call(url, '/v1/me', { token: bob.token })).toMatchObject({ status: 401 });
    const login = await call(url, '/v1/auth/login', { method: 'POST', body: { user_id: 'bob', password } });
    expect(login.status).toBe(200);
    expect(await command(['user', 'passwd', 'nobody'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('has no user nobody'),
    });
  });

  test('[O22] there is nothing to roll: the refusal says how the gateways of a cluster are replaced', async () => {
    expect(await command(['roll'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('start another gateway there, then stop this one'),
    });
  });

  test('[O27] a move into a cluster in use is refused without a word of what to do again', async () => {
    const data = await dataFolder('in-use');
    await (await startServer({ dataDir: data })).stop();
    const { code, stderr } = await hongyan(['migrate', '--data', data], { env: cluster.env });
    expect(code).toBe(1);
    expect(stderr).toContain('is in use');
    expect(stderr).not.toContain('run the same command again');
  });

  test('[L3] a tier that is set holds for every core', async () => {
    await signUp(url, 'tia');
    expect(await command(['user', 'tier', 'tia', 'paid'])).toMatchObject({ code: 0, stdout: 'tia has tier paid\n' });
    const shown = () => askOperator(cluster.dataDir, 'GET', '/admin/v1/users/tia/tier');
    await until(async () => (await shown()).body.tier === 'paid');
  });

  test('[A20, A21] a key that is created is good at once, and no longer when it is revoked', async () => {
    const made = await command(['key', 'create', 'shop', '--scopes', 'users:manage']);
    expect(made.code).toBe(0);
    const key = made.stdout.trim();
    const put = () => call(url, '/v1/users/kim', { method: 'PUT', token: key, body: { display_name: 'Kim' } });
    expect((await put()).status).toBeLessThan(300);
    const [listed] = linesOf(await command(['key', 'list', '--json']));
    expect(listed).toMatchObject({ name: 'shop', scopes: ['users:manage'] });
    expect((await command(['key', 'revoke', String(listed?.key_id)])).code).toBe(0);
    expect((await put()).status).toBe(401);
  });

  test('a token is good for the gateways, and a message is found by each of its ids', async () => {
    await signUp(url, 'cleo');
    await signUp(url, 'dora');
    const token = (await command(['token', 'cleo'])).stdout.trim();
    const body = { to: 'dora', client_msg_id: 'look-for-me', content: { type: 'text', text: 'found' } };
    const { body: sent } = await call(url, '/v1/messages', { method: 'POST', token, body });
    const found = linesOf(await command(['inspect', String(sent.msg_id), '--json']));
    expect(found).toMatchObject([
      { type: 'message', message: { from: 'cleo', client_msg_id: 'look-for-me', content: { text: 'found' } } },
    ]);
    expect(linesOf(await command(['inspect', 'look-for-me', '--json']))).toEqual(found);
    expect(linesOf(await command(['inspect', 'look-for-me', '--from', 'cleo', '--json']))).toEqual(found);
    expect((await command(['inspect', 'look-for-me', '--from', 'dora'])).code).toBe(1);
    const conversation = await command(['inspect', 'd:cleo:dora']);
    expect(conversation.stdout).toContain('seq 1 to 1');
    expect(await command(['token', 'nobody'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('has no user nobody'),
    });
  });

  test('devices of the cluster are counted and listed', async () => {
    expect((await command(['devices', 'count'])).stdout).toContain('0 devices in all');
    expect(await command(['devices', 'list'])).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  test('[O3] status tells of trouble at each process, whichever it asks', async () => {
    const gateway = await cluster.startGateway();
    expect((await command(['status'])).stdout).not.toContain('processes degraded');
    const node = linesOf(await command(['nodes', '--json'])).find((line) => line.url === gateway.url);
    const name = String(node?.name);
    expect(await command(['drain', name])).toMatchObject({ code: 0 });
    const status = await command(['status']);
    expect(status).toMatchObject({
      code: 0,
      stdout: expect.stringContaining(`processes degraded: ${name}: node: draining`),
    });
    await gateway.stop();
  });

  test('a cluster on which no server has run, and a database that cannot be reached, are named', async () => {
    const data = ['--data', join(await dataFolder('no-cluster'), 'none')];
    const nowhere = ['user', 'list', '--cluster-name', `${cluster.env.HONGYAN_CLUSTER_NAME}_x`, ...data];
    const unknown = await hongyan(nowhere, { env: cluster.env });
    expect(unknown).toMatchObject({ code: 1, stderr: expect.stringContaining('no server has run on the cluster') });
    const elsewhere = ['user', 'list', '--mysql-url', 'mysql://nobody@127.0.0.1:1', ...data];
    const refused = await hongyan(elsewhere, { env: cluster.env });
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('say where it is by --mysql-url') });
  });
});
