// Used signatures: none twice, none too old, and limited memory.

import { expect, test } from 'bun:test';
import { createHash } from 'node:crypto';
import { SeenSignatures } from './seen-signatures.ts';

const signature = (text: string) => createHash('sha256').update(text).digest('hex');
const nowMs = 1_764_000_000_000;

test('[T10] a signature is used once within its window, and refused as late outside of it', () => {
  const seen = new SeenSignatures({ windowMs: 60_000, rememberedMax: 1_000 });
  const use = (text: string, madeAtMs: number, at = nowMs) => seen.use(signature(text), { madeAtMs, nowMs: at });
  expect(use('a', nowMs)).toBe('new');
  expect(use('a', nowMs)).toBe('used');
  expect(use('b', nowMs)).toBe('new');
  expect(use('c', nowMs - 60_001)).toBe('late');
  expect(use('c', nowMs + 60_001)).toBe('late');
  expect(use('c', nowMs - 59_000)).toBe('new');
  expect(use('a', nowMs, nowMs + 59_000)).toBe('used');
  expect(use('a', nowMs, nowMs + 60_001)).toBe('late');
});

test('[T10] signatures outside of the window are forgotten; a clock set back does not admit them again', () => {
  const seen = new SeenSignatures({ windowMs: 60_000, rememberedMax: 1_000 });
  for (let at = 0; at < 100; at++)
    seen.use(signature(`s${at}`), { madeAtMs: nowMs + at * 10_000, nowMs: nowMs + at * 10_000 });
  expect(seen.count).toBeLessThan(10);
  expect(seen.use(signature('s0'), { madeAtMs: nowMs, nowMs })).toBe('late');
});

test('[T10] at its limit it forgets the oldest, and refuses any of the same age', () => {
  const seen = new SeenSignatures({ windowMs: 60_000, rememberedMax: 100 });
  const use = (text: string, agoMs: number) => seen.use(signature(text), { madeAtMs: nowMs - agoMs, nowMs });
  for (let index = 0; index < 60; index++) expect(use(`old${index}`, 50_000)).toBe('new');
  for (let index = 0; index < 60; index++) expect(use(`new${index}`, 1_000)).toBe('new');
  expect(seen.count).toBeLessThanOrEqual(100);
  expect(use('old1', 50_000)).toBe('late');
  expect(use('unseen', 50_000)).toBe('late');
  expect(use('new1', 1_000)).toBe('used');
});
