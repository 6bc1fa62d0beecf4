// What the composer says about the length of a message.

import { expect, test } from 'bun:test';
import { roomFor } from './text-limit.ts';

const left = (text: string) => roomFor(text).charactersLeft;
/** Bytes of {"type":"text","text":""}. */
const frame = 25;

test('of a short text nothing is said', () => {
  expect(left('')).toBeUndefined();
  expect(left('x'.repeat(29_000))).toBeUndefined();
  expect(left('鸿'.repeat(9_000))).toBeUndefined();
});

test('near the limit it is what is left, in characters of the text', () => {
  expect(left('x'.repeat(32_768 - frame))).toBe(0);
  expect(left('x'.repeat(32_668 - frame))).toBe(100);
  expect(left('鸿'.repeat(10_900))).toBe(14);
});

test('beyond it, how many characters are too many', () => {
  expect(left('x'.repeat(32_769 - frame))).toBe(-1);
  expect(left('鸿'.repeat(12_000))).toBe(-1_086);
  expect(left('"'.repeat(20_000))).toBe(-3_629);
});
