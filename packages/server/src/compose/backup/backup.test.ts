// What a backup takes beside the stores, and what a restore brings back of it.

import { afterEach, beforeEach, expect, test } from 'bun:test';
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@hongyan/base/clock';
import { silentLog } from '@hongyan/base/log';
import { rejectionOf } from '@hongyan/testing/rejection';
import { dataLayout } from '../../config/data-layout.ts';
import { removeMoved, writeMoved } from '../../config/moved.ts';
import { openSqliteDirectory } from '../../ports/directory/sqlite-directory.ts';
import { deleteMonth, listMonths } from '../../ports/timeline/sqlite/month-files.ts';
import { openSqliteTimeline } from '../../ports/timeline/sqlite-timeline.ts';
import { entry, inMonth } from '../../ports/timeline/testing/entries.ts';
import { backUp } from './backup.ts';
import { restore } from './restore.ts';

let folder: string;
let data: string;
/** Beside the stores, with their contents. */
const files = { secret: 'a', 'operator-token': 'b', 'before-send-secret': 'c', 'notices.json': '[]' };

/** The user that the server runs as. */
const service = 65_534;
const isRoot = process.getuid?.() === 0;
if (!isRoot) console.warn('skipped: only root can give files to the user of a service');
/** Takes the right that mount does. */
const canMount = Bun.spawnSync(['unshare', '--mount', 'true']).exitCode === 0;
if (!canMount) console.warn('skipped: this user may not mount a small disk');

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'hongyan-backup-'));
  data = join(folder, 'data');
  const layout = dataLayout(data);
  await mkdir(data);
  const options = { log: silentLog, queueMax: 100, batchMax: 100 };
  const directory = await openSqliteDirectory({ ...options, path: layout.directory });
  const timeline = await openSqliteTimeline({ ...options, dir: layout.timeline });
  await timeline.append([entry({})]);
  await timeline.close();
  await directory.close();
  for (const [name, text] of Object.entries(files)) await writeFile(join(data, name), text, { mode: 0o640 });
});
afterEach(() => rmSync(folder, { recursive: true }));

const putBack = (name: string, target: string, { replaces = false } = {}) =>
  restore({
    ...{ backup: join(folder, name), data: target, replaces, sendsNothing: false, clock: systemClock },
    signal: new AbortController().signal,
  });

const back = (name: string, { hasSecrets = true, onProgress = () => {} } = {}) =>
  backUp({
    ...{ data, target: join(folder, name), hasSecrets, bytesPerS: 0, clock: systemClock, onProgress },
    signal: new AbortController().signal,
  });

test('[O23][O24] secrets and the notices in force come back too, for their owner alone', async () => {
  await back('whole');
  const restored = join(folder, 'restored');
  await putBack('whole', restored);
  for (const [name, text] of Object.entries(files)) {
    expect([name, readFileSync(join(restored, name), 'utf8')]).toEqual([name, text]);
    for (const place of ['whole', 'restored']) expect(statSync(join(folder, place, name)).mode & 0o777).toBe(0o600);
  }
  await back('public', { hasSecrets: false });
  expect(Object.keys(files).filter((name) => existsSync(join(folder, 'public', name)))).toEqual(['notices.json']);
});

test('[O23] what a killed backup of a process with the same number left behind does not stop the next', async () => {
  const left = join(folder, `next.partial-${process.pid}`);
  await mkdir(left);
  await writeFile(join(left, 'directory.db'), 'half of it');
  await back('next');
  expect(readdirSync(join(folder, 'next'))).toContain('backup.json');
});

test('[O23] a month that retention removes while a slow backup is copying is in it', async () => {
  const { timeline } = dataLayout(data);
  const options = { log: silentLog, queueMax: 100, batchMax: 100 };
  const running = await openSqliteTimeline({ ...options, dir: timeline });
  try {
    await running.append([entry({ atMs: inMonth(1) })]);
    const { counts } = await back('kept', { onProgress: () => deleteMonth(timeline, '2026-01') });
    expect(counts.entries).toBe(2);
  } finally {
    await running.close();
  }
  expect(listMonths(timeline)).toEqual(['2026-02']);
  expect(listMonths(dataLayout(join(folder, 'kept')).timeline)).toEqual(['2026-01', '2026-02']);
});

test('[O24] an empty folder is filled and not replaced: it may be the root of a volume', async () => {
  await back('whole');
  const volume = join(folder, 'volume');
  await mkdir(join(volume, 'lost+found'), { recursive: true });
  const { ino } = statSync(volume);
  await putBack('whole', volume);
  expect(statSync(volume).ino).toBe(ino);
  expect(readdirSync(volume).sort()).toEqual(
    [...readdirSync(data).filter((name) => !/-(shm|wal)$/.test(name)), 'lost+found'].sort(),
  );
});

test('[O24] a restore into an empty folder that fails leaves it empty; one that was killed lets no server start', async () => {
  await back('whole');
  await writeFile(join(folder, 'whole', 'directory.db'), 'x');
  const empty = join(folder, 'empty');
  await mkdir(empty);
  expect(String(await rejectionOf(putBack('whole', empty)))).toContain('is not as it was written: it has 1 bytes');
  expect(readdirSync(empty)).toEqual([]);
  await mkdir(dataLayout(empty).restoring);
  expect(String(await rejectionOf(putBack('whole', empty)))).toContain('was interrupted: delete its contents');
});

test('[O23] the data folder of processes of a cluster has no stores: its backup is refused with what to do', async () => {
  const cluster = join(folder, 'cluster');
  await mkdir(dataLayout(cluster).nodes, { recursive: true });
  data = cluster;
  expect(String(await rejectionOf(back('none')))).toContain('whose stores are databases: back up the databases');
});

test('[O23][O24] a store that was moved into a cluster is not backed up, nor replaced, until its mark is deleted', async () => {
  const moved = { cluster: 'tokyo', atMs: 0 };
  await writeMoved(data, { ...moved, state: 'switching' });
  await back('before');
  await writeMoved(data, { ...moved, state: 'moved' });
  const commands = [
    () => back('after'),
    () => putBack('before', data),
    () => putBack('before', data, { replaces: true }),
  ];
  for (const command of commands)
    expect(String(await rejectionOf(command()))).toContain('was moved into the cluster tokyo');
  expect(readdirSync(folder).sort()).toEqual(['before', 'data']);
  await removeMoved(data);
  await back('after');
  expect((await putBack('before', data, { replaces: true })).movedTo).toContain('.replaced-');
});

test.skipIf(!isRoot)(
  '[O24] what root restores belongs to whom the folder belonged, or the one that it is made in',
  async () => {
    await back('whole');
    chownSync(folder, service, service);
    const [empty, replaced, fresh] = [join(folder, 'empty'), join(folder, 'replaced'), join(folder, 'fresh')];
    for (const name of [empty, replaced]) await mkdir(name);
    await writeFile(join(replaced, 'secret'), 'x');
    for (const name of [empty, replaced]) chownSync(name, service, service);
    for (const name of [empty, replaced, fresh]) {
      await putBack('whole', name, { replaces: name === replaced });
      const all = ['.', ...readdirSync(name, { recursive: true, encoding: 'utf8' })];
      expect(all.length).toBeGreaterThan(5);
      expect(all.filter((path) => statSync(join(name, path)).uid !== service)).toEqual([]);
    }
  },
);

test.skipIf(!canMount)(
  '[O24] a restore on a disk that is full says so, and does not call the backup damaged',
  async () => {
    await back('whole');
    const disk = join(folder, 'disk');
    await mkdir(disk);
    run('mount', '-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk);
    try {
      expect(String(await rejectionOf(putBack('whole', disk)))).toMatch(/disk\/.+ cannot be written: ENOSPC/);
      expect(readdirSync(disk)).toEqual([]);
    } finally {
      run('umount', disk);
    }
  },
);

function run(...command: string[]): void {
  const { exitCode, stderr } = Bun.spawnSync(command);
  if (exitCode !== 0) throw new Error(`${command.join(' ')}: ${stderr}`);
}
