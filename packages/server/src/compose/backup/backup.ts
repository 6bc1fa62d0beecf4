// A backup of a data folder whose server goes on meanwhile: copied, read back, and only then called one.

import { existsSync } from 'node:fs';
import { copyFile, mkdir, rename, rm, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import type { Clock } from '@hongyan/base/clock';
import { dataLayout, secretFiles, storeFiles } from '../../config/data-layout.ts';
import { assertReadable } from '../../config/folder-access.ts';
import { headsPath, listMonths, monthPath } from '../../ports/timeline/sqlite/month-file.ts';
import { version } from '../version.ts';
import { copySlowly, sha256Of } from './copy.ts';
import { type Manifest, writeManifest } from './manifest.ts';
import { freeze } from './snapshot.ts';
import { verifyStores } from './verify.ts';

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
  if (!existsSync(layout.directory) || !existsSync(headsPath(layout.timeline)))
    throw new Error(`no server has run on the folder ${data}; name the server's data folder by --data`);
  if (existsSync(target)) throw new Error(`${target} is there already: name a folder that is not`);
  const draft = `${resolve(target)}.partial-${process.pid}`;
  await mkdir(draft, { recursive: true, mode: 0o700 });
  try {
    const manifest = await fill(draft, options);
    options.signal.throwIfAborted();
    await rename(draft, target);
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
  const months = listMonths(layout.timeline).map((month) => monthPath(layout.timeline, month));
  const paths = [...storeFiles(layout), headsPath(layout.timeline), ...months].filter((path) => existsSync(path));
  const snapshot = await freeze({ data, paths, target: draft });
  try {
    const bytesInAll = await sizeOf(paths);
    let bytes = 0;
    const onBytes = (more: number) => {
      bytes += more;
      onProgress({ step: 'copying', bytes, bytesInAll });
    };
    for (const path of snapshot.files)
      await copySlowly(join(data, path), join(draft, path), { clock, bytesPerS, signal, onBytes });
    onProgress({ step: 'reading back', bytes, bytesInAll });
  } finally {
    snapshot.release();
  }
  const secrets = hasSecrets ? secretFiles(layout).filter((path) => existsSync(path)) : [];
  for (const path of secrets) await copyFile(path, join(draft, basename(path)));
  signal.throwIfAborted();
  const { counts, epoch } = verifyStores(draft);
  const files = [];
  for (const path of [...snapshot.files, ...secrets.map((secret) => basename(secret))]) {
    const { size } = await stat(join(draft, path));
    files.push({ path, bytes: size, sha256: await sha256Of(join(draft, path)) });
  }
  const manifest: Manifest = { format: 1, version, taken_at: takenAtMs, epoch, has_secrets: hasSecrets, counts, files };
  await writeManifest(draft, manifest);
  return manifest;
}

async function sizeOf(paths: readonly string[]): Promise<number> {
  const sizes = await Promise.all(paths.map(async (path) => (await stat(path)).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}
