// The secret: made once, for its owner alone; one that every user could know is refused.

import { afterEach, beforeEach, expect, test } from 'bun:test';
import { chmodSync, chownSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLog } from '@hongyan/base/log';
import { rejectionOf } from '@hongyan/testing/rejection';
import { readOrCreateSecrets, readSecrets, rotateSecret } from './secret.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hongyan-secret-'));
  path = join(folder, 'secret');
});
afterEach(() => rmSync(folder, { recursive: true }));

const put = (text: string, mode = 0o600): void => {
  writeFileSync(path, text);
  chmodSync(path, mode);
};
const modeOf = () => statSync(path).mode & 0o777;
/** A service's user: what root does must not lock it out. */
const service = 65_534;
const isRoot = process.getuid?.() === 0;
if (!isRoot) console.warn('skipped: only root can give files to the user of a service');
const random = () => Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('hex');

test('the first start makes 32 random bytes that only the owner may read; the next start finds them', async () => {
  const umask = process.umask(0);
  const all = await readOrCreateSecrets(folder).finally(() => process.umask(umask));
  const [{ bytes: secret }] = all;
  expect(secret).toHaveLength(32);
  expect(new Set(secret).size).toBeGreaterThan(8);
  expect(modeOf()).toBe(0o600);
  expect(readFileSync(path, 'utf8')).toBe(`${Buffer.from(secret).toString('hex')}\n`);
  expect(await readOrCreateSecrets(folder)).toEqual(all);
  expect(all).toHaveLength(1);
});

test('several that create it at once, also under one process number as containers have it, all have the one that is kept', async () => {
  const all = await Promise.all(Array.from({ length: 8 }, () => readOrCreateSecrets(folder)));
  const kept = await readSecrets(folder);
  for (const secrets of all) expect(secrets).toEqual(kept);
  expect(readdirSync(folder)).toEqual(['secret']);
});

test('two data folders have two secrets', async () => {
  const other = mkdtempSync(join(folder, 'other-'));
  expect(await readOrCreateSecrets(folder)).not.toEqual(await readOrCreateSecrets(other));
});

test('a secret that its owner put there is taken, with or without a line end, longer ones too', async () => {
  for (const text of [random(), `${random()}\n`, `  ${random()}${random()}\r\n`]) {
    put(text);
    expect(Buffer.from((await readOrCreateSecrets(folder))[0].bytes).toString('hex')).toBe(text.trim());
  }
  put(random(), 0o400);
  expect((await readOrCreateSecrets(folder))[0].bytes).toHaveLength(32);
});

test('one that every user may read or write is refused, with what to run', async () => {
  for (const mode of [0o604, 0o644, 0o666, 0o602, 0o601]) {
    put(random(), mode);
    expect(String(await rejectionOf(readOrCreateSecrets(folder)))).toContain(`run chmod 600 ${path}`);
    expect(modeOf()).toBe(mode);
  }
});

test('one that its group may read or write, as volumes of an orchestrator have it, is taken with a warning', async () => {
  for (const mode of [0o640, 0o660]) {
    put(random(), mode);
    const lines: string[] = [];
    const log = createLog({ level: 'warn', write: (line) => lines.push(line) });
    expect((await readOrCreateSecrets(folder, log))[0].bytes).toHaveLength(32);
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ level: 'warn', path, mode: mode.toString(8) }]);
    expect(modeOf()).toBe(mode);
  }
});

/** What the service logs when it reads the secret. */
function warningsOfService(): string {
  const script = `
    import { createLog } from '@hongyan/base/log';
    import { readOrCreateSecrets } from './secret.ts';
    await readOrCreateSecrets(${JSON.stringify(folder)}, createLog({ level: 'warn' }));`;
  const asService = ['setpriv', `--reuid=${service}`, `--regid=${service}`, '--clear-groups'];
  const child = Bun.spawnSync([...asService, process.execPath, '-e', script], { cwd: import.meta.dir });
  expect(child.exitCode, child.stderr.toString()).toBe(0);
  return child.stdout.toString() + child.stderr.toString();
}

test.skipIf(!isRoot)(
  'one that another user gives the group to read, as Kubernetes mounts it, is taken without a word',
  () => {
    chmodSync(folder, 0o755);
    put(random());
    chownSync(path, 0, service);
    chmodSync(path, 0o440);
    expect(warningsOfService()).toBe('');
    for (const [owner, mode] of [
      [0, 0o460],
      [service, 0o440],
    ] as const) {
      chownSync(path, owner, service);
      chmodSync(path, mode);
      expect(warningsOfService()).toContain('a secret is open to its group');
    }
  },
);

test('reading alone creates none', async () => {
  expect(String(await rejectionOf(readSecrets(folder)))).toContain(`${path} is missing: start the server once`);
  expect(readdirSync(folder)).toEqual([]);
});

test('an empty, short, known or unreadable one is refused and left as it is', async () => {
  const known = ['', '\n', 'changeme', 'secret', random().slice(2), '0'.repeat(64), 'ff'.repeat(32), 'g'.repeat(64)];
  for (const text of known) {
    put(text);
    expect(String(await rejectionOf(readOrCreateSecrets(folder)))).toContain('delete it and start again');
    expect(readFileSync(path, 'utf8')).toBe(text);
  }
});

test('without its folder there is none', async () => {
  expect(await rejectionOf(readOrCreateSecrets(join(folder, 'missing')))).toHaveProperty('code', 'ENOENT');
});

test('[A6] a rotation puts a fresh secret before the present one, which keeps the time of its retirement', async () => {
  const [first] = await readOrCreateSecrets(folder);
  expect(await rotateSecret(folder, 1_000_000)).toBe(2);
  const [second, ...old] = await readSecrets(folder);
  expect(old).toEqual([{ ...first, retiredAtMs: 1_000_000 }]);
  expect(second.bytes).not.toEqual(first.bytes);
  expect(modeOf()).toBe(0o600);
  const yearLaterMs = 1_000_000 + 366 * 86_400_000;
  expect(await rotateSecret(folder, yearLaterMs)).toBe(2);
  expect((await readSecrets(folder)).slice(1)).toEqual([{ ...second, retiredAtMs: yearLaterMs }]);
});

test('[A6] a line behind the first that is no retired secret is refused, and a weak one too', async () => {
  for (const line of [
    random(),
    `${random()} retired`,
    `${random()} retired soon`,
    `${'0'.repeat(64)} retired 2026-01-01T00:00:00Z`,
  ]) {
    put(`${random()}\n${line}\n`);
    expect(String(await rejectionOf(readSecrets(folder)))).toContain(path);
  }
});

test.skipIf(!isRoot)('[A6] root that makes or rotates the secret leaves it to whom the folder belongs', async () => {
  chownSync(folder, service, service);
  await readOrCreateSecrets(folder);
  await rotateSecret(folder, 1);
  const { uid, gid } = statSync(path);
  expect([uid, gid, modeOf()]).toEqual([service, service, 0o600]);
});

test.skipIf(!isRoot)(
  '[A6] a secret that root shares with the group of the service stays so when it is rotated',
  async () => {
    put(random());
    chownSync(path, 0, service);
    chmodSync(path, 0o640);
    await rotateSecret(folder, 1);
    const { uid, gid } = statSync(path);
    expect([uid, gid, modeOf()]).toEqual([0, service, 0o640]);
  },
);
