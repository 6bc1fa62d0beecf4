// The declarations themselves: every option has a name that makes a flag, a variable and a key, a range, and a sentence about it.

import { describe, expect, test } from 'bun:test';
import type { Option } from './option.ts';
import { camelCase, environmentName, fileKey, options } from './options.ts';

const all: readonly Option[] = options;

test('no two options share a flag, a variable, a key or a field', () => {
  for (const nameOf of [(name: string) => name, environmentName, fileKey, camelCase]) {
    expect(new Set(all.map(({ name }) => nameOf(name))).size).toBe(all.length);
  }
  expect([environmentName('frame-bytes-max'), fileKey('frame-bytes-max'), camelCase('frame-bytes-max')]).toEqual([
    'HONGYAN_FRAME_BYTES_MAX',
    'frame_bytes_max',
    'frameBytesMax',
  ]);
});

for (const option of all) {
  describe(option.name, () => {
    test('is named in kebab case, and not so that --no- before a switch could mean two things', () => {
      expect(option.name).toMatch(/^[a-z]+(-[a-z]+)*$/);
      expect(option.name).not.toStartWith('no-');
      expect(option.name).not.toBe('config');
    });

    test('is described in a sentence to which --help adds the full stop and the default', () => {
      expect(option.description).toMatch(/^[A-Z].{10,}[^.\s]$/);
      if (option.type === 'text') expect(option.placeholder).toMatch(/^[a-z:]+$/);
      if (option.type === 'number') expect(option.unit).toMatch(/^[a-z]+$/);
    });

    test('has a default that it would accept', () => {
      if (option.type === 'number') {
        expect(option.min).toBeLessThan(option.max);
        expect(option.default).toBeWithin(option.min, option.max + 1);
        expect([option.min, option.default, option.max].every(Number.isSafeInteger)).toBe(true);
      }
      if (option.type === 'text' && option.oneOf) expect(option.oneOf).toContain(option.default);
    });

    test('says its unit in its name where it is one of time or bytes, and a time only ever last', () => {
      const units: Readonly<Record<string, RegExp>> = { ms: /-ms$/, s: /-(s|seconds)$/, bytes: /-bytes-max$/ };
      for (const [unit, ending] of Object.entries(units)) {
        expect(ending.test(option.name)).toBe(option.type === 'number' && option.unit === unit);
      }
    });
  });
}
