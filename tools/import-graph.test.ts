// Imports read from source text, and the circles among them.

import { expect, test } from 'bun:test';
import { circles, importsOf } from './import-graph.ts';

test('an import is found in every form, with the path it leads to', () => {
  const text = [
    "import type { A } from './a.ts';",
    'import {',
    '  b,',
    "} from '../b.tsx';",
    "import './side-effect.ts';",
    "export { c } from '@hongyan/base/clock';",
    "const d = await import('@hongyan/client');",
    "import { e } from 'jose';",
    "import f from './f.proto' with { type: 'text' };",
    "// from './comment.ts' is not one: 'quoted' text stands before it",
    "test('a title: import { x } from here', () => {});",
  ].join('\n');
  const found = importsOf({ path: 'packages/server/src/roles/x.ts', text });
  expect(found.flatMap(({ line, target }) => (target === undefined ? [] : [[line, target]]))).toEqual([
    [1, 'packages/server/src/roles/a.ts'],
    [4, 'packages/server/src/b.tsx'],
    [5, 'packages/server/src/roles/side-effect.ts'],
    [6, 'packages/base/src/clock.ts'],
    [7, 'packages/client/src/client.ts'],
  ]);
});

test('a circle is found once, whichever of its files is read first; a diamond is none', () => {
  const a = { path: 'x/a.ts', text: "import type { B } from './b.ts';" };
  const b = { path: 'x/b.ts', text: "import { c } from './c.ts';" };
  const c = { path: 'x/c.ts', text: "export { a } from './a.ts';" };
  const expected = [['x/a.ts', 'x/b.ts', 'x/c.ts', 'x/a.ts']];
  expect(circles([a, b, c])).toEqual(expected);
  expect(circles([c, b, a])).toEqual(expected);
  const top = { path: 'x/top.ts', text: "import './b.ts';\nimport './c.ts';" };
  expect(circles([top, b, { path: 'x/c.ts', text: '' }])).toEqual([]);
});
