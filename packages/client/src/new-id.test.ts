import { expect, test } from 'bun:test';
import { uuidV7TimeMs } from '@hongyan/base/uuid';
import { newId } from './new-id.ts';

test('ids are UUIDv7 of the time given, none twice', () => {
  const nowMs = Date.UTC(2026, 0, 1);
  const ids = Array.from({ length: 1_000 }, () => newId(nowMs));
  expect(new Set(ids).size).toBe(1_000);
  for (const id of ids) {
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(uuidV7TimeMs(id)).toBe(nowMs);
  }
  expect(newId(nowMs) < newId(nowMs + 1)).toBe(true);
});
