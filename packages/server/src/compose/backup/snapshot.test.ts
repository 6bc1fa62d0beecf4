// A snapshot has every store of its moment, also one that is made while the others are being locked.

import type { Database } from 'bun:sqlite';
import { afterEach, beforeEach, expect, test } from 'bun:test';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openWriter } from '../../adapters/sqlite/open.ts';
import { freeze } from './snapshot.ts';

let folder: string;
let writers: Database[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hongyan-snapshot-'));
  writers = [];
});
afterEach(() => {
  for (const writer of writers) writer.close();
  rmSync(folder, { recursive: true });
});

function make(path: string): void {
  const writer = openWriter(path);
  writer.run('CREATE TABLE t(x)');
  writers.push(writer);
}

test('[O23] a month that begins while the stores are being locked is in the backup', async () => {
  const [october, november] = [join(folder, 'october.db'), join(folder, 'november.db')];
  make(october);
  let asked = 0;
  const stores = () => {
    asked++;
    if (asked === 2) make(november);
    return [october, november].filter((path) => existsSync(path));
  };
  const snapshot = await freeze({ data: folder, stores, target: join(folder, 'copy') });
  expect(snapshot.files.map(({ path }) => path)).toEqual(['october.db', 'november.db']);
  expect(readdirSync(join(folder, 'copy')).sort()).toEqual(['november.db-wal', 'october.db-wal']);
  await snapshot.release();
});

test('[O23] a month that retention removes after it was listed is left out, and not made again', async () => {
  const [october, november] = [join(folder, 'october.db'), join(folder, 'november.db')];
  for (const path of [october, november]) make(path);
  let asked = 0;
  const stores = () => {
    const listed = [october, november].filter((path) => existsSync(path));
    if (asked++ === 0) for (const suffix of ['', '-wal', '-shm']) rmSync(october + suffix, { force: true });
    return listed;
  };
  const snapshot = await freeze({ data: folder, stores, target: join(folder, 'copy') });
  expect(snapshot.files.map(({ path }) => path)).toEqual(['november.db']);
  expect(existsSync(october)).toBe(false);
  await snapshot.release();
});
