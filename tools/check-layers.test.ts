// Each rule of the layers broken once, and imports that keep them all.

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
  [
    'a role that imports a shared part of adapters',
    `${server}/roles/core/a.ts`,
    "import { x } from '../../adapters/sqlite/open.ts';",
    'roles does not import adapters',
  ],
  [
    'an adapter in a folder of its technology',
    `${server}/roles/core/a.ts`,
    "import { x } from '../../ports/timeline/sqlite/month-files.ts';",
    'only compose/',
  ],
  [
    'a port that imports its adapter',
    `${server}/ports/timeline/timeline.ts`,
    "import type { X } from './sqlite-timeline.ts';",
    'a port does not import its adapters',
  ],
  [
    'the server that imports the client library',
    `${server}/compose/a.ts`,
    "import { x } from '@hongyan/client';",
    'compose does not import client',
  ],
  [
    'the terminal chat that imports the command line',
    'apps/terminal/src/a.ts',
    "import { x } from '@hongyan/cli/text';",
    'terminal does not import cli',
  ],
  [
    'product code that imports a test clock',
    `${server}/roles/core/a.ts`,
    "import { x } from '@hongyan/testing/manual-clock';",
    'only tests',
  ],
  [
    'product code that imports a contract suite',
    `${server}/ports/timeline/sqlite-timeline.ts`,
    "import { x } from './testing/contract.ts';",
    'only tests',
  ],
  [
    'a scenario that imports from the fault tests',
    'tests/scenarios/a.test.ts',
    "import { x } from '../faults/device.ts';",
    'tests/scenarios does not import tests/faults',
  ],
  ['a package that no layer has', 'packages/new/src/a.ts', '', 'belongs to no layer'],
])('%s is found', (_name, path, text, what) => {
  expect(violations({ path, text }).join()).toContain(what);
});

test('what runs the right way is fine', () => {
  expect(violations({ path: `${server}/roles/core/a.ts`, text: "import { x } from '../../domain/a.ts';" })).toEqual([]);
  expect(violations({ path: `${server}/compose/a.ts`, text: "import { x } from '../roles/core/core.ts';" })).toEqual(
    [],
  );
  expect(violations({ path: 'packages/base/src/clock.ts', text: 'nowMs: () => Date.now(),' })).toEqual([]);
  const testClock = "import { x } from '@hongyan/testing/manual-clock';";
  for (const path of [`${server}/roles/core/a.test.ts`, `${server}/roles/core/testing/a.ts`, 'bench/a.ts'])
    expect(violations({ path, text: testClock })).toEqual([]);
});
