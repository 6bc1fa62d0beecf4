// One server per data folder: two writers would each give the next seq from their own memory.

import { join } from 'node:path';
import { opened } from './open.ts';

export interface FolderLock {
  release(): void;
}

/**
 * Held until released or until the process is gone, however it went: the operating system takes back the lock that SQLite
 * holds on the file. Throws when another process has it. On network file systems it is as good as their locks are.
 */
export function lockFolder(folder: string): FolderLock {
  try {
    const db = opened(join(folder, 'server.lock.db'), { create: true }, (fresh) => {
      fresh.run('PRAGMA busy_timeout=0');
      fresh.run('BEGIN EXCLUSIVE');
    });
    return { release: () => db.close() };
  } catch (error) {
    if (!isBusy(error)) throw error;
    throw new Error(
      `another server runs on the data folder ${folder}; stop it first, or name another folder by --data`,
      { cause: error },
    );
  }
}

const isBusy = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'SQLITE_BUSY';
