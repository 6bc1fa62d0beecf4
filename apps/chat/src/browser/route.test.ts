// Which addresses name a conversation; every other one opens the list.

import { expect, test } from 'bun:test';
import { conversationIn } from './route.ts';

test('an id, plain or percent-encoded, names its conversation', () => {
  expect(conversationIn('#d:alice:bob')).toBe('d:alice:bob' as never);
  expect(conversationIn('#g%3A0198')).toBe('g:0198' as never);
});

test.each(['', '#', '#100%', '#%E0%A4%A', '#d:alice:bob%', '#g%3', '#settings', '#d:'])('%p names none', (hash) => {
  expect(conversationIn(hash)).toBeUndefined();
});
