// Puts a backup into a data folder of its own: checked before and after, and with a new epoch, so that clients resynchronise.

import { existsSync, readdirSync, statSync } from 'node:fs';
import { chown, mkdir, mkdtemp, rename, rm, rmdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { Clock } from '@hongyan/base/clock';
import { lockFolder } from '../../adapters/sqlite/folder-lock.ts';
import { openReader } from '../../adapters/sqlite/open.ts';
import { dataLayout } from '../../config/data-layout.ts';
import { assertNoCopy } from '../../config/moved.ts';
import { ensureFolder, ownerBefore } from '../../files/folder-access.ts';
import { syncFolder } from '../../files/sync-folder.ts';
import { renewEventEpoch } from '../../ports/event-log/sqlite/schema.ts';
import { renewEpoch } from '../../ports/timeline/sqlite/heads-file.ts';
import { listMonths, monthPath } from '../../ports/timeline/sqlite/month-files.ts';
import { copySlowly, sha256Of } from './copy.ts';
import { type Manifest, readManifest } from './manifest.ts';
import { verifyInThread } from './verify-thread.ts';

export interface RestoreOptions {
  readonly backup: string;
  /** A folder that is empty or not there, or whose server is stopped where it is replaced. */
  readonly data: string;
  /** What is in `data` is moved aside. */
  readonly replaces: boolean;
  /** Webhooks are switched off in it. */
  readonly sendsNothing: boolean;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

export interface Restored {
  readonly manifest: Manifest;
  /** Where what was in the folder is now. */
  readonly movedTo: string | undefined;
}

/** [O24] Resolves when a server can start on `data`. When it rejects, `data` is as it was. */
export async function restore(options: RestoreOptions): Promise<Restored> {
  const { backup, data, replaces, sendsNothing } = options;
  const manifest = await readManifest(backup);
  // Processes of the cluster may have their secrets in it.
  await assertNoCopy(data);
  if (replaces) {
    assertStopped(data);
    assertMovable(data);
  } else assertFree(data, manifest);
  const draft = await makeDraft(data);
  try {
    await copyChecked(draft, manifest, options);
    const { counts } = await verifyInThread(draft, options.signal);
    for (const name of ['users', 'conversations', 'entries'] as const)
      if (counts[name] !== manifest.counts[name])
        throw new Error(`the copy has ${counts[name]} ${name}, the backup ${manifest.counts[name]}`);
    const layout = dataLayout(draft);
    renewEpoch(layout.timeline);
    if (existsSync(layout.events)) renewEventEpoch(layout.events, { sendsNothing });
    await giveAway(draft, data);
    for (const folder of [layout.timeline, draft]) await syncFolder(folder);
    const movedTo = await takePlace(draft, options);
    await syncFolder(dirname(resolve(data)));
    return { manifest, movedTo };
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    throw error;
  }
}

/**
 * In an empty folder, which may be the root of a volume, or all that this user may write in: then it cannot be replaced, and what lies
 * beside it may be another disk. Otherwise beside the folder.
 */
async function makeDraft(data: string): Promise<string> {
  if (existsSync(data) && isFree(data)) {
    await ensureFolder(data);
    const { restoring } = dataLayout(resolve(data));
    await mkdir(restoring, { mode: 0o700 });
    return restoring;
  }
  await ensureFolder(dirname(resolve(data))).catch((cause: Error) => {
    throw new Error(`${cause.message}; or create an empty folder ${data} that it may write to`, { cause });
  });
  return mkdtemp(`${resolve(data)}.partial-`);
}

/** What root restores is for the server, which may run as another user. */
async function giveAway(draft: string, data: string): Promise<void> {
  const before = await ownerBefore(resolve(data));
  if (before === undefined) return;
  const names = readdirSync(draft, { recursive: true, encoding: 'utf8' });
  for (const path of [draft, ...names.map((name) => join(draft, name))]) await chown(path, before.uid, before.gid);
}

/** One rename; what is there goes aside before it, and comes back where it fails. */
async function takePlace(draft: string, { data, replaces, clock }: RestoreOptions): Promise<string | undefined> {
  if (dirname(draft) === resolve(data)) return fill(resolve(data), draft);
  if (!replaces || !existsSync(data)) {
    await rename(draft, data);
    return undefined;
  }
  // Held until the folder has another name: no server starts on it meanwhile.
  const lock = lockFolder(data);
  try {
    const aside = `${resolve(data)}.replaced-${new Date(clock.nowMs()).toISOString().replaceAll(/[:.]/g, '-')}`;
    await rename(data, aside);
    try {
      await rename(draft, data);
    } catch (error) {
      await rename(aside, data);
      throw error;
    }
    return aside;
  } finally {
    lock.release();
  }
}

/** Until the draft is gone no server starts on the folder. */
async function fill(data: string, draft: string): Promise<undefined> {
  const names = readdirSync(draft);
  try {
    for (const name of names) await rename(join(draft, name), join(data, name));
    await syncFolder(data);
    await rmdir(draft);
  } catch (error) {
    for (const name of names) await rm(join(data, name), { recursive: true, force: true });
    throw error;
  }
}

async function copyChecked(
  draft: string,
  { files }: Manifest,
  { backup, clock, signal }: RestoreOptions,
): Promise<void> {
  for (const { path, bytes, sha256 } of files) {
    if (resolve(backup, path) !== join(resolve(backup), path) || path.startsWith('..'))
      throw new Error(`backup.json names ${path}, which is not in the backup`);
    const target = join(draft, path);
    await mkdir(dirname(target), { recursive: true, mode: 0o700 });
    await copySlowly(join(backup, path), target, { clock, signal, bytesPerS: 0, onBytes: () => {} });
    const { size } = await stat(target);
    const changed = `${join(backup, path)} is not as it was written`;
    if (size !== bytes) throw new Error(`${changed}: it has ${size} bytes, in backup.json ${bytes}`);
    if ((await sha256Of(target, signal)) !== sha256)
      throw new Error(`${changed}: its SHA-256 differs from that in backup.json`);
  }
}

/** What the file system of a volume puts into its root is nobody's. */
const isFree = (data: string): boolean => !existsSync(data) || readdirSync(data).every((name) => name === 'lost+found');

/** Throws when a server runs on it. */
function assertStopped(data: string): void {
  if (!isFree(data)) lockFolder(data).release();
}

/** Throws when it cannot have another name. */
function assertMovable(data: string): void {
  if (isFree(data) || statSync(data).dev === statSync(dirname(resolve(data))).dev) return;
  throw new Error(
    `${data} is the root of a volume, which cannot be moved aside: move its contents elsewhere, and restore without --replace`,
  );
}

/** A restore takes nothing away: what is there, and may be newer, is moved by whoever knows that it is not wanted. */
function assertFree(data: string, { taken_at }: Manifest): void {
  if (isFree(data)) return;
  assertStopped(data);
  const { timeline, restoring } = dataLayout(data);
  if (existsSync(restoring))
    throw new Error(`a restore into ${data} was interrupted: delete its contents, then restore again`);
  const newest = existsSync(timeline) ? newestOf(timeline) : undefined;
  const what =
    newest !== undefined && newest > taken_at
      ? `has messages that are newer than the backup, up to ${new Date(newest).toISOString()}`
      : 'is not empty';
  throw new Error(`${data} ${what}: give an empty folder with --data, or move this one aside with --replace`);
}

/** Unix milliseconds of the newest entry; undefined when there is none. */
function newestOf(timeline: string): number | undefined {
  const month = listMonths(timeline).at(-1);
  if (month === undefined) return undefined;
  const db = openReader(monthPath(timeline, month));
  try {
    return (
      db
        .query<{ at: number | null }, []>(
          `SELECT max(at) AS at FROM (
             SELECT * FROM (SELECT timestamp AS at FROM tail ORDER BY p DESC LIMIT 1)
             UNION ALL SELECT * FROM (SELECT e.timestamp FROM feed f JOIN entry e ON e.n = f.n ORDER BY f.p DESC LIMIT 1))`,
        )
        .get()?.at ?? undefined
    );
  } finally {
    db.close();
  }
}
