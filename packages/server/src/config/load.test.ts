// Loading the configuration: for every option each source, its order, and what cannot be; then what goes wrong around them.

import { describe, expect, test } from 'bun:test';
import { type Loaded, type LoadInput, loadConfig, type Source } from './load.ts';
import type { Option } from './option.ts';
import { camelCase, environmentName, fileKey, options } from './options.ts';

const all: readonly Option[] = options;
const path = 'hongyan.toml';

interface Given {
  readonly argv?: readonly string[];
  readonly env?: LoadInput['env'];
  /** The text of hongyan.toml; named by --config when there is one. */
  readonly file?: string;
}

function load({ argv = [], env = {}, file }: Given, more: Partial<LoadInput> = {}): Loaded {
  const readFile = (name: string) => {
    if (name === path && file !== undefined) return file;
    throw new Error(`no such file: ${name}`);
  };
  return loadConfig({ argv: [...argv, ...(file === undefined ? [] : ['--config', path])], env, readFile, ...more });
}

function effective(given: Given, name: string): { readonly value: unknown; readonly source: Source | undefined } {
  const loaded = load(given);
  if (loaded.type === 'error') throw new Error(loaded.message);
  const values: Readonly<Record<string, unknown>> = loaded.config;
  return { value: values[camelCase(name)], source: loaded.sources[name] };
}

function refusal(given: Given, more: Partial<LoadInput> = {}): string {
  const loaded = load(given, more);
  return loaded.type === 'error' ? loaded.message : 'accepted';
}

/** Three values, for a flag, a variable and a file; each differs from the one that it beats, wherever the option has so many. */
function valuesOf(option: Option): readonly (string | number | boolean)[] {
  if (option.type === 'switch') return [!option.default, option.default, !option.default];
  if (option.type === 'text') {
    const own = ownValues[option.name];
    if (own !== undefined) return own;
    if (option.name === 'listen' || option.name === 'operator-listen')
      return ['[::1]:0', 'localhost:65535', '0.0.0.0:1'];
    return option.oneOf ? [...option.oneOf, ...option.oneOf, ...option.oneOf].slice(-3) : ['one', '2', 'drei 鸿雁 "'];
  }
  return [option.min, option.max, Math.min(option.min + 1, option.max)];
}

/** Options whose texts have a form. */
const ownValues: Readonly<Record<string, readonly string[]>> = {
  tiers: ['free=1/2/3', 'free=4/5/6', 'free=7/8/9,gold=1000/2000/5000'],
  'public-url': ['https://one.example', 'http://two.example:8080', ''],
  'trace-url': ['http://one.example/v1/traces', 'https://two.example', ''],
  'default-tier': ['paid', 'unlimited', 'paid'],
  'trusted-proxies': ['10.0.0.0/8', '::1,192.0.2.7', ''],
  roles: ['core,gateway,worker', 'worker, core, gateway', 'gateway,worker,core'],
};

/** Options that are checked together get a partner that fits. */
const partners: Readonly<Record<string, readonly string[]>> = {
  'tls-cert': ['--tls-key=key.pem'],
  'tls-key': ['--tls-cert=cert.pem'],
  'jwt-jwks': ['--jwt-issuer=i', '--jwt-audience=a'],
  'jwt-issuer': ['--jwt-jwks=keys.json', '--jwt-audience=a'],
  'jwt-audience': ['--jwt-jwks=keys.json', '--jwt-issuer=i'],
  'content-bytes-max': [`--frame-bytes-max=${16 * 1024 * 1024}`, `--connection-backlog-bytes-max=${16 * 1024 * 1024}`],
  'frame-bytes-max': ['--content-bytes-max=256'],
  'connection-backlog-bytes-max': ['--content-bytes-max=256'],
};

for (const option of all) {
  describe(option.name, () => {
    const [one, two, three] = valuesOf(option);
    const partner = partners[option.name] ?? [];
    const file = `${fileKey(option.name)} = ${JSON.stringify(three)}\n`;
    const env = { [environmentName(option.name)]: String(two) };
    const argv = [...partner, `--${option.name}=${one}`];

    test('a flag beats the environment, which beats the file, which beats the default', () => {
      expect(effective({}, option.name)).toEqual({ value: option.default, source: 'default' });
      expect(effective({ file, argv: partner }, option.name)).toEqual({ value: three, source: 'file' });
      expect(effective({ env, file, argv: partner }, option.name)).toEqual({ value: two, source: 'environment' });
      expect(effective({ argv, env, file }, option.name)).toEqual({ value: one, source: 'flag' });
    });

    test('a value of another type in the file is refused with the file and the key', () => {
      const wrong = { text: ['1', 'true', '["a"]', '{ a = 1 }'], number: ['"1"', 'true', '1.5', '[1]', 'nan', 'inf'] };
      const texts = option.type === 'switch' ? ['"true"', '1', '[true]'] : wrong[option.type];
      for (const text of texts) {
        expect(refusal({ file: `${fileKey(option.name)} = ${text}\n` })).toStartWith(
          `${path}: ${fileKey(option.name)} must be `,
        );
      }
    });

    test('what is out of range, or no such value, is refused with its place and the range', () => {
      if (option.type === 'number') {
        const range = `must be a whole number of ${option.unit} from ${option.min} to ${option.max}, not`;
        const outside = [String(option.max + 1), '-1', '', ' ', '1e3', '0x10', '1.0', '٣', '9'.repeat(400)];
        for (const text of option.min > 0 ? [...outside, String(option.min - 1)] : outside) {
          const told = JSON.stringify(text);
          expect(refusal({ argv: [`--${option.name}=${text}`] })).toBe(`--${option.name} ${range} ${told}`);
          const variable = environmentName(option.name);
          expect(refusal({ env: { [variable]: text } })).toBe(`${variable} ${range} ${told}`);
        }
      } else if (option.type === 'switch') {
        for (const text of ['yes', '', 'TRUE', '2']) {
          expect(refusal({ argv: [`--${option.name}=${text}`] })).toContain('must be true or false, not');
        }
      } else if (option.oneOf) {
        expect(refusal({ argv: [`--${option.name}`, 'other'] })).toContain(
          `one of ${option.oneOf.join(', ')}, not "other"`,
        );
      }
    });
  });
}

describe('flags', () => {
  test('a switch is on by its name, off by --no- and its name, and takes a value only by its name', () => {
    for (const [flag, value] of [
      ['--signup-enabled', true],
      ['--signup-enabled=true', true],
      ['--signup-enabled=1', true],
      ['--signup-enabled=false', false],
      ['--signup-enabled=0', false],
      ['--no-signup-enabled', false],
    ] as const) {
      expect(effective({ argv: [flag] }, 'signup-enabled')).toEqual({ value, source: 'flag' });
    }
    expect(refusal({ argv: ['--no-signup-enabled=true'] })).toBe('--no-signup-enabled takes no value');
    expect(refusal({ argv: ['--no-listen'] })).toBe('unknown option --no-listen; did you mean --listen?');
  });

  test('the last of a repeated flag counts, and a value may hold =, spaces and dashes', () => {
    expect(effective({ argv: ['--data', 'one', '--data=two = --three'] }, 'data').value).toBe('two = --three');
  });

  test('words, own switches and own values are handed to the command, in order and apart', () => {
    const loaded = load(
      { argv: ['one', '--demo', '--name', 'x', 'two', '--page-max', '7', '--', '--three'] },
      { switches: ['demo'], values: ['name'] },
    );
    expect(loaded).toMatchObject({ type: 'ok', words: ['one', 'two', '--three'], switches: new Set(['demo']) });
    expect(loaded.type === 'ok' && [...loaded.values]).toEqual([['name', 'x']]);
  });
});

describe('what is unknown or cannot be', () => {
  const file = (text: string): Given => ({ file: text });
  const cases: readonly (readonly [Given, message: string])[] = [
    [{ argv: ['--lisen', 'x'] }, 'unknown option --lisen; did you mean --listen?'],
    [{ argv: ['--heartbeat'] }, 'unknown option --heartbeat; did you mean --heartbeat-ms?'],
    [{ argv: ['--password', 'x'] }, 'unknown option --password; --help lists them'],
    [{ argv: ['--data'] }, '--data needs a value'],
    [{ argv: ['--config'] }, '--config needs a value'],
    [{ env: { HONGYAN_DAT: 'x' } }, 'unknown option HONGYAN_DAT; did you mean HONGYAN_DATA?'],
    [file('page-max = 5\n'), `${path}: unknown option page-max; did you mean page_max?`],
    [file('[listen]\nport = 80\n'), `${path}: listen must be a text in quotes, not {"port":80}`],
    [file('config = "other.toml"\n'), `${path}: unknown option config`],
    [{ argv: ['--config', 'none.toml'] }, 'none.toml cannot be read: no such file: none.toml'],
    [{ env: { HONGYAN_CONFIG: 'none.toml' } }, 'none.toml cannot be read: no such file: none.toml'],
    [
      { argv: ['--public-url', 'chat.example.org'] },
      'public-url must be a URL such as https://chat.example.org, not "chat.example.org"',
    ],
    [
      { argv: ['--trace-url', 'localhost:4318'] },
      'trace-url must be a URL such as http://127.0.0.1:4318/v1/traces, not "localhost:4318"',
    ],
    [
      { argv: ['--trace-url', 'htp://me:sec@ret@collector'] },
      'trace-url must be a URL such as http://127.0.0.1:4318/v1/traces, not "htp://me:***@collector"',
    ],
    [{ argv: ['--data='] }, 'data must be a folder, for example ./data, not ""'],
    [{ env: { HONGYAN_DATA: '' } }, 'data must be a folder, for example ./data, not ""'],
    [{ argv: ['--tls-cert', 'cert.pem'] }, 'tls-cert and tls-key go together'],
    [{ env: { HONGYAN_TLS_KEY: 'key.pem' } }, 'tls-cert and tls-key go together'],
    [{ argv: ['--content-bytes-max', '65537'] }, 'content-bytes-max is at most frame-bytes-max'],
    [{ argv: ['--frame-bytes-max', '32767'] }, 'content-bytes-max is at most frame-bytes-max'],
    [
      { argv: ['--connection-backlog-bytes-max', '65535'] },
      'content-bytes-max is at most half of connection-backlog-bytes-max',
    ],
    ...['', '8080', ':8080', 'localhost', 'localhost:', 'localhost:65536', 'localhost:-1', 'localhost:http'].map(
      (text) =>
        [{ argv: ['--listen', text] }, `listen must be host:port, for example 127.0.0.1:8080, not "${text}"`] as const,
    ),
  ];
  for (const [given, message] of cases) {
    test(`${JSON.stringify(given)} is answered with: ${message}`, () => {
      expect(refusal(given)).toStartWith(message);
    });
  }

  test('a file that is no TOML is refused with the line', () => {
    const message = refusal(file('page_max = 5\n\nlisten = 127.0.0.1:80\n'));
    expect(message).toStartWith(`${path} cannot be read: `);
    expect(message).toContain('3:  listen = 127.0.0.1:80');
    expect(refusal(file('page_max = 5\npage_max = 6\n'))).toContain('2:  page_max = 6');
  });

  test('variables of other programs, and those that the tests and the terminal client read, are nothing to it', () => {
    const env = {
      PATH: '/bin',
      HONGYA: 'x',
      LISTEN: 'x',
      HONGYAN_SEED: '7',
      HONGYAN_PASSWORD: 'secret',
      HONGYAN_KEY: 'hk_1_secret',
      HONGYAN_URL: 'http://127.0.0.1:8080',
      HONGYAN_SERVICES: 'x',
    };
    expect(load({ env })).toMatchObject({ type: 'ok', warnings: [] });
  });

  test('variables that an orchestrator injects for a service of this name are ignored with a warning', () => {
    const env = {
      HONGYAN_SERVICE_HOST: '10.0.0.7',
      HONGYAN_SERVICE_PORT: '8080',
      HONGYAN_SERVICE_PORT_HTTP: '8080',
      HONGYAN_PORT: 'tcp://10.0.0.7:8080',
      HONGYAN_PORT_8080_TCP: 'tcp://10.0.0.7:8080',
      HONGYAN_PORT_8080_TCP_PROTO: 'tcp',
      HONGYAN_PORT_8080_TCP_PORT: '8080',
      HONGYAN_PORT_8080_TCP_ADDR: '10.0.0.7',
      HONGYAN_CHAT_SERVICE_HOST: '10.0.0.8',
      HONGYAN_DATA_PORT: 'tcp://10.0.0.9:80',
      HONGYAN_IMAGE_REVISION: 'f00d',
    };
    const warning = `ignored environment variables that are not options of Hongyan: ${Object.keys(env).sort().join(', ')}`;
    expect(load({ env })).toMatchObject({ type: 'ok', warnings: [warning] });
    expect(load({})).toMatchObject({ type: 'ok', warnings: [] });
  });

  test('a variable a letter or two away from an option is refused, with that option', () => {
    const variables = all.map(({ name }) => environmentName(name));
    for (const variable of variables) {
      const swapped = variable.replace(/(.)(.)$/, '$2$1');
      for (const typo of [variable.slice(0, -1), `${variable}S`, swapped]) {
        if (variables.includes(typo)) continue;
        expect(refusal({ env: { [typo]: 'x' } })).toStartWith(`unknown option ${typo}; did you mean HONGYAN_`);
      }
    }
  });

  test('whatever the reading of the file fails with is told with its path', () => {
    const readFile = () => {
      throw new TypeError('unexpected');
    };
    expect(refusal({ argv: ['--config', path] }, { readFile })).toBe(`${path} cannot be read: unexpected`);
  });
});

test.each([
  ['tiers=free=10', 'tiers: tiers must be name='],
  ['default-tier=gold', 'default-tier must be one of unlimited, free, paid, not "gold"'],
  ['trusted-proxies=10.0.0.0/99', 'trusted-proxies: networks are addresses'],
])('--%s is refused', (given, message) => {
  expect(refusal({ argv: [`--${given}`] })).toStartWith(message);
});

test('the options of an issuer go together, and its keys come by https, from a file, or from this machine', () => {
  const load = (...argv: string[]) => loadConfig({ argv, env: {}, readFile: () => '' });
  const rest = ['--jwt-issuer', 'https://id.example.org', '--jwt-audience', 'chat'];
  for (const source of [
    'https://id.example.org/jwks',
    './jwks.json',
    'http://127.0.0.1:9000/jwks',
    'http://localhost/jwks',
  ])
    expect(load('--jwt-jwks', source, ...rest)).toMatchObject({ type: 'ok' });
  for (const argv of [
    rest,
    ['--jwt-jwks', 'a', '--jwt-issuer', 'b'],
    ['--jwt-jwks', 'http://id.example.org/jwks', ...rest],
  ])
    expect(load(...argv)).toMatchObject({ type: 'error', message: expect.stringContaining('jwt-jwks') });
});

describe('[N10] options of a cluster', () => {
  const refused: readonly (readonly [readonly string[], string])[] = [
    [['--roles=core'], 'the embedded profile has all roles in one server'],
    [['--profile=cluster', '--roles=cores'], 'roles: unknown role "cores": the roles are gateway, core, worker'],
    [['--profile=cluster', '--gateways=2'], 'gateways is for the embedded profile'],
    [['--profile=cluster', '--node=a b'], 'node must be 1 to 64 letters'],
    [['--profile=cluster', '--cluster-name=A'], 'cluster-name must be 1 to 32 lower-case letters'],
    [['--profile=cluster', '--link-listen=7400'], 'link-listen must be host:port'],
    [['--profile=cluster', '--link-listen=0.0.0.0:7400'], 'link-listen 0.0.0.0:7400 listens on every address'],
    [['--profile=cluster', '--link-tls-ca=ca.pem'], 'link-tls-cert, link-tls-key and link-tls-ca go together'],
    [['--profile=cluster', '--mysql-url=postgres://a'], 'mysql-url: must be a URL such as mysql://'],
    [['--profile=cluster', '--mysql-url=mysql//u:secret@x'], 'mysql-url: must be a URL such as mysql://'],
    [['--profile=cluster', '--redis-urls=redis://a,rediss://b'], 'redis-urls: all nodes of a Redis Cluster must have'],
    [['--profile=cluster', '--kafka-brokers=broker'], 'kafka-brokers: must be host:port of one or more brokers'],
  ];
  for (const [argv, sentence] of refused)
    test(`${argv.join(' ')} is refused`, () => {
      expect(refusal({ argv })).toStartWith(sentence);
      expect(refusal({ argv })).not.toContain('secret');
    });

  test('a process may have some of the roles, and a user of its own for each service', () => {
    expect(refusal({ argv: ['--profile=cluster', '--roles=core', '--mysql-url=mysql://h_{service}:p@db:4000'] })).toBe(
      'accepted',
    );
  });
});
