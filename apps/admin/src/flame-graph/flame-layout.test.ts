import { expect, test } from 'bun:test';
import { flameTree } from '@hongyan/profile/flame-tree';
import type { Profile } from '@hongyan/profile/profile';
import { boxesOf, isMatch, matchedShare, neighbourOf } from './flame-layout.ts';

const stack = (names: string, value: number) => ({
  frames: names.split(' ').map((name) => ({ name, file: `packages/${name}.ts`, line: 1 })),
  values: [value],
  labels: {},
});
const profile: Profile = {
  valueTypes: [{ type: 'cpu', unit: 'nanoseconds' }],
  stacks: [stack('serve page decode', 60), stack('serve page', 20), stack('serve login', 20)],
  takenAtMs: 0,
  durationMs: 0,
  comments: [],
};
const tree = flameTree(profile);
const shown = (boxes: ReturnType<typeof boxesOf>) =>
  boxes.map(({ node, left, width }) => [node.frame?.name ?? 'all', left, width]);
const named = (name: string) => {
  const box = boxesOf(tree).find(({ node }) => node.frame?.name === name);
  if (!box) throw new Error(`${name} has a box`);
  return box.node;
};

test('[O15] boxes are as wide as their share, callees below their caller', () => {
  expect(shown(boxesOf(tree))).toEqual([
    ['all', 0, 1],
    ['serve', 0, 1],
    ['page', 0, 0.8],
    ['decode', 0, 0.6],
    ['login', 0.8, 0.2],
  ]);
});

test('[O15] the zoomed function has the whole width, under its callers', () => {
  expect(shown(boxesOf(named('page')))).toEqual([
    ['all', 0, 1],
    ['serve', 0, 1],
    ['page', 0, 1],
    ['decode', 0, 0.75],
  ]);
});

test('[O15] arrow keys lead to caller, widest callee and neighbours', () => {
  const boxes = boxesOf(tree);
  const next = (from: string, key: string) => neighbourOf(boxes, named(from), key)?.frame?.name;
  expect(next('page', 'ArrowUp')).toBe('serve');
  expect(next('serve', 'ArrowDown')).toBe('page');
  expect(next('page', 'ArrowRight')).toBe('login');
  expect(next('page', 'ArrowLeft')).toBeUndefined();
  expect(next('decode', 'ArrowDown')).toBeUndefined();
});

test('[O15] search finds functions and files in any case, and counts what is inside a match once', () => {
  expect(isMatch(named('decode'), 'DEC')).toBe(true);
  expect(isMatch(named('login'), 'packages/login')).toBe(true);
  expect(isMatch(tree, '')).toBe(false);
  expect(matchedShare(tree, 'e')).toBe(1);
  expect(matchedShare(tree, 'page')).toBe(0.8);
  expect(matchedShare(tree, 'nothing')).toBe(0);
});
