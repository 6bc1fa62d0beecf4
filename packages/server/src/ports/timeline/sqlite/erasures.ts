// Completes erasures: overwrites the content in older months at once, and then sweeps all files that contained it [E5]. The current month
// records pending erasures, so that a crash only delays them.

import { unreachable } from '@hongyan/base/assert';
import { systemClock } from '@hongyan/base/clock';
import { isUnavailable } from '../../../adapters/sqlite/failure.ts';
import { PageFile } from '../../../adapters/sqlite/page-gaps.ts';
import { Sweep, type SweepProgress } from '../../../adapters/sqlite/sweep.ts';
import { eraseInClosedMonth, openToErase } from './erasure.ts';
import type { Month } from './month.ts';
import { monthPath } from './month-files.ts';
import type { MonthReader } from './month-reader.ts';
import type { MonthWriter } from './month-writer.ts';

/** The pause after a round, and after a failed one. Later erasures share the next round. */
const restMs = 1_000;
/** The pause while a reader prevents the log from being emptied. */
const busyRestMs = 100;

/** One sweep of each file that may contain content that was erased up to some moment. */
interface Round {
  readonly throughNo: number;
  /** The current month is the last one. */
  readonly months: Month[];
  sweep: MonthSweep | undefined;
}

interface MonthSweep {
  readonly sweep: Sweep;
  close(): void;
}

export class Erasures {
  readonly #folder: string;
  readonly #closed: () => readonly MonthReader[];
  /** Open until the store is closed or the month is removed: see PageFile.close. */
  readonly #files = new Map<Month, PageFile>();
  /** Closed months with content that was overwritten since the last round began. */
  readonly #unswept = new Set<Month>();
  #current: MonthWriter | undefined;
  /** Erasures of `#current` up to this number are overwritten in the closed months. */
  #overwrittenThrough = 0;
  #round: Round | undefined;
  #restUntilMs = Number.NEGATIVE_INFINITY;

  /** `closed` returns the months without further entries. */
  constructor(folder: string, closed: () => readonly MonthReader[]) {
    this.#folder = folder;
    this.#closed = closed;
  }

  /** Completes all erasures that `current` records, and no longer those of the previous month. Call it while that month is still open. */
  turnTo(current: MonthWriter | undefined): void {
    this.#abandonRound();
    this.#current = current;
    this.#overwrittenThrough = 0;
  }

  /** Overwrites the content of the recorded erasures in the closed months. Throws when a file cannot be written. */
  overwrite(): void {
    const current = this.#current;
    if (!current || current.lastErasure <= this.#overwrittenThrough) return;
    const erasures = current.erasuresAfter(this.#overwrittenThrough);
    for (const reader of this.#closed()) {
      const held = erasures.filter(({ conversationId, seq }) => reader.holdsMessage(conversationId, seq));
      if (held.length === 0) continue;
      this.#unswept.add(reader.month);
      eraseInClosedMonth({ path: monthPath(this.#folder, reader.month), file: this.#file(reader.month) }, held);
    }
    this.#overwrittenThrough = current.lastErasure;
  }

  /**
   * Executes a step of the round. Returns whether work is left. When the disk is full or failing, the round starts again after a pause.
   */
  step(): boolean {
    if (!this.#current?.hasErasures) return false;
    if (systemClock.monotonicMs() < this.#restUntilMs) return true;
    try {
      this.overwrite();
      if (this.#advance(this.#current, { isPatient: false }) === 'busy') this.#rest(busyRestMs);
    } catch (error) {
      this.#abandonRound();
      if (!isUnavailable(error)) throw error;
      this.#rest(restMs);
    }
    return true;
  }

  /**
   * Completes all erasures at once. Throws when a file cannot be written. Gives up until the next start when a reader holds a log for
   * seconds.
   */
  finish(): void {
    this.overwrite();
    while (this.#current?.hasErasures) if (this.#advance(this.#current, { isPatient: true }) === 'busy') return;
  }

  /** Call it when the month was removed. */
  drop(month: Month): void {
    if (this.#round?.months.includes(month)) this.#abandonRound();
    this.#unswept.delete(month);
    this.#files.get(month)?.close();
    this.#files.delete(month);
  }

  /** MUST be called after all months are closed. */
  close(): void {
    for (const file of this.#files.values()) file.close();
    this.#files.clear();
  }

  #advance(current: MonthWriter, options: { readonly isPatient: boolean }): SweepProgress {
    this.#round ??= this.#begin(current);
    const round = this.#round;
    const [month] = round.months;
    if (month === undefined) {
      current.forgetErasures(round.throughNo);
      this.#round = undefined;
      this.#rest(restMs);
      return 'done';
    }
    round.sweep ??= this.#sweepOf(month, current);
    const progress = round.sweep.sweep.step(options);
    switch (progress) {
      case 'more':
      case 'busy':
        return progress;
      case 'done':
        round.sweep.close();
        round.sweep = undefined;
        round.months.shift();
        return 'more';
      default:
        return unreachable(progress);
    }
  }

  #begin(current: MonthWriter): Round {
    const months = [...this.#unswept, current.month];
    this.#unswept.clear();
    return { throughNo: current.lastErasure, months, sweep: undefined };
  }

  #sweepOf(month: Month, current: MonthWriter): MonthSweep {
    const file = this.#file(month);
    const path = monthPath(this.#folder, month);
    if (month === current.month) {
      const sweep = new Sweep({ db: current.db, path, file });
      return { sweep, close: () => sweep.stop() };
    }
    const db = openToErase(path);
    return { sweep: new Sweep({ db, path, file }), close: () => db.close() };
  }

  #abandonRound(): void {
    const round = this.#round;
    this.#round = undefined;
    for (const month of round?.months ?? []) if (month !== this.#current?.month) this.#unswept.add(month);
    round?.sweep?.close();
  }

  #file(month: Month): PageFile {
    const known = this.#files.get(month);
    if (known) return known;
    const file = new PageFile(monthPath(this.#folder, month));
    this.#files.set(month, file);
    return file;
  }

  #rest(ms: number): void {
    this.#restUntilMs = systemClock.monotonicMs() + ms;
  }
}
