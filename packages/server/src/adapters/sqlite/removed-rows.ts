// Clears a store of what its removed rows held: soon after from its log, and at its end from the gaps of its pages too. For a
// store to which other processes write beside the server: a sweep that goes on while they make checkpoints would destroy pages.

import type { Database } from 'bun:sqlite';
import { statSync } from 'node:fs';
import { systemClock } from '@hongyan/base/clock';
import { isUnavailable } from './failure.ts';
import { PageFile } from './page-gaps.ts';
import { emptyLog } from './sweep.ts';

/** What is removed meanwhile shares a checkpoint. */
const restMs = 1_000;
/** While a reader keeps the log from being emptied. */
const busyRestMs = 100;

export class RemovedRows {
  readonly #db: Database;
  /** At first too: a crash may have come before. */
  #isLogDue = true;
  #areGapsDue = false;
  #restUntilMs = Number.NEGATIVE_INFINITY;

  /** Of a connection with secure_delete. */
  constructor(db: Database) {
    this.#db = db;
  }

  /** To be called when rows are removed. */
  add(): void {
    if (!this.#isLogDue) this.#rest(restMs);
    this.#isLogDue = true;
    this.#areGapsDue = true;
  }

  /** Outside of transactions; returns whether there is more to do. What a full or failing disk prevents is tried again after a rest. */
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

  /** The last step: calls `close`, which MUST close the connection. Leaves the gaps as they are when a reader holds the log. */
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

  /** With the write lock and an empty log there is nothing that another process could write to the file by a checkpoint. */
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
