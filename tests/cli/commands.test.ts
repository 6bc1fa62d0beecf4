// The command line as a process: help, the nearest name, where options come from, tokens, and how commands end.

import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { call, signUp } from '@hongyan/testing/http-client';
import { until } from '@hongyan/testing/until';
import { environmentName, fileKey, options } from '../../packages/server/src/config/options.ts';
import {
  dataFolder,
  fromSources,
  killServers,
  removeDataFolders,
  spawnServer,
  startServer,
} from '../server-process.ts';
import { hongyan, type RunOptions } from './hongyan.ts';

/** Each test starts processes, on a machine that others may use too. */
setDefaultTimeout(60_000);

const folder = mkdtempSync(join(tmpdir(), 'hongyan-commands-'));
const isRoot = process.getuid?.() === 0;
if (!isRoot) console.warn('skipped: only root can make files of another user');

afterAll(async () => {
  await killServers();
  await removeDataFolders();
  rmSync(folder, { recursive: true, force: true });
});

describe('help', () => {
  test('the general help is about a screen long, commands first', async () => {
    const help = await hongyan(['--help']);
    expect(help).toMatchObject({ code: 0, stderr: '' });
    expect(help.stdout).toMatchSnapshot();
    expect(help.stdout.split('\n').length).toBeLessThanOrEqual(48);
    for (const args of [[], ['help'], ['-h']]) expect(await hongyan(args)).toEqual(help);
  });

  test('the help of start has every option, and says how the environment and a file name one', async () => {
    const { stdout } = await hongyan(['start', '--help']);
    const flags = [...stdout.matchAll(/^ {2}--([a-z-]+)/gm)].map(([, name]) => name);
    expect(flags.toSorted()).toEqual(['demo', ...options.map(({ name }) => name)].toSorted());
    expect(stdout).toContain('--frame-bytes-max is HONGYAN_FRAME_BYTES_MAX and frame_bytes_max');
  });

  test('both ways to ask for the help of a command print the same page', async () => {
    const [help, other] = [await hongyan(['user', 'add', '--help']), await hongyan(['help', 'user', 'add'])];
    expect(help).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining('Usage: hongyan user add') });
    expect(other).toEqual(help);
  });

  test('the first word of commands with two has a page of its own', async () => {
    const help = await hongyan(['user', '--help']);
    expect(help).toMatchObject({ code: 0, stderr: '' });
    expect(help.stdout).toMatchSnapshot();
    for (const args of [
      ['help', 'user'],
      ['user', '-h'],
    ])
      expect(await hongyan(args)).toEqual(help);
  });

  test('--help wins over arguments that make no sense', async () => {
    expect(await hongyan(['start', 'nonsense', '--help'])).toMatchObject({ code: 0 });
  });
});

describe('what is unknown', () => {
  const unknown: readonly (readonly [line: string, message: string, RunOptions?])[] = [
    ['strat', 'unknown command strat; did you mean start? See hongyan --help'],
    ['user ad', 'unknown command user ad; did you mean user add? See hongyan --help'],
    ['usr add alice', 'unknown command usr; did you mean user add? See hongyan --help'],
    ['user', 'user needs a second word: user add, user list, user passwd, user tier; see hongyan user --help'],
    ['user --json', 'user needs a second word: user add, user list, user passwd, user tier; see hongyan user --help'],
    ['help strat', 'unknown command strat; did you mean start? See hongyan --help'],
    ['start --lisen 127.0.0.1:0', 'unknown option --lisen; did you mean --listen?'],
    ['start --dem', 'unknown option --dem; did you mean --demo?'],
    ['start --no-signup-enable', 'unknown option --no-signup-enable; did you mean --no-signup-enabled?'],
    ['user add alice --random-pasword', 'unknown option --random-pasword; did you mean --random-password?'],
    ['inspect x --limt 3', 'unknown option --limt; did you mean --limit?'],
    ['inspect x --listen 127.0.0.1:0', 'this command does not take --listen'],
    ['start --duration 3', 'unknown option --duration; --help lists them'],
    ['frobnicate', 'unknown command frobnicate; see hongyan --help'],
    ['start again', 'start takes no argument, and was given again; see hongyan start --help'],
    ['user list alice', 'user list takes no argument, and was given alice; see hongyan user list --help'],
    ['log-level loud', 'give one level: debug, info, warn, error'],
    ['start -p 80', 'unknown option -p; options start with two dashes'],
    ['start --demo=yes', '--demo takes no value'],
    ['start --listen', '--listen needs a value'],
    [
      'notice lst',
      'unknown command notice lst; see hongyan notice --help. (A one-word text must begin with a capital letter)',
    ],
    ['notice Maintenance --for 0', '--for must be a whole number from 1 to 31536000, not "0"'],
    ['log-level debug --for soon', '--for must be a whole number from 1 to 86400, not "soon"'],
    ['backup folder --mebibytes-per-second=', '--mebibytes-per-second must be a whole number from 0 to 100000, not ""'],
    ['webhook rotate wh_1 --overlap-hours 721', '--overlap-hours must be a number from 0 to 720, not "721"'],
    [
      'chat --user alice --url localhost:8080',
      '--url must be a URL such as http://127.0.0.1:8080, not "localhost:8080"',
    ],
    ['bench --users alice,bob --url x', '--url must be a URL such as http://127.0.0.1:8080, not "x"'],
    ['start', 'unknown option HONGYAN_LISTN; did you mean HONGYAN_LISTEN?', { env: { HONGYAN_LISTN: 'x' } }],
  ];
  for (const [line, message, run] of unknown) {
    test(`"${line}" is answered with: ${message}`, async () => {
      expect(await hongyan(line.split(' '), run)).toEqual({ code: 2, stdout: '', stderr: `hongyan: ${message}\n` });
    });
  }
});

describe('the configuration', () => {
  async function effective(args: readonly string[], run?: RunOptions): Promise<(name: string) => string | undefined> {
    const { code, stdout, stderr } = await hongyan(['check-config', ...args], run);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    return (name) => stdout.match(new RegExp(`^${fileKey(name)} = (.*)$`, 'm'))?.[1];
  }

  async function file(name: string, text: string): Promise<string> {
    const path = join(folder, name);
    await Bun.write(path, text);
    return path;
  }

  test('a flag beats the environment, which beats the file, which beats the default', async () => {
    const path = await file(
      'all.toml',
      'page_max = 11\nheartbeat_ms = 11_000\ndrain_seconds = 11\nsignup_enabled = false\n',
    );
    const env = { HONGYAN_CONFIG: path, HONGYAN_HEARTBEAT_MS: '12000', HONGYAN_DRAIN_SECONDS: '12' };
    const value = await effective(['--drain-seconds', '13'], { env });
    expect(value('page-max')).toBe('11  # file');
    expect(value('heartbeat-ms')).toBe('12000  # environment');
    expect(value('drain-seconds')).toBe('13  # flag');
    expect(value('signup-enabled')).toBe('false  # file');
    expect(value('listen')).toBe('"127.0.0.1:8080"  # default');
  });

  test('--name=value, a switch and its --no- form are flags too, and --config beats HONGYAN_CONFIG', async () => {
    const [first, second] = [await file('first.toml', 'page_max = 11\n'), await file('second.toml', 'page_max = 12\n')];
    const value = await effective(['--drain-seconds=7', '--no-signup-enabled', `--config=${first}`], {
      env: { HONGYAN_CONFIG: second },
    });
    expect(value('drain-seconds')).toBe('7  # flag');
    expect(value('signup-enabled')).toBe('false  # flag');
    expect(value('page-max')).toBe('11  # file');
  });

  test('every option can be set as a flag, in the environment and in the file', async () => {
    const text = ({ name, default: value }: (typeof options)[number]) =>
      `${fileKey(name)} = ${JSON.stringify(value)}\n`;
    const ways: readonly (readonly [source: string, args: readonly string[], RunOptions?])[] = [
      ['default', []],
      ['flag', options.map(({ name, default: value }) => `--${name}=${value}`)],
      [
        'environment',
        [],
        { env: Object.fromEntries(options.map((each) => [environmentName(each.name), `${each.default}`])) },
      ],
      ['file', ['--config', await file('every.toml', options.map(text).join(''))]],
    ];
    for (const [source, args, run] of ways) {
      const value = await effective(args, run);
      for (const { name, default: expected } of options) {
        expect(`${name}: ${value(name)}`).toBe(`${name}: ${JSON.stringify(expected)}  # ${source}`);
      }
    }
  });

  test('check-config prints a file that --config takes, or one JSON object', async () => {
    const flags = ['--page-max', '7', '--no-signup-enabled', '--web-root', 'a "b" \\ c'];
    const { stdout } = await hongyan(['check-config', ...flags]);
    const value = await effective(['--config', await file('printed.toml', stdout)]);
    expect(value('page-max')).toBe('7  # file');
    expect(value('signup-enabled')).toBe('false  # file');
    expect(value('web-root')).toBe(`${JSON.stringify('a "b" \\ c')}  # file`);
    const asJson = JSON.parse((await hongyan(['check-config', '--json', ...flags])).stdout);
    expect(Object.keys(asJson)).toEqual(options.map(({ name }) => fileKey(name)));
    expect(asJson).toMatchObject({
      page_max: { value: 7, source: 'flag' },
      listen: { value: '127.0.0.1:8080', source: 'default' },
    });
  });

  test('an invalid value exits with 2 and names the valid ones', async () => {
    const typo = await file('typo.toml', 'heartbeat = 1\n');
    const broken = await file('broken.toml', 'page_max = \n');
    const cases: readonly (readonly [args: string[], message: string, RunOptions?])[] = [
      [['--page-max', '0'], '--page-max must be a whole number of entries from 1 to 500, not "0"'],
      [['--page-max', '1.5'], '--page-max must be a whole number of entries from 1 to 500, not "1.5"'],
      [[], 'HONGYAN_PAGE_MAX must be a whole number of', { env: { HONGYAN_PAGE_MAX: 'x' } }],
      [['--log-level', 'loud'], '--log-level must be one of debug, info, warn, error, not "loud"'],
      [['--listen', '8080'], 'listen must be host:port, for example 127.0.0.1:8080, not "8080"'],
      [['--config', typo], `${typo}: unknown option heartbeat; did you mean heartbeat_ms?`],
      [['--config', broken], `${broken} cannot be read: `],
      [['--config', join(folder, 'none.toml')], `${join(folder, 'none.toml')} cannot be read: `],
      [['--signup-enabled=maybe'], '--signup-enabled must be true or false, not "maybe"'],
    ];
    for (const [args, message, run] of cases) {
      const { code, stdout, stderr } = await hongyan(['check-config', ...args], run);
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toStartWith(`hongyan: ${message}`);
    }
  });
});

describe('token', () => {
  test('a token signed beside a running server is valid there until it expires', async () => {
    const dataDir = await dataFolder('token');
    const server = await startServer({ dataDir });
    await signUp(server.url, 'alice');
    const made = await hongyan(['token', 'alice', '--data', dataDir]);
    expect(made).toMatchObject({ code: 0, stderr: '' });
    const me = await call(server.url, '/v1/me', { token: made.stdout.trim() });
    expect(me).toMatchObject({ status: 200, body: { user_id: 'alice' } });
    const short = (await hongyan(['token', 'alice', '--data', dataDir, '--token-ttl-s', '1'])).stdout.trim();
    const claims = JSON.parse(Buffer.from(short.split('.')[1] ?? '', 'base64url').toString());
    expect(Math.floor(claims.exp - claims.iat)).toBe(1);
    const asJson = JSON.parse((await hongyan(['token', 'alice', '--data', dataDir, '--json'])).stdout);
    expect(asJson).toMatchObject({ user_id: 'alice', expires_in: 604_800 });
    expect((await call(server.url, '/v1/me', { token: asJson.access_token })).status).toBe(200);
    const other = await startServer({ dataDir: await dataFolder('other') });
    await signUp(other.url, 'alice');
    const foreign = await hongyan(['token', 'alice', '--data', other.dataDir]);
    expect((await call(server.url, '/v1/me', { token: foreign.stdout.trim() })).status).toBe(401);
  });

  test('for an unknown user, or on a folder without a server, it leaves with 1 and creates nothing', async () => {
    const server = await startServer({ dataDir: await dataFolder('token') });
    const unknown = await hongyan(['token', 'nobody', '--data', server.dataDir]);
    expect(unknown).toMatchObject({ code: 1, stdout: '' });
    expect(unknown.stderr).toContain(`${server.dataDir} has no user nobody: add it with hongyan user add nobody`);
    const empty = await dataFolder('token');
    for (const data of [empty, join(empty, 'missing')]) {
      const refused = await hongyan(['token', 'alice', '--data', data]);
      expect(refused).toMatchObject({ code: 1, stdout: '' });
      expect(refused.stderr).toContain(`no server has run on the folder ${data}`);
    }
    expect(readdirSync(empty)).toEqual([]);
  });

  test('without a user id it leaves with 2', async () => {
    expect(await hongyan(['token'])).toMatchObject({ code: 2, stdout: '' });
    expect(await hongyan(['token', 'a/b'])).toMatchObject({ code: 2, stdout: '' });
  });
});

describe('start', () => {
  for (const args of [[], ['--gateways', '2']]) {
    test(`with port 0 the ready line names the port that is bound, ${args.join(' ') || 'in one process'}`, async () => {
      const server = spawnServer({ dataDir: await dataFolder('port'), port: 0, args });
      const urlShown = () => server.output().match(/is ready: open (\S+)\n/)?.[1];
      await until(() => urlShown() !== undefined);
      const url = urlShown();
      expect(url).toMatch(/^http:\/\/127\.0\.0\.1:[1-9]\d*$/);
      expect((await fetch(`${url}/readyz`)).status).toBe(200);
      expect(await server.stop()).toBe(0);
    });
  }

  test('a port in use exits with 1 and is named', async () => {
    const server = await startServer({ dataDir: await dataFolder('port') });
    const listen = `127.0.0.1:${server.port}`;
    const second = await hongyan([
      'start',
      '--listen',
      listen,
      '--operator-listen',
      '',
      '--data',
      await dataFolder('port'),
    ]);
    expect(second).toMatchObject({
      code: 1,
      stderr: `hongyan start: another process listens on ${listen}: stop it, or set another address with --listen\n`,
    });
  });

  test('a second server on the same data folder leaves with 1, and the first goes on', async () => {
    const dataDir = await dataFolder('twice');
    const server = await startServer({ dataDir });
    const second = await hongyan(['start', '--listen', '127.0.0.1:0', '--operator-listen', '', '--data', dataDir]);
    expect(second.code).toBe(1);
    expect(second.stderr).toContain(`another server runs on the data folder ${dataDir}`);
    await signUp(server.url, 'alice');
  });

  test('a data folder of another user is refused with its owner and what to do', async () => {
    const { command, foreign } = asAnotherUser();
    for (const data of [foreign, join(foreign, 'new')]) {
      const refused = await hongyan(['start', '--listen', '127.0.0.1:0', '--operator-listen', '', '--data', data], {
        command,
      });
      expect(refused).toMatchObject({ code: 1, stdout: '' });
      expect(refused.stderr).toMatch(/belongs to uid 0, and this process runs as .+ run it as that user, or .+chown/);
    }
  });

  test.skipIf(!isRoot)('a secret of another user is refused with its owner and what to do', async () => {
    const { command, foreign } = asAnotherUser();
    writeFileSync(join(foreign, 'secret'), '00\n', { mode: 0o600 });
    const refused = await hongyan(['secret', 'rotate', '--data', foreign], { command });
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toMatch(
      /secret belongs to uid 0, and this process runs as .+ run it as that user, or .+chown/,
    );
  });

  test('a web root that is not there leaves with 1 and is named', async () => {
    const started = await hongyan([
      'start',
      '--operator-listen',
      '',
      '--data',
      await dataFolder('web'),
      '--web-root',
      join(folder, 'no-web'),
    ]);
    expect(started.code).toBe(1);
    expect(started.stderr).toContain('no-web');
  });

  test('--demo on a server that lets nobody sign up is refused, and leaves no server behind', async () => {
    const dataDir = await dataFolder('demo');
    const args = ['--demo', '--no-signup-enabled'];
    const server = spawnServer({ dataDir, args });
    expect(await server.left()).toBe(1);
    expect(server.output()).toContain('the demo account alice could not be created: signup-enabled is false');
    expect(existsSync(join(dataDir, 'running.json'))).toBe(false);
  });

  test('--demo starts with the accounts that are there when nobody may sign up any more', async () => {
    const dataDir = await dataFolder('demo');
    const first = spawnServer({ dataDir, args: ['--demo'] });
    await until(() => first.output().includes('demo account: bob'), { withinMs: 30_000 });
    expect(await first.stop()).toBe(0);
    const second = spawnServer({ dataDir, args: ['--demo', '--no-signup-enabled'] });
    await until(() => second.output().includes('demo account: bob') || !second.isAlive(), { withinMs: 30_000 });
    expect(await second.stop()).toBe(0);
    expect(second.output()).toMatch(/demo account: alice {3}password: \S+\n/);

    // As after a restore: the file is in no backup.
    rmSync(join(dataDir, 'demo-accounts.json'));
    const third = spawnServer({ dataDir, args: ['--demo'] });
    await until(() => third.output().includes('demo account: bob') || !third.isAlive(), { withinMs: 30_000 });
    expect(third.output()).toContain('demo account: alice   its password is not the one in demo-accounts.json');
    expect(await third.stop()).toBe(0);
  });

  test('--demo shows two accounts with passwords of this data folder, which log in', async () => {
    const server = await startServer({ dataDir: await dataFolder('demo'), args: ['--demo'] });
    for (const until = performance.now() + 10_000; performance.now() < until; await Bun.sleep(15)) {
      if (server.output().match(/demo account/g)?.length === 2) break;
    }
    const shown = [...server.output().matchAll(/demo account: (\w+) {3}password: (\S+)/g)];
    expect(shown.map(([, userId]) => userId)).toEqual(['alice', 'bob']);
    for (const [, user_id, password] of shown) {
      const body = { user_id, password };
      expect((await call(server.url, '/v1/auth/login', { method: 'POST', body })).status).toBe(200);
    }
  });
});

test('output that cannot be written is a failure; a reader that leaves is none', async () => {
  const full = Bun.spawn([...fromSources, 'check-config'], { stdout: Bun.file('/dev/full'), stderr: 'pipe' });
  expect(await new Response(full.stderr).text()).toContain('standard output cannot be written: ENOSPC');
  expect(await full.exited).toBe(1);
  const script = '"$@" | true; echo "$PIPESTATUS"';
  const left = Bun.spawn(['bash', '-c', script, '-', ...fromSources, 'check-config'], { stderr: 'pipe' });
  expect(await new Response(left.stdout).text()).toBe('0\n');
  expect(await new Response(left.stderr).text()).toBe('');
});

test('version is one line, by each of its names', async () => {
  const version = await hongyan(['version']);
  expect(version).toMatchObject({ code: 0, stderr: '' });
  expect(version.stdout).toMatch(/^hongyan \d+\.\d+\.\d+ \(bun \d+\.\d+\.\d+\)\n$/);
  for (const word of ['--version', '-v']) expect(await hongyan([word])).toEqual(version);
  const asJson = JSON.parse((await hongyan(['--version', '--json'])).stdout);
  expect(version.stdout).toBe(`hongyan ${asJson.version} (bun ${asJson.bun})\n`);
});

/** A folder that root owns, and the command line as a user who is not root: another one where the tests run as root. */
function asAnotherUser(): { readonly command: readonly string[]; readonly foreign: string } {
  if (!isRoot) return { command: fromSources, foreign: '/' };
  chmodSync(folder, 0o755);
  const foreign = join(folder, 'of-root');
  mkdirSync(foreign, { mode: 0o755, recursive: true });
  return { command: ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', ...fromSources], foreign };
}
