// A configuration that is changed while the server runs: in force in every process, or named as what needs a restart.

import { afterAll, describe, expect, test } from 'bun:test';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { call, signUp } from '@hongyan/testing/http-client';
import { until } from '@hongyan/testing/until';
import { operatorOf } from '../operator-of.ts';
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
    const server = await profile.start({ HONGYAN_CONFIG: file });
    const operator = await operatorOf(server);
    const reload = () => operator.request('POST', '/admin/v1/config/reload');
    expect(await reload()).toEqual({ changed: [], needs_restart: [] });
    const ann = await signUp(server.url, 'ann');
    await writeFile(file, 'page_max = 50\nsignup_enabled = false\nlog_level = "debug"\n');
    expect(await reload()).toEqual({ changed: ['log-level', 'signup-enabled'], needs_restart: ['page-max'] });
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
    await writeFile(file, 'signup_enabled = 7\n');
    const refused = await operator.fetch('POST', '/admin/v1/config/reload');
    expect([refused.status, await refused.text()]).toEqual([400, expect.stringContaining('stays as it is')]);
    await writeFile(file, '');
    expect(await reload()).toMatchObject({ changed: ['log-level', 'signup-enabled'] });
    expect((await call(server.url, '/v1/auth/signup', { method: 'POST', body })).status).toBe(201);
    expect(await server.stop()).toBe(0);
  }, 40_000);
});
