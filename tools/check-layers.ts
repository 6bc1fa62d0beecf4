// Imports run one way: base → protocol → domain → ports → roles → compose → cli. Prints every import that does not.

import { dirname, join, normalize } from 'node:path';
import { Glob } from 'bun';

/** Lowest first: a file may import from its own layer and the ones before. */
const layers: readonly (readonly [string, RegExp])[] = [
  ['base', /^packages\/base\/src\//],
  ['protocol', /^packages\/protocol\/src\//],
  ['client', /^packages\/client\/src\//],
  ['domain', /^packages\/server\/src\/domain\//],
  ['ports', /^packages\/server\/src\/ports\//],
  ['config', /^packages\/server\/src\/config\//],
  ['roles', /^packages\/server\/src\/roles\//],
  ['compose', /^packages\/server\/src\/compose\//],
  ['cli', /^packages\/server\/src\/cli\//],
];

/** Time and randomness are passed in; only these may reach for the machine's. */
const clockOwners = /^packages\/base\/src\//;
const clockCalls = /\b(Date\.now|setTimeout|setInterval|setImmediate|Math\.random)\(/;
const inputOutput = /^(node:|bun$|bun:)/;

export interface SourceFile {
  /** From the root of the repository. */
  readonly path: string;
  readonly text: string;
}

/** One line per violation: file:line: what. */
export function violations({ path, text }: SourceFile): string[] {
  const layer = layerOf(path);
  if (layer < 0 || path.endsWith('.test.ts') || path.includes('/testing/')) return [];
  const found: string[] = [];
  text.split('\n').forEach((line, index) => {
    const at = `${path}:${index + 1}`;
    const specifier = line
      .match(/\bfrom '([^']+)'|\bimport\('([^']+)'\)|^import '([^']+)'/)
      ?.slice(1)
      .find(Boolean);
    if (specifier !== undefined) found.push(...importViolations(path, specifier).map((what) => `${at}: ${what}`));
    const isComment = /^\s*(\/\/|\*|\/\*)/.test(line);
    if (!isComment && path.startsWith('packages/server/') && !clockOwners.test(path) && clockCalls.test(line)) {
      found.push(`${at}: time and randomness come from base's clock, uuid and soon`);
    }
    if (layers[layer]?.[0] === 'domain' && !isComment && /\bawait\b|\basync\b/.test(line))
      found.push(`${at}: domain/ does not wait`);
  });
  return found;
}

function importViolations(path: string, specifier: string): string[] {
  const from = layerOf(path);
  if (layers[from]?.[0] === 'domain' && inputOutput.test(specifier)) return ['domain/ has no input or output'];
  const target = resolve(path, specifier);
  const to = target === undefined ? -1 : layerOf(target);
  if (target === undefined || to < 0) return [];
  const [fromName, toName] = [layers[from]?.[0], layers[to]?.[0]];
  if (to > from) return [`${fromName} does not import ${toName}`];
  const [fromRole, toRole] = [roleOf(path), roleOf(target)];
  if (fromRole && toRole && fromRole !== toRole)
    return [`role ${fromRole} does not import role ${toRole}: they meet at ports`];
  const isAdapter = /\/ports\/.*\/(sqlite|memory|redis|kafka|mysql)-/.test(target);
  if (isAdapter && fromName === 'roles') return ['only compose/ imports adapters'];
  return [];
}

function resolve(path: string, specifier: string): string | undefined {
  const workspace = specifier.match(/^@hongyan\/(\w+)(?:\/(.+))?$/);
  if (workspace) return `packages/${workspace[1]}/src/${workspace[2] ?? 'index'}.ts`;
  return specifier.startsWith('.') ? normalize(join(dirname(path), specifier)) : undefined;
}

const layerOf = (path: string): number => layers.findIndex(([, pattern]) => pattern.test(path));
const roleOf = (path: string): string | undefined => path.match(/\/roles\/(\w+)\//)?.[1];

if (import.meta.main) {
  const all: string[] = [];
  let count = 0;
  for (const path of new Glob('packages/*/src/**/*.{ts,tsx}').scanSync('.')) {
    count++;
    all.push(...violations({ path, text: await Bun.file(path).text() }));
  }
  for (const line of all.sort()) console.error(line);
  console.log(`layers: ${count} files, ${all.length} violations`);
  if (all.length > 0) process.exit(1);
}
