// Every declared option is read by the code it configures. Prints those that nothing reads.

import { camelCase, options } from '@hongyan/server/config/options';
import { readSources, type SourceFile } from './import-graph.ts';

/** Where options are declared, parsed and validated: a mention there is no use. */
const declarations = /^packages\/server\/src\/config\/(options(\/\w+)?|load)\.ts$/;
const readers = /^packages\/(server|cli)\/src\//;
const tests = /\.test\.ts$|\/testing\//;

/** In camelCase, the names of `declared` that no file takes from a Config: `config.name`, or `name` in its destructuring. */
export function unreadOptions(declared: readonly string[], files: readonly SourceFile[]): string[] {
  const read = new Set(
    files
      .filter(({ path }) => readers.test(path) && !tests.test(path) && !declarations.test(path))
      .flatMap(({ text }) => [...text.matchAll(property), ...text.matchAll(destructuring)])
      .flatMap(([, names = '']) => names.split(',').map((name) => name.trim().replace(/\s*[:=].*/s, ''))),
  );
  return declared.map(camelCase).filter((name) => !read.has(name));
}

const property = /\bconfig\.(\w+)/g;
const destructuring = /\{([^{}]*)\}\s*(?::\s*(?:Pick<)?Config\b|=\s*config\b)/g;

if (import.meta.main) {
  const unread = unreadOptions(
    options.map(({ name }) => name),
    await readSources(),
  );
  for (const name of unread) console.error(`option ${name}: nothing reads it; use it or remove it`);
  console.log(`options: ${options.length} declared, ${unread.length} unread`);
  if (unread.length > 0) process.exit(1);
}
