// Opens all SQLite files, so that durability and cache settings cannot differ between stores.

import { Database } from 'bun:sqlite';

export interface OpenOptions {
  /** The maximum size of the file. A write beyond it fails with SQLITE_FULL. Default unbounded. */
  readonly maxBytes?: number;
  /** The page cache of the connection. */
  readonly cacheBytes?: number;
  /** For writers: whether to create a missing file. Default true. */
  readonly create?: boolean;
}

export const pageBytes = 4096;
const busyTimeoutMs = 5_000;
/** SQLite's upper limit. A page read through the map costs no system call, and history of a large store is mostly such reads. */
const mmapBytes = 2 ** 31 - 65_536;
/** A checkpoint per 4 MiB of the WAL: a commit waits 5 to 10 ms for it. With 16 MiB it waits 12 to 30 ms, and appends are not faster. */
export const checkpointPages = 1_024;

/** A commit on this connection is on the disk when it returns, because synchronous=FULL fsyncs the WAL, unless its transaction is not durable [D1]. */
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
 * For reads beside a writer: sees only committed rows and never waits for an fsync. Opened read-write, because a read-only connection
 * cannot create the shared-memory file of a WAL database that no other connection has open. query_only rejects writes.
 */
export function openReader(path: string, { cacheBytes = 16 * 1024 * 1024 }: OpenOptions = {}): Database {
  return opened(path, { create: false }, (db) => {
    db.run(`PRAGMA busy_timeout=${busyTimeoutMs}`);
    db.run('PRAGMA query_only=ON');
    db.run(`PRAGMA cache_size=-${Math.floor(cacheBytes / 1024)}`);
    db.run(`PRAGMA mmap_size=${mmapBytes}`);
  });
}

/** Opens a file. Errors name the file, which SQLite's messages do not, and keep SQLite's code. */
export function opened(
  path: string,
  { create }: { readonly create: boolean },
  setUp: (db: Database) => void,
): Database {
  let db: Database | undefined;
  try {
    db = new Database(path, { create, readwrite: true });
    // Otherwise a statement that changes many rows writes its undo pages, which contain message text, to a file in /var/tmp [E5].
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
 * Closes a write connection and moves the log into the file, so that the file alone is the whole store. SQLite does not do it on close,
 * because prepared statements hold a connection until they are garbage collected. It does not wait for readers, because a backup reads
 * every store while it copies. Then the log stays beside the file, and the next connection reads both.
 */
export function closeWriter(db: Database): void {
  try {
    withoutWaiting(db, () => db.run('PRAGMA wal_checkpoint(TRUNCATE)'));
  } catch {
    // The disk is full or failing. The log stays beside the file.
  }
  db.close();
}

/** Runs with a busy timeout of 0: a lock of another connection is reported at once. */
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
   * false: the commit costs no fsync. It is atomic and ordered, and survives kill -9. A loss of power may undo it, with all commits
   * after it, until the next durable commit or checkpoint.
   */
  readonly isDurable: boolean;
}

export interface Transaction {
  /** Durable by default. */
  begin(durability?: Durability): void;
  commit(): void;
  rollback(): void;
}

/** Explicit transactions with statements that are prepared once. BEGIN IMMEDIATE acquires the write lock at the start. */
export function transactionOf(db: Database): Transaction {
  const begin = db.prepare('BEGIN IMMEDIATE');
  const commit = db.prepare('COMMIT');
  let isSynchronous = true;
  return {
    begin({ isDurable } = { isDurable: true }) {
      // SQLite accepts the pragma only between transactions. A durable commit syncs the log, and so every earlier commit.
      if (isSynchronous !== isDurable) db.run(`PRAGMA synchronous=${isDurable ? 'FULL' : 'NORMAL'}`);
      isSynchronous = isDurable;
      begin.run();
    },
    commit: () => void commit.run(),
    // SQLite rolls back by itself after some errors, such as a full disk. Then there is no transaction.
    rollback: () => {
      if (db.inTransaction) db.run('ROLLBACK');
    },
  };
}
