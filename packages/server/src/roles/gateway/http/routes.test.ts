import { expect, test } from 'bun:test';
import { Routes } from './routes.ts';

const routes = new Routes(
  new Map([
    ['/v1/me', 'me'],
    ['/v1/messages/{msg_id}', 'one'],
    ['/v1/messages/by-client-id/{client_msg_id}', 'by key'],
    ['/v1/conversations/{conversation_id}/members/{user_id}', 'member'],
    ['/v1/conversations/{conversation_id}/messages/{target_seq}/reactions', 'reactions'],
  ]),
);

test.each([
  ['/v1/me', 'me', {}],
  ['/v1/messages/m1', 'one', { msg_id: 'm1' }],
  ['/v1/messages/by-client-id/k', 'by key', { client_msg_id: 'k' }],
  ['/v1/messages/by-client-id', 'one', { msg_id: 'by-client-id' }],
  ['/v1/messages/by-client-id/a%2Fb%20%E9%B8%BF', 'by key', { client_msg_id: 'a/b 鸿' }],
  ['/v1/messages/%ff', 'one', { msg_id: '%ff' }],
  ['/v1/messages/.', 'one', { msg_id: '.' }],
  ['/v1/messages/..', 'one', { msg_id: '..' }],
  ['/v1/messages/__proto__', 'one', { msg_id: '__proto__' }],
  ['/v1/conversations/d:a:b/members/a@b', 'member', { conversation_id: 'd:a:b', user_id: 'a@b' }],
  ['/v1/conversations/g:1/messages/7/reactions', 'reactions', { conversation_id: 'g:1', target_seq: '7' }],
])('%s is %s', (path, target, params) => {
  expect(routes.find(path)).toEqual({ target, params });
});

test.each([
  '/v1',
  '/v1/',
  '/v1/me/',
  '/v1/me/x',
  '/v1/messages',
  '/v1/messages/',
  '/v1//me',
  '/v1/conversations//members/a',
  '/V1/me',
])('%s is nothing', (path) => {
  expect(routes.find(path)).toBeUndefined();
});
