// One server per data folder: two writers would each give the next seq from their own memory.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { opened } from './open.ts';

export interface FolderLock {
  release(): void;
}

/** Whoever looks whether the lock is held has it for a moment. */
const lookedAtMs = 20;

/**
 * Held until released or until the process is gone, however it went: the operating system takes back the lock that SQLite
 * holds on the file. Throws when another process has it. On network file systems it is as good as their locks are.
 */
export function lockFolder(folder: string): FolderLock {
  try {
    const db = opened(fileOf(folder), { create: true }, (fresh) => {
      fresh.run(`PRAGMA busy_timeout=${lookedAtMs}`);
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

/** Whether a process has it. Nothing is made. */
export function isFolderLocked(folder: string): boolean {
  if (!existsSync(fileOf(folder))) return false;
  try {
    opened(fileOf(folder), { create: false }, (db) => db.run('PRAGMA schema_version')).close();
    return false;
  } catch (error) {
    if (isBusy(error)) return true;
    throw error;
  }
}

const fileOf = (folder: string): string => join(folder, 'server.lock.db');

const isBusy = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'SQLITE_BUSY';
