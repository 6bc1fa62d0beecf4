// A configuration that is changed while the server runs: in force in every process, or named as what needs a restart.

import { afterAll, describe, expect, test } from 'bun:test';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { call, signUp } from '@hongyan/testing/http-client';
import { until } from '@hongyan/testing/until';
import { OperatorClient } from '../../packages/cli/src/operator-client.ts';
import { dataFolder, killServers, removeDataFolders } from '../server-process.ts';
import { profiles } from './profiles.ts';

afterAll(async () => {
  await killServers();
  await removeDataFolders();
});

describe.each(profiles)('the configuration on $name', (profile) => {
  test('[B3] is read again: what can change does, in every process, and the rest is named', async () => {
    const file = join(await dataFolder('config'), 'hongyan.toml');
    await writeFile(file, 'page_max = 100\n');
    const server = await profile.start({ HONGYAN_CONFIG: file, HONGYAN_DEFAULT_TIER: 'free' });
    const operator = await OperatorClient.connect(server.dataDir);
    const reload = () => operator.request('POST', '/admin/v1/config/reload');
    expect(await reload()).toEqual({ changed: [], needs_restart: [] });
    const ann = await signUp(server.url, 'ann');
    await writeFile(file, 'page_max = 50\nsignup_enabled = false\nlog_level = "debug"\n');
    expect(await reload()).toEqual({ changed: ['signup-enabled', 'log-level'], needs_restart: ['page-max'] });
    expect(await reload()).toEqual({ changed: [], needs_restart: ['page-max'] });
    const shown = (await operator.request('GET', '/admin/v1/configuration')) as { readonly options: readonly object[] };
    expect(shown.options).toContainEqual(
      expect.objectContaining({ name: 'signup-enabled', value: false, source: 'file' }),
    );
    expect(shown.options).toContainEqual(expect.objectContaining({ name: 'page-max', value: 100, source: 'file' }));
    const body = { user_id: 'bob', password: 'correct horse battery' };
    expect((await call(server.url, '/v1/auth/signup', { method: 'POST', body })).status).toBe(403);
    // Wherever the kernel sends the request.
    await until(async () => {
      await call(server.url, '/v1/me', { token: ann.token });
      return server.output().includes('"level":"debug"');
    });
    // Fewer than the tier of before allows at once.
    const ask = () => call(server.url, '/v1/me', { token: ann.token });
    await writeFile(file, 'tiers = "free=1/2/100"\ngroup_members_max = 2\n');
    expect(await reload()).toMatchObject({ changed: expect.arrayContaining(['tiers', 'group-members-max']) });
    const statuses = await Promise.all(Array.from({ length: 6 }, ask));
    expect(statuses.filter(({ status }) => status === 429).length).toBeGreaterThanOrEqual(2);
    await writeFile(file, 'group_members_max = 2\n');
    expect(await reload()).toMatchObject({ changed: ['tiers'] });
    await until(async () => (await ask()).status === 200);
    for (const userId of ['cat', 'dan']) await signUp(server.url, userId);
    const group = { kind: 'group', title: 'geese', members: ['cat', 'dan'] };
    // It takes three units of a bucket that has just begun to fill.
    const create = () => call(server.url, '/v1/conversations', { method: 'POST', token: ann.token, body: group });
    let created = await create();
    await until(async () => {
      if (created.status === 429) created = await create();
      return created.status !== 429;
    });
    expect(created).toMatchObject({ status: 413, body: { code: 'too_large' } });
    // A trusted proxy of this machine names its client, each time another one.
    let clients = 0;
    const fromOutside = async () => {
      const headers = { 'x-forwarded-for': `192.0.2.${++clients}` };
      const asked = Array.from({ length: 30 }, () => fetch(`${server.url}/v1/route`, { headers }));
      return (await Promise.all(asked)).filter(({ status }) => status === 429).length;
    };
    expect(await fromOutside()).toBe(0);
    await writeFile(file, 'group_members_max = 2\naddress_requests_per_second = 1\n');
    expect(await reload()).toMatchObject({ changed: ['address-requests-per-second'] });
    await until(async () => (await fromOutside()) > 0);
    await writeFile(file, 'group_members_max = 2\n');
    expect(await reload()).toMatchObject({ changed: ['address-requests-per-second'] });
    await until(async () => (await fromOutside()) === 0);
    await writeFile(file, 'signup_enabled = 7\n');
    const refused = await operator.fetch('POST', '/admin/v1/config/reload');
    expect([refused.status, await refused.text()]).toEqual([400, expect.stringContaining('configuration unchanged')]);
    await writeFile(file, '');
    expect(await reload()).toMatchObject({ changed: ['group-members-max'] });
    expect((await call(server.url, '/v1/auth/signup', { method: 'POST', body })).status).toBe(201);
    expect(await server.stop()).toBe(0);
  }, 120_000);
});
