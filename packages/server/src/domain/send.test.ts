// The rules of a send.

import { expect, test } from 'bun:test';
import type { Content } from '@hongyan/protocol/content';
import type { ConversationId, Seq, UserId } from '@hongyan/protocol/ids';
import { testSeed } from '@hongyan/testing/seed';
import fc from 'fast-check';
import { checkKey, encodeContent, isSameMessage, targetOf } from './send.ts';

const alice = 'alice' as UserId;
const bob = 'bob' as UserId;
const conversation = (id: string) => id as ConversationId;
const code = (result: { type: string; code?: string }) => result.code ?? result.type;

test('a send names exactly one target', () => {
  expect(targetOf(alice, { to: bob })).toEqual({ type: 'ok', value: conversation('d:alice:bob') });
  expect(targetOf(alice, { to: alice })).toEqual({ type: 'ok', value: conversation('d:alice:alice') });
  expect(targetOf(alice, { conversation_id: conversation('g:x') })).toEqual({
    type: 'ok',
    value: conversation('g:x'),
  });
  expect(code(targetOf(alice, {}))).toBe('bad_request');
  expect(code(targetOf(alice, { to: bob, conversation_id: conversation('g:x') }))).toBe('bad_request');
});

test('a direct conversation of other users, or an unsorted id, is refused as the target', () => {
  expect(code(targetOf(alice, { conversation_id: conversation('d:bob:carol') }))).toBe('not_member');
  expect(code(targetOf(alice, { conversation_id: conversation('d:bob:alice') }))).toBe('bad_request');
});

test('[D3] a key that has no UTF-8 is refused', () => {
  expect(['k', '雁', '😀', '\u0000'].map(checkKey).map(code)).toEqual(Array(4).fill('ok'));
  expect(['\ud800', 'a\udfff', '\ude00\ud83d'].map(checkKey).map(code)).toEqual(Array(3).fill('bad_request'));
});

test('content is limited in bytes of UTF-8, not in characters', () => {
  const content = (text: string): Content => ({ type: 'text', text });
  const overhead = JSON.stringify(content('')).length;
  expect(code(encodeContent(content('a'.repeat(100 - overhead)), 100))).toBe('ok');
  expect(code(encodeContent(content('a'.repeat(101 - overhead)), 100))).toBe('too_large');
  expect(code(encodeContent(content('雁'.repeat(25)), 100))).toBe('ok');
  expect(code(encodeContent(content('雁'.repeat(26)), 100))).toBe('too_large');
});

test('clients cannot send reserved types, text needs text, other types pass through', () => {
  expect(code(encodeContent({ type: 'hongyan.members' }, 1000))).toBe('forbidden');
  expect(code(encodeContent({ type: 'text' }, 1000))).toBe('bad_request');
  expect(encodeContent({ type: 'poll', options: [1, 2] }, 1000)).toEqual({
    type: 'ok',
    value: '{"type":"poll","options":[1,2]}',
  });
});

const message = (contentJson: string, id = 'g:x') => ({ conversationId: conversation(id), contentJson });

test('[D3] the same content in another conversation, or other content in the same one, is another message', () => {
  const first = message('{"type":"text","text":"a"}');
  expect(isSameMessage(first, message('{"type":"text","text":"a"}'))).toBe(true);
  expect(isSameMessage(first, message('{"text":"a","type":"text"}'))).toBe(true);
  expect(isSameMessage(first, message('{"type":"text","text":"b"}'))).toBe(false);
  expect(isSameMessage(first, message('{"type":"text","text":"a","more":null}'))).toBe(false);
  expect(isSameMessage(first, message(first.contentJson, 'g:y'))).toBe(false);
});

test('[D3] a recalled message equals any message, and a recalled change any change of its target, but never the other', () => {
  const [recalled, change] = [message('{"type":"hongyan.recalled"}'), message('{"type":"hongyan.edit"}')];
  const at = (targetSeq: number) => ({ targetSeq: targetSeq as Seq });
  expect(isSameMessage(recalled, message('{"type":"text","text":"a"}'))).toBe(true);
  expect(isSameMessage(recalled, { ...change, ...at(1) })).toBe(false);
  expect(isSameMessage({ ...recalled, ...at(1) }, message('{"type":"text","text":"a"}'))).toBe(false);
  expect(isSameMessage({ ...recalled, ...at(1) }, { ...change, ...at(1) })).toBe(true);
  expect(isSameMessage({ ...recalled, ...at(1) }, { ...change, ...at(2) })).toBe(false);
});

test('[D3] the order of JSON keys does not matter, and values do', () => {
  const reversed = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) return value.map(reversed);
    return Object.fromEntries(
      Object.entries(value)
        .reverse()
        .map(([key, item]) => [key, reversed(item)]),
    );
  };
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (value, other) => {
      const [json, again] = [JSON.stringify({ value }), JSON.stringify(reversed({ value }))];
      expect(isSameMessage(message(json), message(again))).toBe(true);
      const isEqual = Bun.deepEquals(JSON.parse(JSON.stringify(other)), JSON.parse(JSON.stringify(value)), true);
      expect(isSameMessage(message(json), message(JSON.stringify({ value: other })))).toBe(isEqual);
    }),
    { seed: testSeed('same message') },
  );
});
