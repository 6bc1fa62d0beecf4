import { expect, test } from 'bun:test';
import { violations } from './check-layers.ts';

const server = 'packages/server/src';

test.each([
  [
    'a port that imports a role',
    `${server}/ports/core/core.ts`,
    "import { x } from '../../roles/core/core.ts';",
    'ports does not import roles',
  ],
  [
    'a role that imports another',
    `${server}/roles/gateway/a.ts`,
    "import { x } from '../core/core.ts';",
    'they meet at ports',
  ],
  [
    'a role that imports an adapter',
    `${server}/roles/core/a.ts`,
    "import { x } from '../../ports/timeline/sqlite-timeline.ts';",
    'only compose/',
  ],
  [
    'base that imports protocol',
    'packages/base/src/a.ts',
    "import { x } from '@hongyan/protocol/ids';",
    'base does not import protocol',
  ],
  ['domain with input or output', `${server}/domain/a.ts`, "import { x } from 'node:fs';", 'no input or output'],
  ['domain that waits', `${server}/domain/a.ts`, 'await x;', 'does not wait'],
  ['a clock of its own', `${server}/roles/core/a.ts`, 'const now = Date.now();', 'time and randomness'],
])('%s is found', (_name, path, text, what) => {
  expect(violations({ path, text }).join()).toContain(what);
});

test('what runs the right way is fine', () => {
  expect(violations({ path: `${server}/roles/core/a.ts`, text: "import { x } from '../../domain/a.ts';" })).toEqual([]);
  expect(violations({ path: `${server}/compose/a.ts`, text: "import { x } from '../roles/core/core.ts';" })).toEqual(
    [],
  );
  expect(violations({ path: 'packages/base/src/clock.ts', text: 'nowMs: () => Date.now(),' })).toEqual([]);
});
