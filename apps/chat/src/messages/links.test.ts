// Which parts of a text become links, and where they lead.

import { expect, test } from 'bun:test';
import { partsOf } from './links.ts';

const links = (text: string) => partsOf(text).flatMap((part) => (part.href === undefined ? [] : [part.href]));

test('addresses are links, the punctuation around them is not', () => {
  expect(links('See https://example.org/a?b=c, or (http://example.org/x).')).toEqual([
    'https://example.org/a?b=c',
    'http://example.org/x',
  ]);
  expect(links('地图：https://example.org/map，请看')).toEqual(['https://example.org/map']);
  expect(links('Really https://example.org/a?!')).toEqual(['https://example.org/a']);
});

test('a bracket that belongs to the address is kept, one of the sentence is not', () => {
  for (const [text, link] of [
    ['https://en.wikipedia.org/wiki/Mercury_(planet)', 'https://en.wikipedia.org/wiki/Mercury_(planet)'],
    ['(see https://example.org/a_(b))', 'https://example.org/a_(b)'],
    ['https://example.org/list?ids[]=1&q=x[2]', 'https://example.org/list?ids[]=1&q=x[2]'],
    ['look (https://example.org/x), please.', 'https://example.org/x'],
    ['[text](https://example.org/x)(more)', 'https://example.org/x'],
    ['{https://example.org/{id}}', 'https://example.org/{id}'],
  ] as const)
    expect(links(text)).toEqual([link]);
});

test('www. and e-mail addresses are links without a scheme of their own', () => {
  expect(links('www.example.org/a, or ask ann.lee+im@mail.example.org.')).toEqual([
    'https://www.example.org/a',
    'mailto:ann.lee+im@mail.example.org',
  ]);
  expect(links('见www.example.org')).toEqual(['https://www.example.org']);
  expect(links('https://example.org/@ann@example.org')).toEqual(['https://example.org/@ann@example.org']);
});

test('nothing else becomes a link', () => {
  expect(links('javascript:alert(1) data:text/html,x <a href="x">y</a> example.org ftp://example.org')).toEqual([]);
  expect(links('http:// www. www.x a@b @ann ann@ http://.')).toEqual([]);
});

test('the parts together are the text', () => {
  const text = '🙂 a https://example.org/😀) b\nwww.example.org/2 c@d.ef';
  const parts = partsOf(text);
  expect(parts.map((part) => part.text).join('')).toBe(text);
  for (const part of parts) expect(text.slice(part.at, part.at + part.text.length)).toBe(part.text);
});

test('a long text without addresses is read once', () => {
  expect(links('a'.repeat(30_000))).toEqual([]);
  expect(links(`${'a.'.repeat(15_000)}@`)).toEqual([]);
  expect(links(`a@${'b.'.repeat(15_000)}1`)).toEqual([]);
});
