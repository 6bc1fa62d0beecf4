// Which file imports which, read from the source text: type-only imports count, packages from outside do not.

import { dirname, join, normalize } from 'node:path';
import { Glob } from 'bun';

export interface SourceFile {
  /** From the root of the repository. */
  readonly path: string;
  readonly text: string;
}

export interface Import {
  readonly line: number;
  readonly specifier: string;
  /** Path from the root of the repository; undefined for a package from outside, the runtime and a file without code. */
  readonly target: string | undefined;
}

const sources = ['packages/*/src/**/*.{ts,tsx}', 'apps/*/src/**/*.{ts,tsx}', '{bench,tests,tools}/**/*.ts'];
const apps = ['chat', 'terminal'];

/** Every source file of the repository, sorted by path. */
export async function readSources(): Promise<readonly SourceFile[]> {
  const paths = sources.flatMap((pattern) => [...new Glob(pattern).scanSync('.')]);
  return Promise.all(paths.sort().map(async (path) => ({ path, text: await Bun.file(path).text() })));
}

export function importsOf({ path, text }: SourceFile): readonly Import[] {
  return text.split('\n').flatMap((line, index) => {
    const specifier = line
      .match(/^(?!\s*(?:\/\/|\*))[^'"`]*\bfrom '([^']+)'|\bimport\('([^']+)'\)|^import '([^']+)'/)
      ?.slice(1)
      .find(Boolean);
    return specifier === undefined ? [] : [{ line: index + 1, specifier, target: targetOf(path, specifier) }];
  });
}

/** Each circle once, as the paths along it, from its first file by name and back to that. */
export function circles(files: readonly SourceFile[]): readonly (readonly string[])[] {
  const graph = new Map(
    files.map((file) => [file.path, importsOf(file).flatMap(({ target }) => (target ? [target] : []))]),
  );
  const found = new Map<string, readonly string[]>();
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]): void => {
    const from = trail.indexOf(path);
    if (from >= 0) {
      const circle = fromFirst(trail.slice(from));
      found.set(circle.join(), circle);
    }
    if (from >= 0 || done.has(path)) return;
    for (const target of graph.get(path) ?? []) visit(target, [...trail, path]);
    done.add(path);
  };
  for (const path of graph.keys()) visit(path, []);
  return [...found.values()];
}

/** The same circle for every place it can be entered at. */
function fromFirst(circle: readonly string[]): readonly string[] {
  const first = [...circle].sort()[0] ?? '';
  const at = circle.indexOf(first);
  return [...circle.slice(at), ...circle.slice(0, at), first];
}

function targetOf(path: string, specifier: string): string | undefined {
  const [, name, file] = specifier.match(/^@hongyan\/(\w+)(?:\/(.+))?$/) ?? [];
  if (name !== undefined) return `${apps.includes(name) ? 'apps' : 'packages'}/${name}/src/${file ?? name}.ts`;
  const isSource = specifier.startsWith('.') && /\.tsx?$/.test(specifier);
  return isSource ? normalize(join(dirname(path), specifier)) : undefined;
}
