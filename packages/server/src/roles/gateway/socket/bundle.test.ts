import { expect, test } from 'bun:test';
import { testSeed } from '@hongyan/testing/seed';
import fc from 'fast-check';
import { bundle, bundleBytesMax, isBundle, unbundle } from './bundle.ts';

test('one frame stays as it is, several become one JSON array in their order', () => {
  expect(bundle(['{"a":1}'])).toEqual(['{"a":1}']);
  expect(bundle(['{"a":1}', '{"b":2}'])).toEqual(['[{"a":1},{"b":2}]']);
});

test('a bundle is split at its bound in bytes, and a longer frame is sent alone', () => {
  const frame = (length: number) => JSON.stringify({ text: '鸿'.repeat(length) });
  const frames = [...Array.from({ length: 50 }, () => frame(1000)), frame(40_000), frame(1)];
  const messages = bundle(frames);
  expect(messages.flatMap((text) => JSON.parse(text))).toEqual(frames.map((text) => JSON.parse(text)));
  expect(messages.length).toBeGreaterThan(2);
  for (const text of messages) if (isBundle(text)) expect(Buffer.byteLength(text)).toBeLessThanOrEqual(bundleBytesMax);
  expect(messages).toContain(frame(40_000));
});

test('any list of objects is split into the exact texts of its elements', () => {
  const texts = fc.array(
    fc.dictionary(fc.string(), fc.jsonValue()).map((value) => JSON.stringify(value)),
    { minLength: 1 },
  );
  fc.assert(
    fc.property(texts, fc.constantFrom('', ' ', '\n\t'), (frames, space) => {
      expect(unbundle(`${space}[${frames.join(`${space},`)}]${space}`)?.map((text) => text.trim())).toEqual(frames);
    }),
    { seed: testSeed('bundle') },
  );
});

test.each(['[', '[]', '[ ]', '[{}', '[{},]', '[,{}]', '[{}]]', '[{}] x', '[{}}', '["', '[{"a":"\\'])(
  '%s is no bundle',
  (text) => {
    expect(isBundle(text)).toBe(true);
    expect(unbundle(text)).toBeUndefined();
  },
);

test('a number keeps its digits', () => {
  expect(unbundle('[{"id":9007199254740993},{"id":1.0}]')).toEqual(['{"id":9007199254740993}', '{"id":1.0}']);
});
