// [L4] Many guesses at one account: a few are answered in their turn, the others are refused, and everyone else is served meanwhile.

import { afterAll, expect, test } from 'bun:test';
import { call, signUp } from '@hongyan/testing/http-client';
import { WireClient } from '@hongyan/testing/wire-client';
import { dataFolder, killServers, removeDataFolders, startServer } from '../server-process.ts';

const many = 100;

afterAll(async () => {
  await killServers();
  await removeDataFolders();
});

test('a flood of guesses at one account is bounded, and delays neither logins of others, nor new tokens, nor sends', async () => {
  const server = await startServer({ dataDir: await dataFolder('login-flood') });
  const { url } = server;
  const ann = await signUp(url, 'ann');
  await signUp(url, 'bob');
  const body = { user_id: 'ann', password: 'not the password' };
  let answered = 0;
  const flood = Array.from({ length: many }, async () => {
    const { status } = await call(url, '/v1/auth/login', { method: 'POST', body });
    if (status === 401) answered++;
    return status;
  });
  // The first refusal says that as many as may be are tried, or wait.
  expect([429, 503]).toContain(await Promise.race(flood));
  // Her token is new to the server: its signature has to be checked.
  expect((await call(url, '/v1/me', { token: ann.token })).status).toBe(200);
  const device = await WireClient.open({ url, ...ann, deviceId: 'phone' });
  const content = { type: 'text', text: 'x' };
  expect(await device.send({ conversationId: 'd:ann:ann', clientMsgId: 'k', content })).toMatchObject({ seq: 1 });
  const honest = { user_id: 'bob', password: 'correct horse battery' };
  expect((await call(url, '/v1/auth/login', { method: 'POST', body: honest })).status).toBe(200);
  expect(answered).toBeLessThan(many / 4);
  const statuses = await Promise.all(flood);
  expect(new Set(statuses)).toEqual(new Set([401, 429, 503]));
  expect(answered).toBeGreaterThan(0);
  await device.close();
  await server.stop();
}, 30_000);
