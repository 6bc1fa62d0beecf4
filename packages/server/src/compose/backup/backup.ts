// A backup of a data folder whose server goes on meanwhile: copied, read back, and only then called one.

import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { Clock } from '@hongyan/base/clock';
import { dataLayout, secretFiles, storeFiles } from '../../config/data-layout.ts';
import { assertNoCopy } from '../../config/moved.ts';
import { assertReadable } from '../../files/folder-access.ts';
import { syncFolder } from '../../files/sync-folder.ts';
import { headsPath, listMonths, monthPath } from '../../ports/timeline/sqlite/month-files.ts';
import { version } from '../version.ts';
import { copyOpen, copySlowly, sha256Of } from './copy.ts';
import { type Manifest, writeManifest } from './manifest.ts';
import { freeze, type SnapshotFile } from './snapshot.ts';
import { verifyInThread } from './verify-thread.ts';

export interface BackupOptions {
  readonly data: string;
  /** A folder that is not there yet. */
  readonly target: string;
  readonly hasSecrets: boolean;
  /** 0 = as fast as it goes. */
  readonly bytesPerS: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: BackupProgress) => void;
}

export interface BackupProgress {
  readonly step: 'copying' | 'reading back';
  readonly bytes: number;
  readonly bytesInAll: number;
}

/** [O23] Resolves when the backup is whole. Until then, and when it rejects, there is no `target`. */
export async function backUp(options: BackupOptions): Promise<Manifest> {
  const { data, target } = options;
  const layout = dataLayout(data);
  if (existsSync(data)) await assertReadable(data);
  if (!existsSync(layout.directory) && existsSync(layout.nodes))
    throw new Error(`${data} belongs to a cluster, whose stores are databases: back up the databases`);
  if (!existsSync(layout.directory) || !existsSync(headsPath(layout.timeline)))
    throw new Error(`no server has run on the folder ${data}; give the server's data folder with --data`);
  await assertNoCopy(data);
  if (existsSync(target)) throw new Error(`${target} already exists: give a folder that does not exist`);
  await mkdir(dirname(resolve(target)), { recursive: true, mode: 0o700 });
  const draft = await mkdtemp(`${resolve(target)}.partial-`);
  try {
    const manifest = await fill(draft, options);
    options.signal.throwIfAborted();
    await rename(draft, target);
    await syncFolder(dirname(resolve(target)));
    return manifest;
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    throw error;
  }
}

async function fill(draft: string, options: BackupOptions): Promise<Manifest> {
  const { data, clock, signal, hasSecrets, bytesPerS, onProgress } = options;
  const layout = dataLayout(data);
  const takenAtMs = clock.nowMs();
  const stores = () => {
    const months = listMonths(layout.timeline).map((month) => monthPath(layout.timeline, month));
    return [...storeFiles(layout), headsPath(layout.timeline), ...months].filter((path) => existsSync(path));
  };
  const snapshot = await freeze({ data, stores, target: draft });
  try {
    const bytesInAll = await sizeOf(snapshot.files);
    let bytes = 0;
    const onBytes = (more: number) => {
      bytes += more;
      onProgress({ step: 'copying', bytes, bytesInAll });
    };
    for (const { path, source } of snapshot.files)
      await copyOpen(source, join(draft, path), { clock, bytesPerS, signal, onBytes });
    onProgress({ step: 'reading back', bytes, bytesInAll });
  } finally {
    await snapshot.release();
  }
  const beside = [layout.notices, ...(hasSecrets ? secretFiles(layout) : [])].filter((path) => existsSync(path));
  for (const path of beside)
    await copySlowly(path, join(draft, basename(path)), { clock, bytesPerS: 0, signal, onBytes: () => {} });
  const { counts, epoch } = await verifyInThread(draft, signal);
  const files = [];
  for (const path of [...snapshot.files.map(({ path }) => path), ...beside.map((path) => basename(path))]) {
    const { size } = await stat(join(draft, path));
    files.push({ path, bytes: size, sha256: await sha256Of(join(draft, path), signal) });
  }
  await syncFolder(dataLayout(draft).timeline);
  const manifest: Manifest = { format: 1, version, taken_at: takenAtMs, epoch, has_secrets: hasSecrets, counts, files };
  await writeManifest(draft, manifest);
  return manifest;
}

async function sizeOf(files: readonly SnapshotFile[]): Promise<number> {
  const sizes = await Promise.all(files.map(async ({ source }) => (await source.stat()).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}
