import { expect, test } from 'bun:test';
import type { Content } from '@hongyan/protocol/entry';
import type { ConversationId, Seq, UserId } from '@hongyan/protocol/ids';
import { testSeed } from '@hongyan/testing/seed';
import fc from 'fast-check';
import { encodeContent, isKeyStorable, statusAt, targetOf } from './message.ts';

const alice = 'alice' as UserId;
const bob = 'bob' as UserId;
const code = (admission: { type: string; code?: string }) => admission.code ?? admission.type;

test('a send names exactly one target', () => {
  expect(targetOf({ from: alice, to: bob })).toEqual({ type: 'ok', value: 'd:alice:bob' as ConversationId });
  expect(targetOf({ from: alice, conversationId: 'g:x' as ConversationId })).toEqual({
    type: 'ok',
    value: 'g:x' as ConversationId,
  });
  expect(code(targetOf({ from: alice }))).toBe('bad_request');
  expect(code(targetOf({ from: alice, to: bob, conversationId: 'g:x' as ConversationId }))).toBe('bad_request');
});

test('nobody writes into a direct conversation of others, or by an unsorted id', () => {
  expect(code(targetOf({ from: alice, conversationId: 'd:bob:carol' as ConversationId }))).toBe('not_member');
  expect(code(targetOf({ from: alice, conversationId: 'd:bob:alice' as ConversationId }))).toBe('bad_request');
});

test('[D3] a key that has no UTF-8 is not a key', () => {
  expect(['k', '雁', '😀', '\u0000'].map(isKeyStorable)).toEqual([true, true, true, true]);
  expect(['\ud800', 'a\udfff', '\ude00\ud83d'].map(isKeyStorable)).toEqual([false, false, false]);
});

test('content is bounded in bytes, not characters', () => {
  const content = (text: string): Content => ({ type: 'text', text });
  const overhead = JSON.stringify(content('')).length;
  expect(code(encodeContent(content('a'.repeat(100 - overhead)), 100))).toBe('ok');
  expect(code(encodeContent(content('a'.repeat(101 - overhead)), 100))).toBe('too_large');
  expect(code(encodeContent(content('雁'.repeat(40)), 100))).toBe('too_large');
});

test('server content cannot be forged, text needs text, other types pass through', () => {
  expect(code(encodeContent({ type: 'hongyan.members' }, 1000))).toBe('forbidden');
  expect(code(encodeContent({ type: 'text' }, 1000))).toBe('bad_request');
  expect(encodeContent({ type: 'poll', options: [1, 2] }, 1000)).toEqual({
    type: 'ok',
    value: '{"type":"poll","options":[1,2]}',
  });
});

test('[D7] a status never goes back while positions go forward', () => {
  const order = ['sent', 'ack', 'delivered', 'read'];
  const seq = fc.nat(50) as unknown as fc.Arbitrary<Seq>;
  fc.assert(
    fc.property(seq, seq, seq, fc.nat(10), (at, read, extra, more) => {
      const before = { readSeq: read, deliveredSeq: (read + extra) as Seq };
      const after = { readSeq: (read + more) as Seq, deliveredSeq: (read + extra + more) as Seq };
      expect(order.indexOf(statusAt(at, after))).toBeGreaterThanOrEqual(order.indexOf(statusAt(at, before)));
    }),
    { seed: testSeed('status') },
  );
});
