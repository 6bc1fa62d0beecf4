// Files with secrets in the data folder: for their owner alone, and there whole or not at all, also after a crash or on a full disk.

import { constants, type Stats } from 'node:fs';
import { access, type FileHandle, link, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Log, silentLog } from '@hongyan/base/log';
import { assertReadable, ownerBefore, ownership } from './folder-access.ts';
import { syncFolder } from './sync-folder.ts';

export const writePrivateFile = (path: string, text: string): Promise<void> =>
  writeDraft(path, text, (draft) => rename(draft, path));

/** Of several processes that create the file at once one does; what is there stays. */
export const createPrivateFile = (path: string, text: string): Promise<void> =>
  writeDraft(path, text, async (draft) => {
    await link(draft, path).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    });
    await rm(draft);
  });

async function writeDraft(path: string, text: string, put: (draft: string) => Promise<void>): Promise<void> {
  // Not of the process's number: in containers that share the folder all have the same.
  const draft = `${path}.${crypto.randomUUID()}.tmp`;
  try {
    const file = await open(draft, 'w', 0o600);
    try {
      await giveAway(file, path);
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await put(draft);
    await syncFolder(dirname(path));
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}

/** What root writes is for the server, which may run as another user, or read it by its group. */
async function giveAway(file: FileHandle, path: string): Promise<void> {
  const before = await ownerBefore(path);
  if (before === undefined) return;
  await file.chown(before.uid, before.gid);
  if (before.isFile()) await file.chmod(0o600 | (before.mode & 0o060));
}

/** Without surrounding white space. Rejects, with what to do, when the file is missing or open to every user of the machine. */
export async function readPrivateFile(path: string, log: Log = silentLog): Promise<string> {
  const found = await statOf(path);
  const mode = found.mode & 0o777;
  if ((mode & 0o007) !== 0) throw new Error(`every user may read or change ${path}: run chmod 600 ${path}`);
  // Volumes of an orchestrator are often given to a group at each mount (fsGroup): its members are the operator's choice.
  if ((mode & 0o070) !== 0 && !(await isOnlyReadable(path, found)))
    log.warn('a secret is open to its group', { path, mode: mode.toString(8) });
  return (await readOwn(path)).trim();
}

/** A file of another user that this process may only read, as a mounted secret: the group is how it reads it. */
async function isOnlyReadable(path: string, { uid }: Stats): Promise<boolean> {
  if (uid === process.getuid?.()) return false;
  return access(path, constants.W_OK).then(
    () => false,
    () => true,
  );
}

async function readOwn(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EACCES') throw cause;
    throw new Error(await ownership(path), { cause });
  }
}

async function statOf(path: string): Promise<Stats> {
  try {
    return await stat(path);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'EACCES') await assertReadable(dirname(path));
    if (code !== 'ENOENT') throw cause;
    throw new Error(`${path} is missing: start the server once, which creates it`, { cause });
  }
}
