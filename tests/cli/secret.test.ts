// hongyan secret rotate beside a running server: nobody is logged out, and new tokens are signed with the fresh secret.

import { afterAll, expect, setDefaultTimeout, test } from 'bun:test';
import { call, logIn, signUp } from '@hongyan/testing/http-client';
import { dataFolder, killServers, removeDataFolders, startServer } from '../server-process.ts';
import { hongyan } from './hongyan.ts';

/** Each test starts processes, on a machine that others may use too. */
setDefaultTimeout(60_000);

afterAll(async () => {
  await killServers();
  await removeDataFolders();
});

const keyIdOf = ({ token }: { readonly token: string }) =>
  (JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()) as { readonly kid?: string }).kid;

test.each([[], ['--gateways', '2']])(
  '[A6] a rotation beside a running server %s logs nobody out, and survives a restart',
  async (...args) => {
    const dataDir = await dataFolder('secret');
    const server = await startServer({ dataDir, args });
    const before = await signUp(server.url, 'alice');
    const rotated = await hongyan(['secret', 'rotate', '--data', dataDir]);
    expect(rotated).toMatchObject({ code: 0, stderr: '' });
    expect(rotated.stdout).toEndWith('has a fresh secret; 1 older one verifies\n');
    const after = await logIn(server.url, 'alice');
    expect(keyIdOf(after)).not.toBe(keyIdOf(before));
    const statusOf = async (url: string, { token }: { readonly token: string }) =>
      (await call(url, '/v1/me', { token })).status;
    // Both gateways, very likely.
    for (let turn = 0; turn < 6; turn++)
      expect([await statusOf(server.url, before), await statusOf(server.url, after)]).toEqual([200, 200]);
    await server.stop();
    const again = await startServer({ dataDir, args });
    expect([await statusOf(again.url, before), await statusOf(again.url, after)]).toEqual([200, 200]);
    const byCommand = (await hongyan(['token', 'alice', '--data', dataDir])).stdout.trim();
    expect(await statusOf(again.url, { token: byCommand })).toBe(200);
    await again.stop();
  },
);
