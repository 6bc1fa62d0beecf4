import { afterEach, beforeEach, expect, test } from 'bun:test';
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLog } from '@hongyan/base/log';
import { assertReadable, ensureFolder, warnIfOpen } from './folder-access.ts';

let parent: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'hongyan-folder-'));
});
afterEach(() => rmSync(parent, { recursive: true }));

async function warnings(path: string): Promise<readonly string[]> {
  const lines: string[] = [];
  await warnIfOpen(path, createLog({ level: 'info', write: (line) => lines.push(line) }));
  return lines;
}

test('a folder that is made is for its owner alone', async () => {
  const path = join(parent, 'deep', 'data');
  await ensureFolder(path);
  expect(statSync(path).mode & 0o777).toBe(0o700);
  expect(await warnings(path)).toEqual([]);
});

test('where a file stands in the place of the folder, or of one above, the file is named', async () => {
  const file = join(parent, 'file');
  writeFileSync(file, '');
  for (const path of [file, join(file, 'data'), join(file, 'deep', 'data')])
    expect(ensureFolder(path)).rejects.toThrow(`the folder ${path} cannot be created: ${file} is not a folder`);
  expect(assertReadable(file)).rejects.toThrow(`${file} is not a folder`);
});

test.each([
  [0o700, 0],
  [0o770, 0],
  [0o755, 1],
  [0o701, 1],
])('of a folder of mode %o, %i warnings', async (mode, count) => {
  chmodSync(parent, mode);
  const lines = await warnings(parent);
  expect(lines).toHaveLength(count);
  for (const line of lines) expect(line).toContain(`"path":"${parent}"`);
});
