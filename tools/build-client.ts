// make build: the client library as one file without imports, for pages and programs that take no packages.

import { join } from 'node:path';
import { rolldown } from 'rolldown';

const root = join(import.meta.dir, '..');

/** Resolves with the size; rejects with the bundler's messages. */
export async function buildClient(outfile: string): Promise<{ readonly bytes: number }> {
  const text = await bundled();
  if (/^\s*(import|export)\b.*\bfrom\b/m.test(text))
    throw new Error('the client library depends on something at run time');
  return { bytes: await Bun.write(outfile, text) };
}

async function bundled(): Promise<string> {
  const build = await rolldown({ input: join(root, 'packages/client/src/client.ts'), platform: 'browser' });
  try {
    const { output } = await build.generate({ format: 'esm', minify: true });
    // Hints for a bundler that would use the file as a source.
    return output[0].code.replaceAll('/* @__PURE__ */ ', '');
  } finally {
    await build.close();
  }
}

if (import.meta.main) {
  const outfile = join(root, 'dist/hongyan-client.js');
  const { bytes } = await buildClient(outfile);
  console.log(`dist/hongyan-client.js: ${Math.ceil(bytes / 1000)} KB`);
}
