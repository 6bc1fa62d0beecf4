// make build: one executable with the server, its worker threads, the pages of /docs and the web client inside.

import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { type BunPlugin, Glob } from 'bun';

const root = join(import.meta.dir, '..');
/** The folder that holds every source of the executable: inside it, files keep their paths below this one. */
const sources = join(root, 'packages');

export interface BuildRequest {
  readonly outfile: string;
  /** The folder of the built web client; what is not there is not inside, and GET / answers 404 then. */
  readonly webDist?: string;
  /** The same of the operators' console. */
  readonly consoleDist?: string;
}

export interface BuildResult {
  readonly bytes: number;
  readonly workerCount: number;
  readonly webFileCount: number;
}

/** Rejects with the bundler's messages when it cannot be built; an executable that is there stays then. */
export async function buildExecutable({
  outfile,
  webDist = join(root, 'apps/chat/dist'),
  consoleDist = join(root, 'apps/admin/dist'),
}: BuildRequest): Promise<BuildResult> {
  const workers = await workerEntries();
  const webFiles = await filesBelow(webDist);
  const consoleFiles = await filesBelow(consoleDist);
  await mkdir(dirname(outfile), { recursive: true });
  // Beside the outcome, so that a rename puts it there whole: a running executable cannot be written over.
  const folder = await mkdtemp(join(dirname(outfile), '.build-'));
  try {
    const made = join(folder, 'hongyan');
    await Bun.build({
      entrypoints: [join(sources, 'cli/src/main.ts'), ...workers],
      root: sources,
      target: 'bun',
      sourcemap: 'inline',
      plugins: [
        pagesInside([
          { name: 'embeddedWebRoot', dist: webDist, files: webFiles },
          { name: 'embeddedConsole', dist: consoleDist, files: consoleFiles },
        ]),
        workersByPlace,
        kafkaInside,
      ],
      // What lies in the folder where the executable is started is not its configuration.
      compile: { outfile: made, autoloadDotenv: false, autoloadBunfig: false },
    });
    await rename(made, outfile);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return { bytes: Bun.file(outfile).size, workerCount: workers.length, webFileCount: webFiles.length };
}

/** A thread's module is an entry of its own: nothing imports it. */
async function workerEntries(): Promise<string[]> {
  const paths = await Array.fromAsync(new Glob('*/src/**/*.worker.ts').scan({ cwd: sources, absolute: true }));
  return paths.filter((path) => !path.includes('/testing/')).sort();
}

/**
 * Inside the executable every entry has its path below `root`, and the code of the main entry stands at the top: what
 * `new URL('./x.worker.ts', import.meta.url)` means in a source file, it has to mean from there.
 */
const workersByPlace: BunPlugin = {
  name: 'workers by place',
  setup(build) {
    build.onLoad({ filter: /packages[\\/][^\\/]+[\\/]src[\\/].*\.ts$/ }, async ({ path }) => {
      const text = await Bun.file(path).text();
      const contents = text.replace(
        /new URL\('(\.{1,2}\/[^']+\.worker)\.ts', import\.meta\.url\)/g,
        (_match, worker: string) =>
          `new URL('./${relative(sources, join(dirname(path), worker))}.js', import.meta.url)`,
      );
      return { contents, loader: 'ts' };
    });
  },
};

/** The client of Kafka reads its WebAssembly from a file beside it; it has it as a module too, which an executable can hold. */
export const kafkaInside: BunPlugin = {
  name: 'kafka inside',
  setup(build) {
    build.onResolve({ filter: /^@platformatic\/wasm-utils$/ }, () => ({
      path: join(root, 'node_modules/@platformatic/wasm-utils/dist/bundled.js'),
    }));
  },
};

interface Pages {
  /** The export that has them. */
  readonly name: string;
  readonly dist: string;
  readonly files: readonly string[];
}

/** Puts the files of the web client and of the console in the place of the module that has none when the server runs from its sources. */
function pagesInside(all: readonly Pages[]): BunPlugin {
  const contents = all.map(moduleOf).join('');
  return {
    name: 'pages inside',
    setup(build) {
      build.onLoad({ filter: /web[\\/]files-in-executable\.ts$/ }, () => ({ contents, loader: 'ts' }));
    },
  };
}

function moduleOf({ name, dist, files }: Pages): string {
  const imports = files.map(
    (path, index) => `import ${name}${index} from ${JSON.stringify(path)} with { type: 'file' };`,
  );
  const entries = files.map(
    (path, index) => `[${JSON.stringify(`/${relative(dist, path)}`)}, Bun.file(${name}${index})]`,
  );
  return `${imports.join('\n')}\nexport const ${name} = new Map([${entries.join(', ')}]);\n`;
}

async function filesBelow(folder: string): Promise<string[]> {
  const files = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return files
    .filter((file) => file.isFile())
    .map((file) => join(file.parentPath, file.name))
    .sort();
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { out: { type: 'string', default: join(root, 'dist/hongyan') } } });
  const { bytes, workerCount, webFileCount } = await buildExecutable({ outfile: values.out });
  const size = `${Math.round(bytes / 2 ** 20)} MiB`;
  console.log(`${values.out}: ${size}, ${workerCount} worker threads, ${webFileCount} files of the web client`);
  if (webFileCount === 0) console.log('apps/chat/dist is empty: build the web client first to have it inside');
}
