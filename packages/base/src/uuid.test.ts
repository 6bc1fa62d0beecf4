import { expect, test } from 'bun:test';
import { createUuidV7, uuidV7TimeMs } from './uuid.ts';

test('ids are version 7, unique, and only grow, also when the clock steps back', () => {
  let now = 1_700_000_000_000;
  const next = createUuidV7(() => now);
  const ids = [next()];
  for (let i = 0; i < 10_000; i++) {
    if (i === 5000) now -= 3_600_000;
    ids.push(next());
  }
  expect([...ids].sort()).toEqual(ids);
  expect(new Set(ids).size).toBe(ids.length);
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

test('the time can be read back', () => {
  expect(uuidV7TimeMs(createUuidV7(() => 1_764_000_000_123)())).toBe(1_764_000_000_123);
});
