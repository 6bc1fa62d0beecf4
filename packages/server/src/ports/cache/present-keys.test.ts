import { expect, test } from 'bun:test';
import { PresentKeys } from './present-keys.ts';

const keys = (count: number, prefix = 'k') => Array.from({ length: count }, (_, index) => `${prefix}${index}`);
async function* pagesOf(...pages: readonly (readonly string[])[]) {
  yield* pages;
}

test('[F5] before the first fill every key may exist; afterwards every stored key, and hardly another', async () => {
  const present = new PresentKeys({ keysMax: 10_000 });
  expect(present.mayHold('never')).toBe(true);
  expect(await present.fill(pagesOf(keys(3_000), keys(3_000, 'm')))).toBe('known');
  for (const key of [...keys(3_000), ...keys(3_000, 'm')]) expect(present.mayHold(key)).toBe(true);
  const errors = keys(10_000, 'none').filter((key) => present.mayHold(key)).length;
  expect(errors).toBeLessThan(200);
});

test('[F5] a key that is added during a fill is present afterwards', async () => {
  const present = new PresentKeys({ keysMax: 1_000 });
  async function* pages() {
    yield ['a'];
    present.add(['b']);
    yield ['c'];
  }
  await present.fill(pages());
  expect(['a', 'b', 'c'].map((key) => present.mayHold(key))).toEqual([true, true, true]);
  present.add(['d']);
  expect(present.mayHold('d')).toBe(true);
});

test('[F5] a loss while it is filled leaves nothing known', async () => {
  const present = new PresentKeys({ keysMax: 1_000 });
  async function* pages() {
    yield ['a'];
    present.forget();
    yield ['b'];
  }
  expect(await present.fill(pages())).toBe('forgotten');
  expect(present.isKnown).toBe(false);
  expect(present.mayHold('never')).toBe(true);
});

test('[F5] more keys than it was made for are not known at all', async () => {
  const present = new PresentKeys({ keysMax: 100 });
  expect(await present.fill(pagesOf(keys(50), keys(200, 'm')))).toBe('full');
  expect(present.mayHold('never')).toBe(true);
});
