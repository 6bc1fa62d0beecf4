// The one place where SQLite files are opened, so that durability and cache settings cannot differ between stores.

import { Database } from 'bun:sqlite';

export interface OpenOptions {
  /** The file may not grow beyond it; a write that would is refused with SQLITE_FULL. Absent = as far as the disk goes. */
  readonly maxBytes?: number;
  /** Memory for pages, per connection. */
  readonly cacheBytes?: number;
  /** Of a writer: whether a file that is missing is made. True when absent. */
  readonly create?: boolean;
}

export const pageBytes = 4096;
const busyTimeoutMs = 5_000;
/** SQLite's own upper bound. A page read through the map costs no system call: history of a large store is mostly such reads. */
const mmapBytes = 2 ** 31 - 65_536;
/** A checkpoint each 4 MiB of the WAL: commits wait 5 to 10 ms for it, for one of 16 MiB 12 to 30, and appends are as fast with both. */
export const checkpointPages = 1_024;

/** A commit on this connection is on the disk when it returns, unless its transaction asked for less: synchronous=FULL makes WAL fsync each commit [D1]. */
export function openWriter(
  path: string,
  { maxBytes, cacheBytes = 64 * 1024 * 1024, create = true }: OpenOptions = {},
): Database {
  return opened(path, { create }, (db) => {
    db.run(`PRAGMA page_size=${pageBytes}`);
    db.run(`PRAGMA busy_timeout=${busyTimeoutMs}`);
    db.run('PRAGMA journal_mode=WAL');
    db.run('PRAGMA synchronous=FULL');
    db.run(`PRAGMA wal_autocheckpoint=${checkpointPages}`);
    db.run(`PRAGMA cache_size=-${Math.floor(cacheBytes / 1024)}`);
    db.run(`PRAGMA mmap_size=${mmapBytes}`);
    db.run('PRAGMA foreign_keys=ON');
    if (maxBytes !== undefined) db.run(`PRAGMA max_page_count=${Math.max(1, Math.floor(maxBytes / pageBytes))}`);
  });
}

/**
 * For reads beside a writer: sees committed rows only, never waits for an fsync. Opened read-write because a read-only
 * connection cannot make the shared-memory file of a WAL database that nobody else has open; query_only refuses writes.
 */
export function openReader(path: string, { cacheBytes = 16 * 1024 * 1024 }: OpenOptions = {}): Database {
  return opened(path, { create: false }, (db) => {
    db.run(`PRAGMA busy_timeout=${busyTimeoutMs}`);
    db.run('PRAGMA query_only=ON');
    db.run(`PRAGMA cache_size=-${Math.floor(cacheBytes / 1024)}`);
    db.run(`PRAGMA mmap_size=${mmapBytes}`);
  });
}

/** A failure names the file, since SQLite's messages do not, and keeps SQLite's code. */
export function opened(
  path: string,
  { create }: { readonly create: boolean },
  setUp: (db: Database) => void,
): Database {
  let db: Database | undefined;
  try {
    db = new Database(path, { create, readwrite: true });
    // Otherwise a statement that changes many rows writes what it would undo, pages with content, into a file in /var/tmp [E5].
    db.run('PRAGMA temp_store=MEMORY');
    setUp(db);
    return db;
  } catch (error) {
    db?.close();
    if (!(error instanceof Error)) throw error;
    const named = new Error(`${path} cannot be opened: ${error.message}`, { cause: error });
    throw Object.assign(named, 'code' in error ? { code: error.code } : {});
  }
}

/**
 * Moves what the log still holds into the file, so that the file alone is the whole store: to be copied, or kept for years.
 * Closing does not do it, because prepared statements hold a connection until they are collected. It waits for no reader, since a
 * backup reads every store for as long as it copies: the log then stays beside the file, and the next one to open it reads both.
 */
export function closeWriter(db: Database): void {
  try {
    withoutWaiting(db, () => db.run('PRAGMA wal_checkpoint(TRUNCATE)'));
  } catch {
    // A disk that is full or failing: the log stays, too.
  }
  db.close();
}

/** A lock that another connection has is then reported at once. */
export function withoutWaiting<T>(db: Database, run: () => T): T {
  db.run('PRAGMA busy_timeout=0');
  try {
    return run();
  } finally {
    db.run(`PRAGMA busy_timeout=${busyTimeoutMs}`);
  }
}

/** Whether a commit waits for the disk. */
export interface Durability {
  /**
   * False: the commit is atomic and ordered, survives kill -9, and may be lost with all commits after it when the power fails,
   * until the next durable commit or checkpoint. It costs no fsync.
   */
  readonly isDurable: boolean;
}

export interface Transaction {
  /** Durable when not stated otherwise. */
  begin(durability?: Durability): void;
  commit(): void;
  rollback(): void;
}

/** Explicit transactions with statements prepared once. BEGIN IMMEDIATE: the write lock is taken at the start, not half-way. */
export function transactionOf(db: Database): Transaction {
  const begin = db.prepare('BEGIN IMMEDIATE');
  const commit = db.prepare('COMMIT');
  let isSynchronous = true;
  return {
    begin({ isDurable } = { isDurable: true }) {
      // SQLite takes the pragma between transactions only. A durable commit syncs the log, and so every commit before it.
      if (isSynchronous !== isDurable) db.run(`PRAGMA synchronous=${isDurable ? 'FULL' : 'NORMAL'}`);
      isSynchronous = isDurable;
      begin.run();
    },
    commit: () => void commit.run(),
    // SQLite itself rolls back after some errors (a full disk); then there is nothing left to undo.
    rollback: () => {
      if (db.inTransaction) db.run('ROLLBACK');
    },
  };
}
