// Which parts of a text become links.

import { expect, test } from 'bun:test';
import { parts } from './message-text.tsx';

const links = (text: string) => parts(text).flatMap((part) => (part.isLink ? [part.text] : []));

test('addresses are links, the punctuation around them is not', () => {
  expect(links('See https://example.org/a?b=c, or (http://example.org/x).')).toEqual([
    'https://example.org/a?b=c',
    'http://example.org/x',
  ]);
  expect(links('地图：https://example.org/map，请看')).toEqual(['https://example.org/map']);
});

test('nothing but http addresses becomes a link', () => {
  expect(links('javascript:alert(1) data:text/html,x <a href="x">y</a> example.org')).toEqual([]);
});

test('the parts together are the text', () => {
  const text = 'a https://example.org b\nhttps://example.org/2';
  expect(
    parts(text)
      .map((part) => part.text)
      .join(''),
  ).toBe(text);
});
