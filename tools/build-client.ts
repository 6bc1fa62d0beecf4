// make build: the client library as a file without imports, for pages and programs that take no packages, and beside it the storage
// for browsers, which bots and servers can leave out.

import { join } from 'node:path';
import { rolldown } from 'rolldown';
import { parseAst } from 'rolldown/parseAst';

const root = join(import.meta.dir, '..');
/** Output → source in packages/client/src. */
export const clientFiles = { 'hongyan-client': 'client', 'hongyan-indexed-db': 'indexed-db-storage' } as const;

/** Resolves with the size of each file; rejects with the bundler's messages. */
export async function buildClient(folder: string): Promise<Readonly<Record<string, number>>> {
  const sizes: Record<string, number> = {};
  for (const [name, source] of Object.entries(clientFiles)) {
    const text = await bundled(join(root, `packages/client/src/${source}.ts`));
    if (/^\s*(import|export)\b.*\bfrom\b/m.test(text)) throw new Error(`${name} depends on something at run time`);
    sizes[name] = await Bun.write(join(folder, `${name}.js`), text);
  }
  return sizes;
}

async function bundled(input: string): Promise<string> {
  const build = await rolldown({ input, platform: 'browser' });
  try {
    const { output } = await build.generate({ format: 'esm', minify: true });
    // Hints for a bundler that would use the file as a source.
    return inLines(output[0].code.replaceAll('/* @__PURE__ */ ', ''));
  } finally {
    await build.close();
  }
}

/** A line for each statement and each member of a class: an error that nobody catches is shown with its line. */
function inLines(code: string): string {
  const starts = parseAst(code).body.flatMap((statement) => [statement.start, ...membersOf(statement)]);
  return starts.map((start, index) => code.slice(start, starts[index + 1])).join('\n');
}

function membersOf(statement: ReturnType<typeof parseAst>['body'][number]): readonly number[] {
  if (statement.type !== 'VariableDeclaration') return [];
  const classes = statement.declarations.flatMap(({ init }) => (init?.type === 'ClassExpression' ? init : []));
  return classes.flatMap(({ body }) => body.body.map(({ start }) => start));
}

if (import.meta.main) {
  for (const [name, bytes] of Object.entries(await buildClient(join(root, 'dist'))))
    console.log(`dist/${name}.js: ${Math.ceil(bytes / 1000)} KB`);
}
