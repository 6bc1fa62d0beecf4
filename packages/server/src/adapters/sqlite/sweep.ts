// Clears a database file, while it is read and written, of every copy of rows that were deleted or overwritten before.
//
// With secure_delete such copies are left in three places: the gaps of pages (page-gaps.ts), the log, and the pages that the
// writing connection holds, from where they come back into the log. A sweep goes through the file once; what reaches the file
// behind its back comes through a checkpoint, and so the sweep makes the checkpoints meanwhile and clears the pages that each of
// them wrote. In the end it lets go of the connection's pages, so that nothing that was read before comes back later.

import type { Database } from 'bun:sqlite';
import { checkpointPages, withoutWaiting } from './open.ts';
import { type PageFile, pagesInLog } from './page-gaps.ts';

export interface SweepTarget {
  /**
   * Writes to the file. Others that do MUST be opened and closed between two steps, and make their checkpoints by
   * `checkpointCleanly` alone.
   */
  readonly db: Database;
  readonly path: string;
  readonly file: PageFile;
}

/** `busy`: a reader holds the log; the next step tries again. */
export type SweepProgress = 'more' | 'busy' | 'done';

/** One that threw is to be begun anew. */
export class Sweep {
  readonly #target: SweepTarget;
  #nextPage = 1;
  /** Frames in the log; more than one checkpoint's while readers hold it. */
  #checkpointAt = checkpointPages;

  constructor(target: SweepTarget) {
    this.#target = target;
    target.db.run('PRAGMA wal_autocheckpoint=0');
  }

  /**
   * About half a millisecond; more where it makes a checkpoint, as the last one does. MUST be called outside of transactions. A
   * patient one waits some seconds for readers.
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

/** Moves the log into the file and empties it; returns false when readers hold a part of it. Clears the gaps of all pages that it may have written. */
export function checkpointCleanly({ db, path, file }: SweepTarget, { isPatient } = { isPatient: false }): boolean {
  const pages = pagesInLog(path);
  try {
    return isPatient ? truncateLog(db) : emptyLog(db);
  } finally {
    file.zeroGapsOf(pages);
  }
}

/** Moves the log into the file and empties it, without waiting; returns false when readers hold a part of it. */
export const emptyLog = (db: Database): boolean => withoutWaiting(db, () => truncateLog(db));

const truncateLog = (db: Database): boolean => checkpoint(db, 'TRUNCATE').busy === 0;
const framesInLog = (db: Database): number => checkpoint(db, 'NOOP').log;

function checkpoint(db: Database, mode: 'TRUNCATE' | 'NOOP'): { readonly busy: number; readonly log: number } {
  const result = db.query<{ busy: number; log: number }, []>(`PRAGMA wal_checkpoint(${mode})`).get();
  return result ?? { busy: 1, log: 0 };
}
