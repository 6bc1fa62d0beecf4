import { expect, test } from 'bun:test';
import { closeAction } from './codes.ts';
import { directConversationId, directMembers } from './direct.ts';
import type { ConversationId, UserId } from './ids.ts';

const user = (id: string) => id as UserId;

test('a direct conversation has one id, whoever starts it', () => {
  expect(directConversationId(user('bob'), user('alice'))).toBe(directConversationId(user('alice'), user('bob')));
  expect(directMembers('d:alice:bob' as ConversationId)).toEqual([user('alice'), user('bob')]);
  expect(directMembers('d:me:me' as ConversationId)).toEqual([user('me'), user('me')]);
});

test('an unsorted direct id and a group id have no direct members', () => {
  expect(directMembers('d:bob:alice' as ConversationId)).toBeUndefined();
  expect(directMembers('g:alice' as ConversationId)).toBeUndefined();
});

test('the range of a close code determines the reaction of the client', () => {
  expect([4000, 4001, 4099].map(closeAction)).toEqual(['reconnect', 'reconnect', 'reconnect']);
  expect([4100, 4199, 1006, 1001].map(closeAction)).toEqual(['back_off', 'back_off', 'back_off', 'back_off']);
  expect([4200, 4299].map(closeAction)).toEqual(['stop', 'stop']);
});
