// hongyan key create, list and revoke, as processes.

import { afterAll, expect, setDefaultTimeout, test } from 'bun:test';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { dataFolder, killServers, removeDataFolders } from '../server-process.ts';
import { hongyan } from './hongyan.ts';

/** Each test starts processes, on a machine that others may use too. */
setDefaultTimeout(60_000);

afterAll(async () => {
  await killServers();
  await removeDataFolders();
});

test('list and revoke make no folder where there are no keys', async () => {
  const data = join(await dataFolder('key'), 'misspelt');
  for (const args of [['list'], ['revoke', '0123456789ab']])
    expect(await hongyan(['key', ...args, '--data', data])).toEqual({
      code: 1,
      stdout: '',
      stderr: `hongyan key ${args[0]}: the folder ${data} has no keys; give the server's data folder with --data\n`,
    });
  expect(existsSync(data)).toBe(false);
});

test('[A20, A21] a key is printed once, listed without its secret, and revoked', async () => {
  const data = ['--data', await dataFolder('key')];
  const made = await hongyan(['key', 'create', 'shop back end', '--scopes', 'tokens:mint,users:manage', ...data]);
  const [, keyId = '', secret = ''] = /^hy_([0-9a-f]{12})_([0-9a-f]{52})\n$/.exec(made.stdout) ?? [];
  expect(made).toMatchObject({ code: 0, stderr: `created ${keyId}; the key above is shown only once\n` });
  const listed = await hongyan(['key', 'list', ...data]);
  expect(listed.stdout).toContain(keyId);
  expect(listed.stdout).toContain('shop back end');
  expect(listed.stdout).not.toContain(secret);
  const json = JSON.parse((await hongyan(['key', 'list', '--json', ...data])).stdout);
  expect(json).toMatchObject({ key_id: keyId, name: 'shop back end', scopes: ['tokens:mint', 'users:manage'] });
  expect(await hongyan(['key', 'revoke', keyId, ...data])).toMatchObject({ code: 0, stdout: `revoked ${keyId}\n` });
  expect((await hongyan(['key', 'list', ...data])).stdout).toStartWith('no keys');
  const again = await hongyan(['key', 'revoke', keyId, ...data]);
  expect(again).toMatchObject({ code: 1, stdout: '' });
  expect(again.stderr).toContain(`there is no key ${keyId}`);
});

test('a key without scopes, with an unknown one, or without a name is refused with 2', async () => {
  const data = ['--data', await dataFolder('key')];
  for (const args of [
    ['shop'],
    ['shop', '--scopes', 'all'],
    ['--scopes', 'tokens:mint'],
    ['', '--scopes', 'tokens:mint'],
  ]) {
    const refused = await hongyan(['key', 'create', ...args, ...data]);
    expect(refused).toMatchObject({ code: 2, stdout: '' });
  }
});
