// Decides how far a conversation was read: a message counts once its end stood still inside the visible list.

import { systemClock, type Timer } from '@hongyan/base/clock';
import type { Seq } from '@hongyan/client/api';

/** Two looks this far apart must see a message; a list that only passes by on its way reports nothing. */
const lookEveryMs = 120;

export interface ReadWatchOptions {
  /** The last message in view; undefined when none is, or when it says nothing of those before it. */
  readonly lastShown: () => Seq | undefined;
  readonly report: (seq: Seq) => void;
}

/** Looks only while something changes: the caller asks for a look after each change of the list or of the page. */
export class ReadWatch {
  readonly #options: ReadWatchOptions;
  #timer: Timer | undefined;
  #before: Seq | undefined;
  #reported = 0;

  constructor(options: ReadWatchOptions) {
    this.#options = options;
  }

  lookSoon(): void {
    this.#timer ??= systemClock.after(lookEveryMs, () => {
      this.#timer = undefined;
      if (this.look()) this.lookSoon();
    });
  }

  /** True when another look is needed: the last message in view was not there at the look before. */
  look(): boolean {
    const shown = this.#options.lastShown();
    const before = this.#before;
    this.#before = shown;
    if (shown === undefined) return false;
    const both = before === undefined || shown < before ? shown : before;
    if (before !== undefined && both > this.#reported) {
      this.#reported = both;
      this.#options.report(both);
    }
    return shown > this.#reported;
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}

/**
 * The first and the last message whose end is inside the list; undefined when there is none, or when the page is hidden. By what is
 * painted, not by what is loaded: rows beyond the edges of the list exist as elements too.
 */
export function shownIn(list: HTMLElement): { readonly firstSeq: Seq; readonly lastSeq: Seq } | undefined {
  if (document.visibilityState !== 'visible') return undefined;
  const { top, bottom } = list.getBoundingClientRect();
  const shown = [...list.querySelectorAll<HTMLElement>('.row[data-seq]')].filter((row) => {
    const end = row.getBoundingClientRect().bottom;
    return end > top && end <= bottom + roundingPx;
  });
  if (shown.length === 0) return undefined;
  const seqs = shown.map((row) => Number(row.dataset.seq));
  return { firstSeq: Math.min(...seqs) as Seq, lastSeq: Math.max(...seqs) as Seq };
}

/** Positions are fractions of a pixel when the page is zoomed. */
const roundingPx = 1;
