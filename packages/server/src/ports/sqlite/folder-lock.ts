// One server per data folder: two writers would each give the next seq from their own memory.

import { Database } from 'bun:sqlite';
import { join } from 'node:path';

export interface FolderLock {
  release(): void;
}

/**
 * Held until released or until the process is gone, however it went: the operating system takes back the lock that SQLite
 * holds on the file. Throws when another process has it. On network file systems it is as good as their locks are.
 */
export function lockFolder(folder: string): FolderLock {
  const db = new Database(join(folder, 'server.lock.db'), { create: true });
  try {
    db.run('PRAGMA busy_timeout=0');
    db.run('BEGIN EXCLUSIVE');
  } catch (error) {
    db.close();
    if (!isBusy(error)) throw error;
    throw new Error(
      `another server runs on the data folder ${folder}; stop it first, or name another folder by --data`,
    );
  }
  return { release: () => db.close() };
}

const isBusy = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'SQLITE_BUSY';
