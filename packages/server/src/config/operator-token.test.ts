// The operator token: made once, for its owner alone; one that could be guessed is refused.

import { afterEach, beforeEach, expect, test } from 'bun:test';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '@hongyan/base/log';
import { rejectionOf } from '@hongyan/testing/rejection';
import { readOperatorToken, readOrCreateOperatorToken } from './operator-token.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hongyan-operator-token-'));
  path = join(folder, 'operator-token');
});
afterEach(() => rmSync(folder, { recursive: true }));

test('[O1] the first start makes a token that only the owner may read; the next start finds it', async () => {
  const token = await readOrCreateOperatorToken(folder, silentLog);
  expect(Buffer.from(token, 'base64url')).toHaveLength(32);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(readFileSync(path, 'utf8')).toBe(`${token}\n`);
  expect(await readOrCreateOperatorToken(folder, silentLog)).toBe(token);
});

test('[O1] an empty, short, known or monotonous token is refused and left as it is', async () => {
  for (const text of [
    '',
    'changeme',
    'a'.repeat(64),
    'abcd'.repeat(16),
    'two words that are long enough to be a token',
  ]) {
    writeFileSync(path, text, { mode: 0o600 });
    expect(String(await rejectionOf(readOrCreateOperatorToken(folder, silentLog)))).toContain('delete it and start');
    expect(readFileSync(path, 'utf8')).toBe(text);
  }
});

test('[O1] a token that every user may read is refused; without one the command line says what to do', async () => {
  expect(String(await rejectionOf(readOperatorToken(folder)))).toContain('start the server once');
  await readOrCreateOperatorToken(folder, silentLog);
  chmodSync(path, 0o644);
  expect(String(await rejectionOf(readOperatorToken(folder)))).toContain(`run chmod 600 ${path}`);
});
