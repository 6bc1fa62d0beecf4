// Clears the content of removed rows from a store: from its log soon after the removal, and from the gaps of its pages on close. For
// stores to which other processes write too: a sweep that runs during their checkpoints would destroy pages.

import type { Database } from 'bun:sqlite';
import { statSync } from 'node:fs';
import { systemClock } from '@hongyan/base/clock';
import { isUnavailable } from './failure.ts';
import { PageFile } from './page-gaps.ts';
import { emptyLog } from './sweep.ts';

/** The minimum time between checkpoints. Rows that are removed meanwhile share the next one. */
const restMs = 1_000;
/** The pause while a reader prevents the log from being emptied. */
const busyRestMs = 100;

export class RemovedRows {
  readonly #db: Database;
  /** Initially true, because the last run may have crashed before its checkpoint. */
  #isLogDue = true;
  #areGapsDue = false;
  #restUntilMs = Number.NEGATIVE_INFINITY;

  /** `db` MUST have secure_delete on. */
  constructor(db: Database) {
    this.#db = db;
  }

  /** Call it when rows are removed. */
  add(): void {
    if (!this.#isLogDue) this.#rest(restMs);
    this.#isLogDue = true;
    this.#areGapsDue = true;
  }

  /** MUST be called outside of transactions. Returns whether work is left. Retries after a pause when the disk is full or failing. */
  step(): boolean {
    if (!this.#isLogDue) return false;
    if (systemClock.monotonicMs() < this.#restUntilMs) return true;
    try {
      this.#isLogDue = !emptyLog(this.#db);
      if (this.#isLogDue) this.#rest(busyRestMs);
    } catch (error) {
      if (!isUnavailable(error)) throw error;
      this.#rest(restMs);
    }
    return this.#isLogDue;
  }

  /** The last step. Calls `close`, which MUST close the connection. Does not clear the gaps when a reader holds the log. */
  finish(close: () => void): void {
    const file = this.#areGapsDue ? new PageFile(this.#db.filename) : undefined;
    try {
      if (file) this.#zeroGaps(file);
    } catch (error) {
      if (!isUnavailable(error)) throw error;
    } finally {
      close();
      file?.close();
    }
  }

  /** Holds the write lock while the log is empty, so that no other process can write to the file by a checkpoint. */
  #zeroGaps(file: PageFile): void {
    if (!emptyLog(this.#db)) return;
    this.#db.run('BEGIN IMMEDIATE');
    try {
      if (statSync(`${this.#db.filename}-wal`).size > 0) return;
      for (let page = 1; page <= file.pageCount; ) page = file.zeroGapsFrom(page);
      file.sync();
    } finally {
      this.#db.run('ROLLBACK');
    }
  }

  #rest(ms: number): void {
    this.#restUntilMs = systemClock.monotonicMs() + ms;
  }
}
