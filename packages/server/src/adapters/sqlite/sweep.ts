// Clears every copy of deleted or overwritten rows from a database file while it is read and written.
//
// With secure_delete such copies remain in three places: in the gaps of pages (page-gaps.ts), in the log, and in the page cache of the
// writing connection, which writes them to the log again. A sweep passes through the file once. Only checkpoints write to the file
// meanwhile, so the sweep makes them itself and clears the pages that each of them wrote. Finally it drops the page cache of the
// connection, so that no older page is written later.

import type { Database } from 'bun:sqlite';
import { checkpointPages, withoutWaiting } from './open.ts';
import { type PageFile, pagesInLog } from './page-gaps.ts';

export interface SweepTarget {
  /**
   * A write connection. Other write connections MUST be opened and closed between two steps, and MUST make checkpoints only by
   * `checkpointCleanly`.
   */
  readonly db: Database;
  readonly path: string;
  readonly file: PageFile;
}

/** `busy`: a reader holds the log. The next step retries. */
export type SweepProgress = 'more' | 'busy' | 'done';

/** After a step has thrown, start a new sweep. */
export class Sweep {
  readonly #target: SweepTarget;
  #nextPage = 1;
  /** The number of frames in the log at which to make a checkpoint. Raised while readers hold the log. */
  #checkpointAt = checkpointPages;

  constructor(target: SweepTarget) {
    this.#target = target;
    target.db.run('PRAGMA wal_autocheckpoint=0');
  }

  /**
   * Takes about half a millisecond, and more when it makes a checkpoint, as the last step does. MUST be called outside of transactions.
   * With `isPatient` it waits some seconds for readers.
   */
  step({ isPatient }: { readonly isPatient: boolean } = { isPatient: false }): SweepProgress {
    const { db, file } = this.#target;
    if (this.#nextPage <= file.pageCount) {
      this.#nextPage = file.zeroGapsFrom(this.#nextPage);
      const frames = framesInLog(db);
      if (frames >= this.#checkpointAt)
        this.#checkpointAt = checkpointCleanly(this.#target) ? checkpointPages : frames + checkpointPages;
      return 'more';
    }
    db.run('PRAGMA shrink_memory');
    if (!checkpointCleanly(this.#target, { isPatient })) return 'busy';
    file.sync();
    return 'done';
  }

  /** Leaves checkpoints to SQLite again. */
  stop(): void {
    this.#target.db.run(`PRAGMA wal_autocheckpoint=${checkpointPages}`);
  }
}

/** Moves the log into the file, empties it, and clears the gaps of all pages that this may have written. false when readers hold a part of the log. */
export function checkpointCleanly({ db, path, file }: SweepTarget, { isPatient } = { isPatient: false }): boolean {
  const pages = pagesInLog(path);
  try {
    return isPatient ? truncateLog(db) : emptyLog(db);
  } finally {
    file.zeroGapsOf(pages);
  }
}

/** Moves the log into the file and empties it, without waiting. false when readers hold a part of it. */
export const emptyLog = (db: Database): boolean => withoutWaiting(db, () => truncateLog(db));

const truncateLog = (db: Database): boolean => checkpoint(db, 'TRUNCATE').busy === 0;
const framesInLog = (db: Database): number => checkpoint(db, 'NOOP').log;

function checkpoint(db: Database, mode: 'TRUNCATE' | 'NOOP'): { readonly busy: number; readonly log: number } {
  const result = db.query<{ busy: number; log: number }, []>(`PRAGMA wal_checkpoint(${mode})`).get();
  return result ?? { busy: 1, log: 0 };
}
