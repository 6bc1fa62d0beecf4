// docs/spec.md is true to the tree: each rule has a test, each id that is cited has a rule, and the files it names are there.

import { expect, test } from 'bun:test';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dir, '..');
const spec = readFileSync(join(root, 'docs/spec.md'), 'utf8');
const rules = [...spec.matchAll(/^\| ([A-Z]\d+) \|/gm)].map(([, id = '']) => id);
const sources = [...new Bun.Glob('{packages,apps,tests}/**/*.{ts,tsx}').scanSync(root)]
  .filter((path) => !/node_modules|\/dist\//.test(path))
  .map((path) => ({ isTest: /\.test\.tsx?$|\/testing\/|^tests\//.test(path), ids: idsIn(join(root, path)) }));

test('each id has one rule', () => {
  expect(rules).toEqual([...new Set(rules)]);
});

test('each rule has a test', () => {
  const tested = new Set(sources.filter(({ isTest }) => isTest).flatMap(({ ids }) => ids));
  expect(rules.filter((id) => !tested.has(id))).toEqual([]);
});

test('each id that code or a test cites has a rule', () => {
  const known = new Set(rules);
  const cited = new Set(sources.flatMap(({ ids }) => ids));
  expect([...cited].filter((id) => !known.has(id))).toEqual([]);
});

test('the files that rules name are there', () => {
  const named = [...spec.matchAll(/`([\w./-]+\/[\w.-]+\.(?:ts|sql))`/g)].map(([, path = '']) => path);
  expect(named.length).toBeGreaterThan(100);
  expect(
    named.filter((path) => ![path, `packages/server/src/${path}`].some((at) => existsSync(join(root, at)))),
  ).toEqual([]);
});

/** Ids in brackets, such as [D3] or [E5, E10]. */
function idsIn(path: string): readonly string[] {
  return [...readFileSync(path, 'utf8').matchAll(/\[([A-Z]\d+(?:, ?[A-Z]\d+)*)\]/g)].flatMap(([, ids = '']) =>
    ids.split(/, ?/),
  );
}
