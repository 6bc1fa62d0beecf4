// The unit of systemd and the page that installs it: they name options that there are, and systemd takes the unit as a hardened one.

import { afterAll, expect, test } from 'bun:test';
import { join } from 'node:path';
import { options } from '@hongyan/server/config/options';
import { spawnSync, TOML } from 'bun';
import { dataFolder, removeDataFolders } from '../server-process.ts';

afterAll(removeDataFolders);

const root = join(import.meta.dir, '../..');
const unit = await Bun.file(join(root, 'deploy/systemd/hongyan.service')).text();
const page = await Bun.file(join(root, 'docs/operating/install.md')).text();
const analyzer = Bun.which('systemd-analyze');
if (analyzer === null) console.warn('SKIPPED: the check of deploy/systemd; systemd-analyze is not here');

const settingOf = (name: string): string | undefined => new RegExp(`^${name}=(.*)$`, 'm').exec(unit)?.[1];
const defaultOf = (option: string): number => Number(options.find(({ name }) => name === option)?.default);

test('the unit starts the server with options that there are', () => {
  const flags = [...`${settingOf('ExecStart')} ${settingOf('ExecReload')}`.matchAll(/--([a-z-]+)/g)].map(
    ([, name]) => name,
  );
  const names = options.map(({ name }) => name);
  expect(flags.length).toBeGreaterThan(2);
  for (const flag of flags) expect(['config', ...names]).toContain(String(flag));
});

test('the page configures options that there are', () => {
  const files = [...page.matchAll(/```toml\n(.*?)```/gs)].map(([, text = '']) => TOML.parse(text));
  const keys = options.map(({ name }) => name.replaceAll('-', '_'));
  expect(files.length).toBe(2);
  for (const file of files) for (const key of Object.keys(file)) expect(keys).toContain(key);
});

test('[O20] a stop has the time that a drain takes', () => {
  const drainSeconds = defaultOf('drain-delay-seconds') + 2 * defaultOf('drain-seconds');
  expect(Number(settingOf('TimeoutStopSec'))).toBeGreaterThan(drainSeconds);
});

test.skipIf(analyzer === null)(
  'systemd takes the unit, and finds little that it could do beside its work',
  async () => {
    const path = join(await dataFolder('systemd'), 'hongyan.service');
    // systemd looks whether the program is there.
    await Bun.write(path, unit.replaceAll('/usr/local/bin/hongyan', process.execPath));
    const run = (...args: readonly string[]) => {
      const { exitCode, stdout, stderr } = spawnSync([String(analyzer), ...args, path]);
      return { exitCode, text: `${stdout}${stderr}` };
    };
    expect(run('verify', '--man=no')).toEqual({ exitCode: 0, text: '' });
    // In tenths, of at most 10.0: a unit without any restriction has 9.6.
    const { exitCode, text } = run('security', '--offline=true', '--threshold=20', '--no-pager');
    expect(exitCode, text).toBe(0);
  },
);
