// Imports run one way: base → protocol → domain → ports → roles → compose → cli. Prints every import that does not, and every circle.

import { circles, type Import, importsOf, readSources, type SourceFile } from './import-graph.ts';

interface Layer {
  readonly name: string;
  readonly files: RegExp;
  /** Beside itself. */
  readonly mayImport: readonly string[];
}

const wire = ['base', 'protocol'];
const client = [...wire, 'client'];
const server = [
  ...wire,
  'profile',
  'profiles',
  'tracing',
  'metrics',
  'files',
  'domain',
  'ports',
  'adapters',
  'transport',
  'config',
  'http',
  'roles',
  'compose',
];

const layers: readonly Layer[] = [
  { name: 'base', files: /^packages\/base\/src\//, mayImport: [] },
  { name: 'protocol', files: /^packages\/protocol\/src\//, mayImport: ['base'] },
  { name: 'profile', files: /^packages\/profile\/src\//, mayImport: [] },
  { name: 'client', files: /^packages\/client\/src\//, mayImport: wire },
  { name: 'load', files: /^packages\/load\/src\//, mayImport: client },
  // What the web applications look like.
  { name: 'look', files: /^packages\/look\/src\//, mayImport: [] },
  { name: 'chat', files: /^apps\/chat\/src\//, mayImport: [...client, 'look'] },
  // Of the protocol only types: the shapes of the operator API.
  { name: 'admin', files: /^apps\/admin\/src\//, mayImport: ['base', 'protocol', 'look', 'profile'] },
  { name: 'terminal', files: /^apps\/terminal\/src\//, mayImport: client },
  // What every process and thread of the server can tell of itself.
  { name: 'profiles', files: /^packages\/server\/src\/profiles\//, mayImport: [...wire, 'profile'] },
  { name: 'tracing', files: /^packages\/server\/src\/tracing\//, mayImport: [] },
  { name: 'domain', files: /^packages\/server\/src\/domain\//, mayImport: wire },
  // What processes count, above all that counts.
  { name: 'metrics', files: /^packages\/server\/src\/metrics\//, mayImport: wire },
  // An adapter stands beside its port; what adapters of one technology share has a folder of its own.
  {
    name: 'ports',
    files: /^packages\/server\/src\/ports\//,
    mayImport: [...wire, 'profiles', 'tracing', 'metrics', 'files', 'domain', 'adapters'],
  },
  {
    name: 'adapters',
    files: /^packages\/server\/src\/adapters\//,
    mayImport: [...wire, 'profile', 'profiles', 'tracing', 'metrics', 'domain', 'ports'],
  },
  {
    name: 'transport',
    files: /^packages\/server\/src\/transport\//,
    mayImport: [...wire, 'metrics', 'domain', 'ports'],
  },
  // Files of the data folder that are private and durable: the configuration writes some, adapters others.
  { name: 'files', files: /^packages\/server\/src\/files\//, mayImport: wire },
  { name: 'config', files: /^packages\/server\/src\/config\//, mayImport: [...wire, 'files'] },
  { name: 'http', files: /^packages\/server\/src\/http\//, mayImport: wire },
  {
    name: 'roles',
    files: /^packages\/server\/src\/roles\//,
    mayImport: [...wire, 'profile', 'profiles', 'tracing', 'metrics', 'domain', 'ports', 'http'],
  },
  { name: 'compose', files: /^packages\/server\/src\/compose\//, mayImport: server },
  { name: 'cli', files: /^packages\/cli\/src\//, mayImport: [...server, 'client', 'load', 'terminal'] },
];

/** What tests share: imported by tests and measurements alone. */
const testSupport = /^packages\/testing\/src\/|\/testing\/|-for-test\./;
const tests = /\.test\.tsx?$|^(tests|bench|tools)\//;
const adapters = /\/server\/src\/(adapters\/|ports\/[\w-]+\/(sqlite|memory|file|redis|kafka|mysql)[-/])/;
const mayImportAdapters = ['ports', 'adapters', 'transport', 'compose'];
/** ports/timeline/timeline.ts: the interface and its words. */
const portInterface = /\/ports\/([\w-]+)\/\1\.ts$/;
/** Time and randomness are passed in: here the machine's are out of reach. */
const withoutClock = /^packages\/(server|cli)\//;
const clockCalls = /\b(Date\.now|setTimeout|setInterval|setImmediate|Math\.random)\(/;
const inputOutput = /^(node:|bun$|bun:)/;

/** One line per violation: file:line: what. */
export function violations(file: SourceFile): string[] {
  const { path } = file;
  if (testSupport.test(path)) return [];
  if (tests.test(path))
    return importsOf(file).flatMap((each) => located(path, each.line, neighbourViolation(path, each)));
  const layer = layerOf(path);
  if (!layer) return [`${path}: belongs to no layer; declare its folder in tools/check-layers.ts`];
  return [
    ...importsOf(file).flatMap((each) => located(path, each.line, importViolation(layer, path, each))),
    ...file.text.split('\n').flatMap((line, index) => located(path, index + 1, lineViolation(layer, path, line))),
  ];
}

const located = (path: string, line: number, what: string | undefined): string[] =>
  what === undefined ? [] : [`${path}:${line}: ${what}`];

function importViolation(layer: Layer, path: string, { specifier, target }: Import): string | undefined {
  if (layer.name === 'domain' && inputOutput.test(specifier)) return 'domain/ has no input or output';
  if (target === undefined) return undefined;
  if (testSupport.test(target)) return 'only tests import what is for tests';
  const to = layerOf(target);
  if (!to) return `${target} belongs to no layer`;
  if (to !== layer && !layer.mayImport.includes(to.name)) return `${layer.name} does not import ${to.name}`;
  const [fromRole, toRole] = [roleOf(path), roleOf(target)];
  if (fromRole && toRole && fromRole !== toRole)
    return `role ${fromRole} does not import role ${toRole}: they meet at ports`;
  if (!adapters.test(target)) return undefined;
  if (portInterface.test(path)) return 'a port does not import its adapters';
  return mayImportAdapters.includes(layer.name) ? undefined : 'only compose/ imports adapters';
}

/** Scenarios, faults and browser tests share through packages/testing and tests/ itself. */
function neighbourViolation(path: string, { target = '' }: Import): string | undefined {
  const [own, other] = [path, target].map((each) => each.match(/^tests\/([\w-]+)\//)?.[1]);
  if (own === undefined || other === undefined || own === other) return undefined;
  return `tests/${own} does not import tests/${other}: move what they share to packages/testing`;
}

function lineViolation({ name }: Layer, path: string, line: string): string | undefined {
  if (/^\s*(\/\/|\*|\/\*)/.test(line)) return undefined;
  if (withoutClock.test(path) && clockCalls.test(line))
    return "time and randomness come from base's clock, uuid and soon";
  return name === 'domain' && /\bawait\b|\basync\b/.test(line) ? 'domain/ does not wait' : undefined;
}

const layerOf = (path: string): Layer | undefined => layers.find(({ files }) => files.test(path));
const roleOf = (path: string): string | undefined => path.match(/\/roles\/(\w+)\//)?.[1];

if (import.meta.main) {
  const files = await readSources();
  const found = files.flatMap(violations);
  for (const circle of circles(files)) found.push(`a circle of imports: ${circle.join(' → ')}`);
  for (const line of found) console.error(line);
  console.log(`layers: ${files.length} files, ${found.length} violations`);
  if (found.length > 0) process.exit(1);
}
