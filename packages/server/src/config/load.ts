// From flags, environment and file to the effective configuration, or to a message that says what to change.

import { parseAddress } from '@hongyan/base/address';
import { parseNetworks } from '@hongyan/base/networks';
import { closest, distance } from 'fastest-levenshtein';
import { parse as parseToml } from 'smol-toml';
import type { Option } from './option.ts';
import { type Config, camelCase, environmentName, fileKey, options } from './options.ts';
import { parseRoles } from './roles.ts';
import { kafkaBrokers, mysqlServer, redisServers, withoutPasswords } from './servers.ts';
import { parseTiers } from './tiers.ts';

export type Source = 'default' | 'file' | 'environment' | 'flag';

export type Loaded =
  | {
      readonly type: 'ok';
      readonly config: Config;
      readonly sources: Readonly<Record<string, Source>>;
      /** Positional words, in order; all that stands behind `--` is one. */
      readonly words: readonly string[];
      /** The command's own switches that were given. */
      readonly switches: ReadonlySet<string>;
      /** The command's own flags with a value. */
      readonly values: ReadonlyMap<string, string>;
      /** What was ignored, and why: for the operator. */
      readonly warnings: readonly string[];
    }
  | { readonly type: 'error'; readonly message: string };

export interface LoadInput {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The text of the file named by --config or HONGYAN_CONFIG. May throw. */
  readonly readFile: (path: string) => string;
  /** Flags without a value that the command itself takes, without the dashes. */
  readonly switches?: readonly string[];
  /** Flags with a value that the command itself takes. */
  readonly values?: readonly string[];
  /** The options that the command takes as flags; the others come from environment and file only. Default: all. */
  readonly takes?: readonly string[];
}

class ConfigError extends Error {}

/** Flag beats environment beats file beats default. */
export function loadConfig(input: LoadInput): Loaded {
  try {
    const { flags, ...own } = readFlags(input);
    const { values: environment, foreign } = readEnvironment(input.env);
    const path = flags.get('config') ?? environment.get('config');
    const file = readFileOptions(path, input.readFile);
    const values: Record<string, string | number | boolean> = {};
    const sources: Record<string, Source> = {};
    for (const option of options) {
      const found = (
        [
          ['flag', flags.get(option.name), `--${option.name}`],
          ['environment', environment.get(option.name), environmentName(option.name)],
          ['file', file.get(option.name), `${path}: ${fileKey(option.name)}`],
        ] as const
      ).find(([, value]) => value !== undefined);
      const [source, value, where] = found ?? ['default', option.default, ''];
      sources[option.name] = source;
      values[camelCase(option.name)] = source === 'default' ? option.default : check(option, value, { source, where });
    }
    const config = values as unknown as Config;
    checkTogether(config);
    return { type: 'ok', config, sources, ...own, warnings: foreign.length === 0 ? [] : [foreignWarning(foreign)] };
  } catch (error) {
    if (error instanceof ConfigError) return { type: 'error', message: error.message };
    throw error;
  }
}

const known = (): string[] => [...options.map((option) => option.name), 'config'];

function readFlags({ argv, switches = [], values = [], takes }: LoadInput) {
  const read = {
    flags: new Map<string, string>(),
    words: [] as string[],
    switches: new Set<string>(),
    values: new Map<string, string>(),
  };
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i] ?? '';
    if (word === '--') {
      read.words.push(...argv.slice(i + 1));
      break;
    }
    const [, name, inline] = word.match(/^--([^=]+)(?:=(.*))?$/s) ?? [];
    if (name === undefined) {
      if (/^-[^-]/.test(word)) throw new ConfigError(`unknown option ${word}; options start with two dashes`);
      read.words.push(word);
    } else if (switches.includes(name)) {
      if (inline !== undefined) throw new ConfigError(`--${name} takes no value`);
      read.switches.add(name);
    } else {
      const option = values.includes(name) ? undefined : optionNamed(name, { switches, values, takes });
      const isSwitch = option?.type === 'switch';
      if (isSwitch && option.name !== name && inline !== undefined) throw new ConfigError(`--${name} takes no value`);
      const value = inline ?? (isSwitch ? String(option.name === name) : argv[++i]);
      if (value === undefined) throw new ConfigError(`--${name} needs a value`);
      (values.includes(name) ? read.values : read.flags).set(option?.name ?? name, value);
    }
  }
  return read;
}

/** The option of a flag, `--no-` before the name of a switch included; undefined for --config, which is none. */
function optionNamed(name: string, own: Pick<LoadInput, 'switches' | 'values' | 'takes'>): Option | undefined {
  if (name === 'config') return undefined;
  const { switches = [], values = [], takes = options.map((option) => option.name) } = own;
  const option = options.find(
    (candidate) => candidate.name === name || (candidate.type === 'switch' && `no-${candidate.name}` === name),
  );
  if (option && takes.includes(option.name)) return option;
  if (option) throw new ConfigError(`this command does not take --${name}`);
  const negated = options.filter((each) => each.type === 'switch').map((each) => `no-${each.name}`);
  const candidates = ['config', ...takes, ...switches, ...values, ...(name.startsWith('no-') ? negated : [])].map(
    (each) => `--${each}`,
  );
  throw new ConfigError(unknownName(`--${name}`, candidates));
}

/** Options by name, and the variables with our prefix that are none of them. Throws when one of those looks misspelt. */
function readEnvironment(env: LoadInput['env']) {
  const byVariable = new Map(known().map((name) => [environmentName(name), name]));
  const values = new Map<string, string>();
  const foreign: string[] = [];
  for (const [variable, value] of Object.entries(env)) {
    if (!variable.startsWith(prefix) || value === undefined || otherVariables.includes(variable)) continue;
    const name = byVariable.get(variable);
    if (name !== undefined) values.set(name, value);
    else if (isMisspelt(variable, [...byVariable.keys()]))
      throw new ConfigError(unknownName(variable, [...byVariable.keys()]));
    else foreign.push(variable);
  }
  return { values, foreign };
}

const prefix = 'HONGYAN_';

/** Read by the tests, the terminal client and the samples of the documents, not options of the server. */
const otherVariables = [
  'HONGYAN_SEED',
  'HONGYAN_FAULT_ROUNDS',
  'HONGYAN_CHROMIUM',
  'HONGYAN_PASSWORD',
  'HONGYAN_KEY',
  'HONGYAN_URL',
  'HONGYAN_SERVICES',
];

/**
 * The variables that Kubernetes sets in every pod for a Service whose name begins with "hongyan", and Docker for a linked
 * container: HONGYAN_SERVICE_HOST, HONGYAN_CHAT_SERVICE_PORT_HTTP, HONGYAN_PORT, HONGYAN_PORT_8080_TCP_ADDR …
 */
const serviceVariable = /_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$/;

/** So near to an option that its author meant that one: two letters differ, or a third of a longer name. */
function isMisspelt(variable: string, candidates: readonly string[]): boolean {
  if (serviceVariable.test(variable)) return false;
  const nearest = closest(variable, candidates);
  return distance(variable, nearest) <= Math.max(2, (nearest.length - prefix.length) / 3);
}

const foreignWarning = (variables: readonly string[]): string =>
  `ignored environment variables that are not options of Hongyan: ${[...variables].sort().join(', ')}`;

function readFileOptions(path: string | undefined, readFile: LoadInput['readFile']): Map<string, unknown> {
  if (path === undefined) return new Map();
  let parsed: Record<string, unknown>;
  try {
    parsed = parseToml(readFile(path));
  } catch (error) {
    throw new ConfigError(`${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  const byKey = new Map(options.map((option) => [fileKey(option.name), option.name]));
  return new Map(
    Object.entries(parsed).map(([key, value]) => {
      const name = byKey.get(key);
      if (name === undefined) throw new ConfigError(`${path}: ${unknownName(key, [...byKey.keys()])}`);
      return [name, value];
    }),
  );
}

function unknownName(name: string, candidates: readonly string[]): string {
  const nearest = closest(name, candidates);
  const isNear = distance(name, nearest) <= nearest.length / 2;
  return `unknown option ${name}; ${isNear ? `did you mean ${nearest}?` : '--help lists them'}`;
}

/** Flags and variables are texts. A file has types: there a value of another type than the option's is a mistake. */
function check(option: Option, given: unknown, { source, where }: { readonly source: Source; readonly where: string }) {
  const value = source === 'file' ? given : fromText(option, String(given));
  const refuse = (expected: string): never => {
    throw new ConfigError(`${where} must be ${expected}, not ${JSON.stringify(given)}`);
  };
  switch (option.type) {
    case 'text':
      if (typeof value !== 'string') return refuse('a text in quotes');
      return option.oneOf?.includes(value) === false ? refuse(`one of ${option.oneOf.join(', ')}`) : value;
    case 'switch':
      return typeof value === 'boolean' ? value : refuse('true or false');
    case 'number': {
      const isWithin =
        typeof value === 'number' && Number.isInteger(value) && value >= option.min && value <= option.max;
      return isWithin ? value : refuse(`a whole number of ${option.unit} from ${option.min} to ${option.max}`);
    }
  }
}

/** The value that a text stands for; the text itself where it stands for none. */
function fromText({ type }: Option, text: string): string | number | boolean {
  if (type === 'number' && /^\d+$/.test(text)) return Number(text);
  if (type === 'switch' && ['true', '1'].includes(text)) return true;
  if (type === 'switch' && ['false', '0'].includes(text)) return false;
  return text;
}

function checkTogether(config: Config): void {
  const { listen, operatorListen, tlsCert, tlsKey, contentBytesMax, frameBytesMax, connectionBacklogBytesMax } = config;
  // Paths below it would be those of the folder that the process happens to be in.
  if (config.data === '') throw new ConfigError('data must be a folder, for example ./data, not ""');
  if (!isAddress(listen))
    throw new ConfigError(`listen must be host:port, for example 127.0.0.1:8080, not "${listen}"`);
  if (operatorListen !== '' && !isAddress(operatorListen))
    throw new ConfigError(
      `operator-listen must be host:port, for example 127.0.0.1:8090, or empty, not "${operatorListen}"`,
    );
  if (operatorListen === listen && !listen.endsWith(':0'))
    throw new ConfigError('operator-listen and listen are two addresses: clients must not reach what is for operators');
  checkHttpUrl('public-url', config.publicUrl, 'https://chat.example.org');
  checkHttpUrl('trace-url', config.traceUrl, 'http://127.0.0.1:4318/v1/traces');
  checkLimits(config);
  checkCluster(config);
  if ((tlsCert === '') !== (tlsKey === '')) throw new ConfigError('tls-cert and tls-key go together');
  checkIssuer(config);
  if (contentBytesMax > frameBytesMax) throw new ConfigError('content-bytes-max is at most frame-bytes-max');
  // A single message would exceed the backlog and close each receiver as a slow consumer.
  if (contentBytesMax > connectionBacklogBytesMax / 2)
    throw new ConfigError('content-bytes-max is at most half of connection-backlog-bytes-max');
}

function checkHttpUrl(name: string, value: string, example: string): void {
  if (value !== '' && !['http:', 'https:'].includes(URL.parse(value)?.protocol ?? ''))
    throw new ConfigError(`${name} must be a URL such as ${example}, not "${withoutPasswords(value)}"`);
}

function checkLimits({ tiers, defaultTier, trustedProxies }: Config): void {
  const known = orConfigError('tiers', () => parseTiers(tiers));
  if (!known.has(defaultTier))
    throw new ConfigError(`default-tier must be one of ${[...known.keys()].join(', ')}, not "${defaultTier}"`);
  orConfigError('trusted-proxies', () => parseNetworks(trustedProxies));
}

function orConfigError<T>(name: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw new ConfigError(`${name}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function checkIssuer({ jwtJwks, jwtIssuer, jwtAudience }: Config): void {
  const given = [jwtJwks, jwtIssuer, jwtAudience].filter((value) => value !== '').length;
  // Without an audience, tokens for any other service of the same issuer would be accepted.
  if (given !== 0 && given !== 3) throw new ConfigError('jwt-jwks, jwt-issuer and jwt-audience go together');
  if (/^http:\/\//.test(jwtJwks) && !/^http:\/\/(localhost|127\.\d+\.\d+\.\d+|\[::1\])[:/]/.test(jwtJwks))
    throw new ConfigError(
      'jwt-jwks is an https URL, or a file: whoever can change an answer on its way could sign tokens',
    );
}

function checkCluster(config: Config): void {
  const { profile, roles, node, gateways, clusterName, linkListen, linkAddress, operatorAddress } = config;
  const wanted = orConfigError('roles', () => parseRoles(roles));
  if (profile === 'embedded') {
    if (wanted.size < 3)
      throw new ConfigError('the embedded profile has all roles in one server: roles needs profile cluster');
    return;
  }
  if (gateways > 1)
    throw new ConfigError(
      'gateways is for the embedded profile: in a cluster, start further processes with roles gateway',
    );
  if (!/^[a-z][a-z0-9_-]{0,31}$/.test(clusterName))
    throw new ConfigError(`cluster-name must be 1 to 32 lower-case letters, digits, - and _, not "${clusterName}"`);
  if (node !== '' && !/^[\w.-]{1,64}$/.test(node))
    throw new ConfigError(`node must be 1 to 64 letters, digits, dots, - and _, not "${node}"`);
  const addresses = { 'link-listen': linkListen, 'link-address': linkAddress, 'operator-address': operatorAddress };
  for (const [name, address] of Object.entries(addresses))
    if (!isAddress(address) && !(name !== 'link-listen' && address === ''))
      throw new ConfigError(`${name} must be host:port, for example 127.0.0.1:7400, not "${address}"`);
  if (linkAddress === '' && /^[0:.]+$/.test(parseAddress(linkListen).hostname))
    throw new ConfigError(
      `link-listen ${linkListen} listens on every address of the machine: set link-address to the one at which gateways reach this core`,
    );
  checkLinkTls(config);
  orConfigError('mysql-url', () => mysqlServer(config, 'timeline'));
  orConfigError('kafka-brokers', () => kafkaBrokers(config));
  orConfigError('redis-urls', () => redisServers(config));
}

function checkLinkTls({ linkTlsCert, linkTlsKey, linkTlsCa }: Config): void {
  const given = [linkTlsCert, linkTlsKey, linkTlsCa].filter((value) => value !== '').length;
  if (given !== 0 && given !== 3) throw new ConfigError('link-tls-cert, link-tls-key and link-tls-ca go together');
}

const isAddress = (text: string): boolean => Number(text.match(/^.+:(\d{1,5})$/)?.[1] ?? Number.NaN) <= 65_535;
