// Locks the data folder for one server, because two writers would assign the same seqs.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { opened } from './open.ts';

export interface FolderLock {
  release(): void;
}

/** The time to wait for `isFolderLocked` of another process, which holds the lock for a moment. */
const probeWaitMs = 20;

/**
 * Acquires the lock until it is released or the process ends in any way, because the operating system releases SQLite's file lock.
 * Throws when another process holds it. On network file systems it is only as reliable as their locks.
 */
export function lockFolder(folder: string): FolderLock {
  try {
    const db = opened(fileOf(folder), { create: true }, (fresh) => {
      fresh.run(`PRAGMA busy_timeout=${probeWaitMs}`);
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

/** Whether a process holds the lock. Creates no file. */
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
