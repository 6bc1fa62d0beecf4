// How an operation becomes a request: nothing that cannot be encoded leaves, and it rejects where a promise is returned.

import { expect, test } from 'bun:test';
import { rejectionOf } from '@hongyan/testing/rejection';
import { createClient, login } from './client.ts';
import { requestOf } from './http.ts';
import { routes } from './routes.ts';
import { ScriptedServer, tokenOf } from './testing/scripted-server.ts';

test('path parameters are encoded, the rest is the query or the body', () => {
  expect(requestOf(routes.addMember, { conversation_id: 'g:1/2', user_id: 'ü' })).toEqual({
    method: 'PUT',
    path: '/v1/conversations/g%3A1%2F2/members/%C3%BC',
  });
  expect(requestOf(routes.listMembers, { conversation_id: 'g:1', limit: 2, after: undefined })).toEqual({
    method: 'GET',
    path: '/v1/conversations/g%3A1/members?limit=2',
  });
  expect(requestOf(routes.updateConversation, { conversation_id: 'g:1', title: 'geese' })).toEqual({
    method: 'PATCH',
    path: '/v1/conversations/g%3A1',
    body: '{"title":"geese"}',
  });
});

test.each([[''], [undefined], [7n], ['\ud800']])('%p is no path parameter', (value) => {
  expect(() => requestOf(routes.getUser, { user_id: value })).toThrow('user_id');
});

test('what cannot be encoded rejects, and throws from no method that returns a promise', async () => {
  const client = createClient({ url: 'http://127.0.0.1:1', token: () => tokenOf('me') });
  const half = '\ud83e' as never;
  for (const rejected of [
    client.getUser(half),
    client.whereIs({ clientMsgId: half }),
    client.whereIs({ msgId: '' as never }),
    client.addMember(half, 'you' as never),
    client.setTitle('g:1' as never, half),
    client.createGroup({ title: half, members: [] }),
    client.send(undefined as never, undefined as never),
  ]) {
    expect(await rejectionOf(rejected)).toMatchObject({ name: 'ClientError', code: 'bad_request' });
  }
});

test.each([
  { status: 502, body: 'null', code: 'unavailable' },
  { status: 502, body: '"x"', code: 'unavailable' },
  { status: 502, body: '{"code":"toString"}', code: 'unavailable' },
  { status: 429, body: '{"code":"rate_limited","retry_after_ms":"5"}', code: 'rate_limited' },
  { status: 200, body: 'null', code: 'unavailable' },
  { status: 200, body: '<html>', code: 'unavailable' },
])('$status with $body, from a proxy between, is $code', async ({ status, body, code }) => {
  const server = new ScriptedServer();
  server.http = () => new Response(body, { status });
  const error = await rejectionOf(login({ url: server.url, userId: 'me', password: 'x' }));
  expect(error).toMatchObject({ name: 'ClientError', code, retryAfterMs: undefined });
  await server.stop();
});
