// make build: the declarations of the client library as one file without imports, beside the built library. Applications compile
// against it without this repository and without the schemas of the wire.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { type Plugin, rolldown } from 'rolldown';
import { dts } from 'rolldown-plugin-dts';

const root = join(import.meta.dir, '..');
const entry = 'packages/client/src/client';
/** Whose types the library uses. */
const packages = ['base', 'protocol'] as const;

/** Resolves with the size; rejects with the compiler's or the bundler's messages. */
export async function buildClientTypes(outfile: string): Promise<{ readonly bytes: number }> {
  const folder = await mkdtemp(join(tmpdir(), 'hongyan-client-types-'));
  try {
    await emitDeclarations(folder);
    const text = await bundled(folder);
    if (/\bfrom\s*['"]|\bimport\(/.test(text))
      throw new Error('the declarations of the client library import something');
    return { bytes: await Bun.write(outfile, text) };
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
    files: [join(root, `${entry}.ts`)],
    include: [],
  };
  await Bun.write(config, JSON.stringify(options));
  const compiler = Bun.spawn([process.execPath, join(root, 'node_modules/.bin/tsc'), '-p', config]);
  const messages = await new Response(compiler.stdout).text();
  if ((await compiler.exited) !== 0) throw new Error(`the compiler emitted no declarations:\n${messages}`);
}

/** Types that no exported type needs are left out. The generator has nothing to do: the compiler has emitted the declarations. */
async function bundled(folder: string): Promise<string> {
  const build = await rolldown({
    input: { 'hongyan-client.d': join(folder, `${entry}.d.ts`) },
    plugins: [declarationsOf(folder), dts({ dtsInput: true, oxc: true, sourcemap: false })],
  });
  try {
    const { output } = await build.generate({ format: 'es' });
    return output[0].code;
  } finally {
    await build.close();
  }
}

/** Declarations import source files, relative or by the name of their package; the bundler needs the files that were emitted. */
function declarationsOf(folder: string): Plugin {
  return {
    name: 'emitted-declarations',
    resolveId(specifier, importer) {
      const inPackage = specifier.match(/^@hongyan\/(\w+)\/(.+)$/);
      if (inPackage) return join(folder, `packages/${inPackage[1]}/src/${inPackage[2]}.d.ts`);
      if (!specifier.startsWith('.') || importer === undefined) return null;
      return join(folder, relative(folder, join(importer, '..', specifier)).replace(/\.ts$/, '.d.ts'));
    },
  };
}

if (import.meta.main) {
  const { bytes } = await buildClientTypes(join(root, 'dist/hongyan-client.d.ts'));
  console.log(`dist/hongyan-client.d.ts: ${Math.ceil(bytes / 1024)} KB`);
}
