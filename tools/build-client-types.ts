// make build: the declarations of the built client library, one file without imports, and of the storage beside it. Applications
// compile against them without this repository and without the schemas of the wire.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { type Plugin, rolldown } from 'rolldown';
import { dts } from 'rolldown-plugin-dts';
import { clientFiles } from './build-client.ts';

const root = join(import.meta.dir, '..');
const sourceFolder = 'packages/client/src';
/** As the declarations beside it import it. */
const library = './hongyan-client.js';
/** Whose types the library uses. */
const packages = ['base', 'protocol'] as const;

/** Resolves with the size of each file; rejects with the compiler's or the bundler's messages. */
export async function buildClientTypes(outFolder: string): Promise<Readonly<Record<string, number>>> {
  const folder = await mkdtemp(join(tmpdir(), 'hongyan-client-types-'));
  try {
    await emitDeclarations(folder);
    const sizes: Record<string, number> = {};
    for (const [name, source] of Object.entries(clientFiles)) {
      const text = await bundled(folder, { name, source });
      const imported = [...text.matchAll(/\bfrom\s*['"]([^'"]+)|\bimport\(['"]([^'"]+)/g)].map(
        ([, from, of]) => from ?? of,
      );
      if (imported.some((one) => source === 'client' || one !== library))
        throw new Error(`the declarations of ${name} import ${imported.join(', ')}`);
      sizes[name] = await Bun.write(join(outFolder, `${name}.d.ts`), text);
    }
    return sizes;
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** One declaration file for each source file that the library reaches, below `folder` as below the root of the repository. */
async function emitDeclarations(folder: string): Promise<void> {
  const config = join(folder, 'tsconfig.json');
  const options = {
    extends: join(root, 'tsconfig.json'),
    compilerOptions: {
      ...{ noEmit: false, declaration: true, emitDeclarationOnly: true, rootDir: root, outDir: folder },
      typeRoots: [join(root, 'node_modules/@types')],
      // The compiler emits nothing for what it finds below node_modules, where the packages are links.
      paths: Object.fromEntries(
        packages.map((name) => [`@hongyan/${name}/*`, [join(root, `packages/${name}/src/*.ts`)]]),
      ),
    },
    files: Object.values(clientFiles).map((source) => join(root, sourceFolder, `${source}.ts`)),
    include: [],
  };
  await Bun.write(config, JSON.stringify(options));
  const compiler = Bun.spawn([process.execPath, join(root, 'node_modules/.bin/tsc'), '-p', config]);
  const messages = await new Response(compiler.stdout).text();
  if ((await compiler.exited) !== 0) throw new Error(`the compiler emitted no declarations:\n${messages}`);
}

/** Types that no exported type needs are left out. The generator has nothing to do: the compiler has emitted the declarations. */
async function bundled(
  folder: string,
  { name, source }: { readonly name: string; readonly source: string },
): Promise<string> {
  const build = await rolldown({
    input: { [`${name}.d`]: join(folder, sourceFolder, `${source}.d.ts`) },
    plugins: [declarationsOf(folder, source), dts({ dtsInput: true, oxc: true, sourcemap: false })],
  });
  try {
    const { output } = await build.generate({ format: 'es' });
    return output[0].code;
  } finally {
    await build.close();
  }
}

/** Declarations import source files, relative or by the name of their package; the bundler needs the files that were emitted. */
function declarationsOf(folder: string, source: string): Plugin {
  return {
    name: 'emitted-declarations',
    resolveId(specifier, importer) {
      const inPackage = specifier.match(/^@hongyan\/(\w+)\/(.+)$/);
      if (inPackage) return join(folder, `packages/${inPackage[1]}/src/${inPackage[2]}.d.ts`);
      if (!specifier.startsWith('.') || importer === undefined) return null;
      // The types of the library are those of its own file: its branded ids are one type.
      if (source !== 'client' && ['./api.ts', './client-storage.ts', './client-options.ts'].includes(specifier))
        return { id: library, external: true };
      return join(folder, relative(folder, join(importer, '..', specifier)).replace(/\.ts$/, '.d.ts'));
    },
  };
}

if (import.meta.main) {
  for (const [name, bytes] of Object.entries(await buildClientTypes(join(root, 'dist'))))
    console.log(`dist/${name}.d.ts: ${Math.ceil(bytes / 1000)} KB`);
}
