// Signing out: a token, all of a user, one device; on every gateway, and after a restart.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { type Account, type Answer, call, logIn, signUp } from '@hongyan/testing/http-client';
import { until } from '@hongyan/testing/until';
import { WireClient } from '@hongyan/testing/wire-client';
import { killServers, removeDataFolders, type ServerProcess } from '../server-process.ts';
import { profiles } from './profiles.ts';

setDefaultTimeout(60_000);

describe.each(profiles)('signing out on $name', (profile) => {
  let server: ServerProcess;
  let names = 0;

  beforeAll(async () => {
    server = await profile.start();
  });
  afterAll(async () => {
    await killServers();
    await removeDataFolders();
  });

  const device = ({ userId, token }: Account, deviceId: string) =>
    WireClient.open({ url: server.url, token, userId, deviceId });
  const newUser = () => signUp(server.url, `user${++names}`);
  const me = ({ token }: Account) => call(server.url, '/v1/me', { token });
  const post = (path: string, { token }: Account) => call(server.url, path, { token, method: 'POST' });
  /** Several, so that each gateway very likely has some: the kernel spreads them. */
  const devices = (account: Account) =>
    Promise.all(Array.from({ length: 8 }, (_, index) => device(account, `d${index} ${++names}`.replace(' ', '-'))));

  test('[A10, A13] logout ends the token at once: 401 token_revoked, its connections close with 4201, other tokens go on', async () => {
    const first = await newUser();
    const second = await logIn(server.url, first.userId);
    const [open, other] = [await devices(first), await device(second, 'other')];
    expect((await post('/v1/auth/logout', first)).status).toBe(204);
    const codes = await Promise.all(open.map(async ({ closed }) => (await closed).code));
    expect(codes).toEqual(open.map(() => 4201));
    expect(await me(first)).toMatchObject({ status: 401, body: { code: 'token_revoked' } });
    expect(await post('/v1/auth/logout', first)).toMatchObject({ status: 401, body: { code: 'token_revoked' } });
    expect((await me({ userId: '', token: 'none' })).body).toMatchObject({ code: 'unauthorized' });
    const again = await WireClient.connect({ url: server.url, token: '', userId: '', deviceId: '' });
    again.raw(JSON.stringify({ type: 'hello', token: first.token, device_id: 'd1' }));
    expect(await again.next(({ type }) => type === 'error')).toMatchObject({ code: 'token_revoked' });
    expect((await again.closed).code).toBe(4201);
    expect((await me(second)).status).toBe(200);
    expect(await other.ping()).toBe(true);
    await other.close();
  });

  test('[A11] logout-all ends every token of the user, and a login after it is good', async () => {
    const account = await newUser();
    const tokens = [account, await logIn(server.url, account.userId), await logIn(server.url, account.userId)];
    const bystander = await newUser();
    const open = (await Promise.all([...tokens.map(devices), devices(bystander)])).flat();
    expect((await post('/v1/auth/logout-all', account)).status).toBe(204);
    const fresh = await logIn(server.url, account.userId);
    const codes = await Promise.all(open.slice(0, 24).map(async ({ closed }) => (await closed).code));
    expect(new Set(codes)).toEqual(new Set([4201]));
    expect(await Promise.all(tokens.map(async (token) => (await me(token)).status))).toEqual([401, 401, 401]);
    expect((await me(fresh)).status).toBe(200);
    for (const client of open.slice(24)) {
      expect(await client.ping()).toBe(true);
      await client.close();
    }
  });

  test('[A14] a device is signed out: its connection ends, and it has to log in again', async () => {
    const phone = await newUser();
    const pc = await logIn(server.url, phone.userId);
    const [onPhone, onPc] = [await device(phone, 'phone'), await device(pc, 'pc')];
    const listed = await call(server.url, '/v1/me/devices', { token: pc.token });
    expect(listed.body.devices).toMatchObject(
      expect.arrayContaining([
        expect.objectContaining({ device_id: 'phone', online: true, current: false }),
        expect.objectContaining({ device_id: 'pc', online: true, current: true }),
      ]),
    );
    const signOut = { token: pc.token, method: 'DELETE' };
    expect((await call(server.url, '/v1/me/devices/phone', signOut)).status).toBe(204);
    expect((await onPhone.closed).code).toBe(4201);
    expect(await me(phone)).toMatchObject({ body: { code: 'token_revoked' } });
    expect(await onPc.ping()).toBe(true);
    expect((await call(server.url, '/v1/me/devices/tv', signOut)).status).toBe(404);
    const again = await device(await logIn(server.url, phone.userId), 'phone');
    expect(await again.ping()).toBe(true);
    await Promise.all([again.close(), onPc.close()]);
  });

  test('[A12] a revocation survives a kill', async () => {
    const account = await newUser();
    const kept = await logIn(server.url, account.userId);
    expect((await post('/v1/auth/logout', account)).status).toBe(204);
    await server.kill();
    server = await profile.restart(server);
    // A gateway of the killed server may be about to exit, and takes a last connection with it.
    const answered = async (by: Account) => {
      let answer: Answer | undefined;
      await until(async () => {
        answer = await me(by).catch(() => undefined);
        return answer !== undefined;
      });
      return answer;
    };
    expect(await answered(account)).toMatchObject({ status: 401, body: { code: 'token_revoked' } });
    expect(await answered(kept)).toMatchObject({ status: 200 });
  });
});
