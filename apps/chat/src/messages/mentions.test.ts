import { expect, test } from 'bun:test';
import type { UserId } from '@hongyan/client/api';
import { matching, named, queryAt, splitMentions, withMention } from './mentions.ts';

const people = [
  ['all', 'all'],
  ['alice', 'Alice Goose'],
  ['bob', 'Bob'],
  ['li', '李四'],
].map(([userId, name]) => ({ userId: userId as UserId | 'all', name: name ?? '' }));

test('the word at the caret is a query, not an address or a word further back', () => {
  expect(queryAt('hi @al', 6)).toEqual({ from: 3, to: 6, text: 'al' });
  expect(queryAt('@', 1)).toEqual({ from: 0, to: 1, text: '' });
  expect(queryAt('（@李', 3)).toEqual({ from: 1, to: 3, text: '李' });
  for (const text of ['bob@example', 'hi @al now', 'no one', 'a @@'])
    expect(queryAt(text, text.length)).toBeUndefined();
});

test('people are found by the beginning of their id, their name, or a word of it', () => {
  const found = (query: string) => matching(people, query).map(({ userId }) => String(userId));
  expect(found('')).toEqual(['alice', 'bob', 'li', 'all']); // Enter right after the "@" does not mention everyone
  expect(found('AL')).toEqual(['all', 'alice']);
  expect(found('goo')).toEqual(['alice']);
  expect(found('李')).toEqual(['li']);
  expect(found('x')).toEqual([]);
  const many = Array.from({ length: 20 }, (_, index) => ({ userId: `u${index}` as UserId, name: `User ${index}` }));
  expect(matching([{ userId: 'all', name: 'all' }, ...many], '').map(({ userId }) => String(userId))).toEqual([
    ...many.slice(0, 7).map(({ userId }) => userId),
    'all',
  ]);
  expect(matching([{ userId: 'g' as UserId, name: 'García' }], 'garc')).toHaveLength(1);
  expect(matching([{ userId: 'g' as UserId, name: 'García' }], 'garci')).toHaveLength(1);
});

test('a name or an id that is written out in full names somebody, the beginning of one nobody', () => {
  const found = (query: string) => String(named(people, query)?.userId);
  expect(['all', 'Alice Goose', 'bob', 'Bob', '李四'].map(found)).toEqual(['all', 'alice', 'bob', 'bob', 'li']);
  expect(['al', 'Bo', 'BOB', ''].map(found)).toEqual(['undefined', 'undefined', 'undefined', 'undefined']);
});

test('a pick replaces what was written of it, and the caret stands behind', () => {
  const query = queryAt('hi @al, how', 6);
  expect(query && withMention('hi @al, how', query, 'Alice Goose')).toEqual({
    text: 'hi @Alice Goose , how',
    caret: 16,
  });
  const atEnd = queryAt('@b', 2);
  expect(atEnd && withMention('@b', atEnd, 'Bob')).toEqual({ text: '@Bob ', caret: 5 });
});

test('mentions stand apart in a text, the longer of two that begin alike first', () => {
  const parts = splitMentions('@Bob and @Bobby, not @Bill', ['@Bob', '@Bobby']);
  expect(parts.map(({ text, isMention }) => (isMention ? `[${text}]` : text)).join('')).toBe(
    '[@Bob] and [@Bobby], not @Bill',
  );
  expect(parts.map(({ text }) => text).join('')).toBe('@Bob and @Bobby, not @Bill');
  expect(splitMentions('no @one', [])).toEqual([{ at: 0, text: 'no @one', isMention: false }]);
});
