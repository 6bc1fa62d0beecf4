// How far a conversation was read follows from what two successive looks saw.

import { expect, test } from 'bun:test';
import type { Seq } from '@hongyan/client/api';
import { ReadWatch } from './read-watch.ts';

function watch(...looks: (number | undefined)[]) {
  const reported: number[] = [];
  const ends: boolean[] = [];
  const rest = [...looks];
  const watched = new ReadWatch({
    lastShown: () => rest.shift() as Seq | undefined,
    report: (seq) => reported.push(seq),
  });
  for (const _ of looks) ends.push(!watched.look());
  return { reported, ends };
}

test('a message is reported once two looks saw it', () => {
  expect(watch(21)).toEqual({ reported: [], ends: [false] });
  expect(watch(21, 21)).toEqual({ reported: [21], ends: [false, true] });
});

test('rows that passed by while the list was placed are not reported', () => {
  expect(watch(48, 13, 13).reported).toEqual([13]);
});

test('while the list moves down, the position follows one look behind', () => {
  expect(watch(5, 9, 14, 14)).toEqual({ reported: [5, 9, 14], ends: [false, false, false, true] });
});

test('a hidden page reports nothing, and what stood there before it was hidden does not count', () => {
  expect(watch(5, 5, undefined, 40).reported).toEqual([5]);
  expect(watch(undefined, undefined)).toEqual({ reported: [], ends: [true, true] });
});

test('moving up reports nothing again', () => {
  expect(watch(9, 9, 4, 4, 9, 9).reported).toEqual([9]);
});
