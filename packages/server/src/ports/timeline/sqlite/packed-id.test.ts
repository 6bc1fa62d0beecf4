// Packed ids are unpacked unchanged, and different ids stay different.

import { expect, test } from 'bun:test';
import { testSeed } from '@hongyan/testing/seed';
import fc from 'fast-check';
import { packId, unpackId } from './packed-id.ts';

test('a canonical UUID takes 16 bytes', () => {
  expect(packId('0190a7c4-6f2e-7abc-8def-0123456789ab')).toEqual(
    Uint8Array.from([1, 144, 167, 196, 111, 46, 122, 188, 141, 239, 1, 35, 69, 103, 137, 171]),
  );
});

test('ids that only resemble a canonical UUID stay text', () => {
  const canonical = '0190a7c4-6f2e-7abc-8def-0123456789ab';
  for (const id of [
    canonical.toUpperCase(),
    `{${canonical}}`,
    canonical.replaceAll('-', ''),
    `${canonical} `,
    '',
    'g',
  ]) {
    expect(packId(id)).toBe(id);
  }
});

test('every id is unpacked as it was packed', () => {
  const ids = fc.oneof(fc.uuid(), fc.string(), fc.stringMatching(/^[0-9a-f-]{36}$/));
  fc.assert(
    fc.property(ids, (id) => expect(unpackId(packId(id))).toBe(id)),
    { seed: testSeed('packed ids'), numRuns: 2_000 },
  );
});
