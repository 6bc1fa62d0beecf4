// What users wrote stays on the line that it is printed in, and acts on nothing around it.

import { expect, test } from 'bun:test';
import { printable } from './printable.ts';

test.each([
  ['a control sequence', '\u001b[2J\u009b2J', '\\u001b[2J\\u009b2J'],
  ['a bidirectional override', '\u202etxt.\u2066', '\\u202etxt.\\u2066'],
  ['a line end', 'one\ntwo', 'one↵two'],
  ['the line ends of Unicode, which programs that read a pipe may know', 'one\u2028two\u2029', 'one↵two↵'],
  ['a language from right to left, with its marks', 'שלום\u200f!', 'שלום\u200f!'],
])('%s', (_name, text, shown) => {
  expect(printable(text)).toBe(shown);
});
