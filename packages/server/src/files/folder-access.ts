// Whether this process may use the data folder: SQLite's own "unable to open database file" names neither owner nor remedy.

import { constants, type Stats } from 'node:fs';
import { access, mkdir, stat } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { dirname } from 'node:path';
import type { Log } from '@hongyan/base/log';

/** Makes the folder, closed to other users, when there is none. Rejects with the reason when this process may not write in it. */
export async function ensureFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    const prefix = `the folder ${path} cannot be created: `;
    const above = await nearestExisting(path);
    if (await isOther(above)) throw new Error(`${prefix}${above} is not a folder`, { cause: error });
    await assertMay(readAndWrite, above, prefix);
    throw new Error(`${prefix}${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
  await assertMay(readAndWrite, path);
}

/** A folder that was there before keeps its mode, and the stores in it have the messages of all users. */
export async function warnIfOpen(path: string, log: Pick<Log, 'warn'>): Promise<void> {
  const { mode } = await stat(path);
  if ((mode & forOthers) !== 0)
    log.warn('the data folder is open to every user of this machine: run chmod o-rwx on it', {
      path,
      mode: (mode & 0o777).toString(8),
    });
}

/** Rejects with the reason when this process may not read in the folder. */
export const assertReadable = (path: string): Promise<void> => assertMay(constants.R_OK | constants.X_OK, path);

/**
 * What root puts at `path` is to be of the owner of what is there, or else of the folder: the server, which may run as that user, has to
 * read it. undefined for everyone but root, who alone gives files away.
 */
export async function ownerBefore(path: string): Promise<Stats | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  try {
    return await stat(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return stat(dirname(path));
  }
}

const forOthers = constants.S_IROTH | constants.S_IWOTH | constants.S_IXOTH;
const readAndWrite = constants.R_OK | constants.W_OK | constants.X_OK;

/** Rejects with the owner of `path` and what to do. */
async function assertMay(mode: number, path: string, prefix = ''): Promise<void> {
  try {
    await access(path, mode);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'EROFS') throw new Error(`${prefix}${path} is on a read-only file system`, { cause });
    if (code !== 'EACCES' && code !== 'EPERM') throw cause;
    // A file has no right to be entered.
    if (await isOther(path)) throw new Error(`${prefix}${path} is not a folder`, { cause });
    throw new Error(`${prefix}${await ownership(path)}`, { cause });
  }
}

/** Why this process may not use what is at `path`, and what to do. */
export async function ownership(path: string): Promise<string> {
  const { uid: self, username } = userInfo();
  const process = `this process runs as ${username} (uid ${self})`;
  const owner = await ownerOf(path);
  if (owner === self) return `${path} does not let its owner read and write: run chmod u+rwX ${path}`;
  const whose = owner === undefined ? 'is in a folder of another user' : `belongs to uid ${owner}`;
  return `${path} ${whose}, and ${process}: run it as that user, or change the owner with chown`;
}

/** undefined where a folder above does not let this process look. */
async function ownerOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).uid;
  } catch {
    // The caller has the error that matters: this one says the same of a folder above.
    return undefined;
  }
}

/** Whether something else than a folder is there. */
const isOther = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => !found.isDirectory(),
    () => false,
  );

async function nearestExisting(path: string): Promise<string> {
  try {
    await stat(path);
    return path;
  } catch (error) {
    const isMissing = ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '');
    return isMissing && dirname(path) !== path ? nearestExisting(dirname(path)) : path;
  }
}
