// Content that JSON cannot carry whole is refused before it is queued.

import { expect, test } from 'bun:test';
import { ClientError } from './client-error.ts';
import { checkedContent, checkedTarget, isSameJson } from './content.ts';
import type { Content } from './wire.ts';

/** The code and message of what it throws. */
function refusalOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof ClientError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'accepted';
}

const nested = (levels: number): unknown => (levels === 0 ? 1 : { in: nested(levels - 1) });

test.each([
  ['NaN', { n: Number.NaN }, 'content.n is NaN'],
  ['infinity', { n: [1, Number.NEGATIVE_INFINITY] }, 'content.n[1] is -Infinity'],
  ['undefined', { n: undefined }, 'content.n is undefined'],
  ['a hole', { n: Array(1) }, 'content.n[0] is undefined'],
  ['a bigint', { n: 1n }, 'content.n is a bigint'],
  ['a function', { n: () => 1 }, 'content.n is a function'],
  ['a symbol', { n: Symbol('s') }, 'content.n is a symbol'],
  ['a map', { n: new Map([[1, 2]]) }, 'content.n is a Map'],
  ['bytes', { n: new Uint8Array(2) }, 'content.n is a Uint8Array'],
  ['an invalid date', { n: { toJSON: () => Number.NaN } }, 'content.n is NaN'],
  ['half of a pair in a text', { text: '\ud83d' }, 'content.text contains half of a surrogate pair'],
  ['half of a pair in a key', { '\udc00': 1 }, 'a key of content contains half of a surrogate pair'],
  ['33 levels', { n: nested(32) }, 'nested deeper than 32 levels'],
])('%s is refused, and the message names the place', (_name, fields, message) => {
  const refusal = refusalOf(() => checkedContent({ type: 'x', ...fields } as Content));
  expect(refusal).toStartWith('bad_request: ');
  expect(refusal).toContain(message);
});

test.each([[null], [undefined], ['hello'], [[]], [{}], [{ type: 1 }], [{ type: 'text' }], [{ type: 'text', text: 1 }]])(
  '%p is no content',
  (content) => {
    expect(refusalOf(() => checkedContent(content as never))).toStartWith('bad_request: ');
  },
);

test('what JSON can carry is copied as it is, later changes left out', () => {
  const list = [1, null, 'a', { b: true, at: new Date(0) }];
  const content = { type: 'x', text: '鸿雁 🪿', deep: nested(31), list };
  const expected = JSON.parse(JSON.stringify(content));
  const copy = checkedContent(content);
  list.push('later');
  expect(copy).toEqual(expected);
});

test.each([[null], [undefined], ['bob'], [{}], [{ to: '' }], [{ to: 1 }], [{ to: 'bob', conversationId: 'g:1' }]])(
  '%p is no target',
  (target) => {
    expect(refusalOf(() => checkedTarget(target as never))).toStartWith('bad_request: the target is ');
  },
);

test('two contents are the same whatever the order of their keys, and differ by anything else', () => {
  const content = { type: 'x', list: [1, null, { a: 1, b: 2 }] };
  expect(isSameJson(content, { list: [1, null, { b: 2, a: 1 }], type: 'x' })).toBe(true);
  for (const other of [
    { type: 'x' },
    { type: 'x', list: [null, 1, { a: 1, b: 2 }] },
    { type: 'x', list: [1, null, { a: 1, b: 2, c: null }] },
    { type: 'x', list: { 0: 1, 1: null, 2: { a: 1, b: 2 } } },
    { type: 'x', list: [1, {}, { a: 1, b: 2 }] },
  ])
    expect([isSameJson(content, other), isSameJson(other, content)]).toEqual([false, false]);
});
