// The secret: made once, for its owner alone; one that others could know is refused.

import { afterEach, beforeEach, expect, test } from 'bun:test';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rejectionOf } from '@hongyan/testing/rejection';
import { readOrCreateSecret } from './secret.ts';

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
const random = () => Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('hex');

test('the first start makes 32 random bytes that only the owner may read; the next start finds them', async () => {
  const umask = process.umask(0);
  const secret = await readOrCreateSecret(folder).finally(() => process.umask(umask));
  expect(secret).toHaveLength(32);
  expect(new Set(secret).size).toBeGreaterThan(8);
  expect(modeOf()).toBe(0o600);
  expect(readFileSync(path, 'utf8')).toBe(`${Buffer.from(secret).toString('hex')}\n`);
  expect(await readOrCreateSecret(folder)).toEqual(secret);
});

test('two data folders have two secrets', async () => {
  const other = mkdtempSync(join(folder, 'other-'));
  expect(await readOrCreateSecret(folder)).not.toEqual(await readOrCreateSecret(other));
});

test('a secret that its owner put there is taken, with or without a line end, longer ones too', async () => {
  for (const text of [random(), `${random()}\n`, `  ${random()}${random()}\r\n`]) {
    put(text);
    expect(Buffer.from(await readOrCreateSecret(folder)).toString('hex')).toBe(text.trim());
  }
  put(random(), 0o400);
  expect(await readOrCreateSecret(folder)).toHaveLength(32);
});

test('one that others may read or write is refused, with what to run', async () => {
  for (const mode of [0o604, 0o640, 0o660, 0o666, 0o602]) {
    put(random(), mode);
    expect(String(await rejectionOf(readOrCreateSecret(folder)))).toContain(`run chmod 600 ${path}`);
    expect(modeOf()).toBe(mode);
  }
});

test('an empty, short, known or unreadable one is refused and left as it is', async () => {
  const known = ['', '\n', 'changeme', 'secret', random().slice(2), '0'.repeat(64), 'ff'.repeat(32), 'g'.repeat(64)];
  for (const text of known) {
    put(text);
    expect(String(await rejectionOf(readOrCreateSecret(folder)))).toContain('delete it and start again');
    expect(readFileSync(path, 'utf8')).toBe(text);
  }
});

test('without its folder there is none', async () => {
  expect(await rejectionOf(readOrCreateSecret(join(folder, 'missing')))).toHaveProperty('code', 'ENOENT');
});
