// make build: the client library as one file without imports, for pages and programs that take no packages.

import { join } from 'node:path';

const root = join(import.meta.dir, '..');

/** Resolves with the size; rejects with the bundler's messages. */
export async function buildClient(outfile: string): Promise<{ readonly bytes: number }> {
  const built = await Bun.build({
    entrypoints: [join(root, 'packages/client/src/client.ts')],
    target: 'browser',
    format: 'esm',
    minify: true,
  });
  const [script] = built.outputs;
  if (!script) throw new Error('the bundler produced no file');
  const text = await script.text();
  if (/^\s*(import|export)\b.*\bfrom\b/m.test(text))
    throw new Error('the client library depends on something at run time');
  return { bytes: await Bun.write(outfile, text) };
}

if (import.meta.main) {
  const outfile = join(root, 'dist/hongyan-client.js');
  const { bytes } = await buildClient(outfile);
  console.log(`dist/hongyan-client.js: ${Math.ceil(bytes / 1024)} KB`);
}
