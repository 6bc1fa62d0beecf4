// An application's back end with an API key: it mints tokens, speaks for users and as the system, and is refused at once when revoked.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { join } from 'node:path';
import { call, signUp } from '@hongyan/testing/http-client';
import { operatorUrlOf } from '@hongyan/testing/operator';
import { until } from '@hongyan/testing/until';
import { WebhookReceiver } from '@hongyan/testing/webhook-receiver';
import { WireClient } from '@hongyan/testing/wire-client';
import { killServers, removeDataFolders, type ServerProcess } from '../server-process.ts';
import { text } from './people.ts';
import { profiles } from './profiles.ts';

setDefaultTimeout(60_000);

interface Asked {
  readonly method?: string;
  readonly body?: unknown;
  readonly asUser?: string;
}

describe.each(profiles)('a back end on $name', (profile) => {
  let server: ServerProcess;
  let key: string;
  let keyId: string;

  beforeAll(async () => {
    server = await profile.start({ HONGYAN_WEBHOOK_PRIVATE_ADDRESSES: 'true' });
    ({ key, key_id: keyId } = await newKey('tokens:mint', 'users:manage', 'conversations:manage', 'messages:send'));
  });
  afterAll(async () => {
    await killServers();
    await removeDataFolders();
  });

  async function operator(path: string, method: string, body?: unknown) {
    const token = (await Bun.file(join(server.dataDir, 'operator-token')).text()).trim();
    return call(await operatorUrlOf(server.dataDir), path, { token, method, ...(body === undefined ? {} : { body }) });
  }

  const newKey = async (...scopes: string[]) => {
    const made = await operator('/admin/v1/keys', 'POST', { name: 'a back end', scopes });
    expect(made.status).toBe(200);
    return made.body as { key: string; key_id: string };
  };

  async function ask(path: string, { method = 'GET', body, asUser }: Asked = {}, bearer = key) {
    const response = await fetch(`${server.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${bearer}`, ...(asUser === undefined ? {} : { 'hongyan-user': asUser }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const answer = await response.text();
    return { status: response.status, body: answer === '' ? {} : JSON.parse(answer) };
  }

  test('[W1][A23] webhooks are managed with a key of their scope, and with no other', async () => {
    const { key: own } = await newKey('webhooks:manage');
    const receiver = new WebhookReceiver();
    expect((await ask('/v1/webhooks')).status).toBe(403);
    const manage = (path = '', asked: Asked = {}) => ask(`/v1/webhooks${path}`, asked, own);
    const body = { url: receiver.url, types: ['message.created'] };
    const added = await manage('', { method: 'POST', body });
    expect(added).toMatchObject({ status: 201, body: { ...body, enabled: true } });
    receiver.secrets = [added.body.secret];
    const one = `/${added.body.id}`;
    expect(await manage(`${one}/test`, { method: 'POST' })).toMatchObject({
      status: 200,
      body: { outcome: 'delivered' },
    });
    await ask('/v1/tokens', { method: 'POST', body: { user_id: 'hook', create: true } });
    const message = { to: 'hook', client_msg_id: 'hook 1', content: text('for the receiver') };
    expect((await ask('/v1/messages', { method: 'POST', body: message })).status).toBe(201);
    const event = await receiver.next(({ type }) => type === 'message.created');
    expect(event.data).toMatchObject({ client_msg_id: 'hook 1' });
    expect((await manage(one)).body).toMatchObject({ url: receiver.url, dead_letters: 0 });
    const rotated = await manage(`${one}/rotate`, { method: 'POST', body: { overlap_hours: 1 } });
    receiver.secrets = [added.body.secret, rotated.body.secret];
    expect((await manage(`${one}/replay`, { method: 'POST', body: {} })).status).toBe(200);
    await until(
      () => receiver.received.filter((one) => one.event.id === event.id && one.validSecrets === 2).length > 0,
    );
    await until(async () => (await manage(`${one}/attempts`)).body.attempts.length > 1);
    expect(await manage(one, { method: 'PATCH', body: { types: ['no.such'] } })).toMatchObject({ status: 400 });
    expect((await manage(one, { method: 'PATCH', body: { enabled: false } })).status).toBe(204);
    expect((await manage()).body.endpoints).toMatchObject([{ enabled: false, disabled_reason: 'switched off' }]);
    expect((await manage(one, { method: 'DELETE' })).status).toBe(204);
    expect((await manage(one)).status).toBe(404);
    await receiver.stop();
  });

  test('[A24, A26] minted tokens connect, and the system and users write through the back end', async () => {
    const minted = await ask('/v1/tokens', {
      method: 'POST',
      body: { user_id: 'ann', create: true, display_name: 'Ann', ttl_s: 60 },
    });
    expect(minted).toMatchObject({ status: 201, body: { expires_in: 60, user: { display_name: 'Ann' } } });
    const ann = await WireClient.open({
      url: server.url,
      token: minted.body.access_token,
      userId: 'ann',
      deviceId: 'a',
    });
    await ask('/v1/users/bob', { method: 'PUT', body: { display_name: 'Bob' } });
    const group = await ask('/v1/conversations', {
      method: 'POST',
      asUser: 'ANN',
      body: { kind: 'group', title: 'g', members: ['bob'] },
    });
    expect(group).toMatchObject({ status: 201, body: { role: 'owner' } });
    const send = (body: object, asUser?: string) =>
      ask('/v1/messages', { method: 'POST', body, ...(asUser === undefined ? {} : { asUser }) });
    const { conversation_id } = group.body;
    const notice = { conversation_id, client_msg_id: 'n1', content: text('notice') };
    expect(await send(notice)).toMatchObject({ status: 201 });
    expect((await send(notice)).body).toMatchObject({ duplicate: true });
    await send({ to: 'ann', client_msg_id: 'n2', content: text('from bob') }, 'bob');
    const from = (name: string) => ann.next((frame) => frame.type === 'message' && frame.from === name);
    expect(await from('system')).toMatchObject({ content: { text: 'notice' } });
    expect(await from('bob')).toMatchObject({ content: { text: 'from bob' } });
    expect((await ask('/v1/users/system')).body).toMatchObject({ display_name: 'System' });
    await ann.close();
  });

  test('[A23] a key opens no connection, lacks what its scopes lack, and is no user', async () => {
    const hello = await WireClient.connect({ url: server.url, token: '', userId: '', deviceId: '' });
    hello.raw(JSON.stringify({ type: 'hello', token: key, device_id: 'x' }));
    expect(await hello.next(({ type }) => type === 'error')).toMatchObject({ code: 'forbidden' });
    expect((await hello.closed).code).toBe(4200);
    expect(await ask('/v1/me')).toMatchObject({ status: 403, body: { code: 'forbidden' } });
    expect(await ask('/v1/users/bob', { asUser: 'nobody' })).toMatchObject({ status: 404 });
    const narrow = await newKey('tokens:mint');
    expect(await ask('/v1/users/bob', { method: 'PUT', body: {} }, narrow.key)).toMatchObject({
      status: 403,
      body: { detail: expect.stringContaining('users:manage') },
    });
    const user = await signUp(server.url, 'mallory');
    expect(await ask('/v1/tokens', { method: 'POST', body: { user_id: 'bob' } }, user.token)).toMatchObject({
      status: 403,
    });
    expect(
      await ask('/v1/tokens', { method: 'POST', body: { user_id: 'bob' }, asUser: 'bob' }, user.token),
    ).toMatchObject({
      status: 403,
    });
  });

  test('[A25] a disabled user is logged out everywhere, and let in again', async () => {
    const mint = () => ask('/v1/tokens', { method: 'POST', body: { user_id: 'dora', create: true } });
    const { access_token: token } = (await mint()).body;
    const dora = await WireClient.open({ url: server.url, token, userId: 'dora', deviceId: 'd' });
    await ask('/v1/users/dora', { method: 'PUT', body: { disabled: true } });
    expect((await dora.closed).code).toBe(4201);
    expect(await mint()).toMatchObject({ status: 403 });
    await ask('/v1/users/dora', { method: 'PUT', body: { disabled: false } });
    const again = (await mint()).body.access_token;
    expect((await call(server.url, '/v1/me', { token: again })).status).toBe(200);
    expect((await call(server.url, '/v1/me', { token })).body).toMatchObject({ code: 'token_revoked' });
  });

  test('[A21] a revoked key is refused from the next request on, on every gateway', async () => {
    const ok = await Promise.all(Array.from({ length: 8 }, () => ask('/v1/users/bob')));
    expect(new Set(ok.map(({ status }) => status))).toEqual(new Set([200]));
    const listed = await operator('/admin/v1/keys', 'GET');
    expect(listed.body.keys).toMatchObject(
      expect.arrayContaining([expect.objectContaining({ key_id: keyId, name: 'a back end' })]),
    );
    expect(JSON.stringify(listed.body)).not.toContain(key);
    expect((await operator(`/admin/v1/keys/${keyId}`, 'DELETE')).status).toBe(204);
    expect((await operator(`/admin/v1/keys/${keyId}`, 'DELETE')).status).toBe(404);
    const refused = await Promise.all(Array.from({ length: 8 }, () => ask('/v1/users/bob')));
    expect(new Set(refused.map(({ body }) => body.code))).toEqual(new Set(['unauthorized']));
  });
});
