// The feed of the SQLite timeline. Each month numbers its commits. The tail in memory continues the files.

import { type Feed, type FeedPage, UnknownPosition } from './feed.ts';
import { formatPosition, parsePosition } from './position.ts';
import { positionOf, rowsPerMonth } from './sqlite/month.ts';
import type { MonthReader, Placed } from './sqlite/month-reader.ts';
import type { StoreView } from './sqlite/store-view.ts';
import type { Position } from './timeline.ts';

interface Waiter {
  readonly after: number;
  readonly resolve: () => void;
}

export class SqliteFeed implements Feed {
  readonly #view: StoreView;
  readonly #waiters = new Set<Waiter>();

  constructor(view: StoreView) {
    this.#view = view;
  }

  async start(): Promise<Position> {
    return formatPosition(this.#view.epoch, this.#view.removedThrough);
  }

  async read({ after, limit }: Parameters<Feed['read']>[0]): Promise<FeedPage> {
    const requested = this.#parse(after);
    const { epoch, end, removedThrough, months } = this.#view;
    const found: (Placed & { readonly position: number })[] = [];
    let position = Math.max(requested, removedThrough);
    for (const month of months) {
      if (found.length >= limit) break;
      for (const placed of this.#readMonth(month, position, limit - found.length)) {
        position = positionOf(month.month, placed.p);
        found.push({ ...placed, position });
      }
    }
    return {
      entries: found.map(({ entry }) => entry),
      position: formatPosition(epoch, position),
      isAtEnd: position >= end,
      hasGap: requested < removedThrough,
    };
  }

  wait({ after, signal }: Parameters<Feed['wait']>[0]): Promise<void> {
    return new Promise((resolve) => {
      const waiter = { after: this.#parse(after), resolve: stop };
      const waiters = this.#waiters;
      function stop() {
        waiters.delete(waiter);
        signal.removeEventListener('abort', stop);
        resolve();
      }
      if (signal.aborted || this.#view.end > waiter.after) return resolve();
      waiters.add(waiter);
      signal.addEventListener('abort', stop, { once: true });
    });
  }

  /** Call it when entries were committed. */
  notify(): void {
    if (this.#waiters.size === 0) return;
    for (const waiter of [...this.#waiters]) if (this.#view.end > waiter.after) waiter.resolve();
  }

  #readMonth(month: MonthReader, after: number, limit: number): readonly Placed[] {
    const { tail } = this.#view;
    const afterP = Math.max(0, after - positionOf(month.month, 0));
    // The position is in a later month, so this month has no entry after it.
    if (afterP >= rowsPerMonth) return [];
    if (month.month !== tail.month) return month.feedAfter(afterP, Number.MAX_SAFE_INTEGER, limit);
    const sorted = afterP < tail.firstP - 1 ? month.feedAfter(afterP, tail.firstP - 1, limit) : [];
    const from = Math.max(afterP, tail.firstP - 1);
    const unsorted = tail.after(from, limit - sorted.length).map((entry, index) => ({ p: from + 1 + index, entry }));
    return [...sorted, ...unsorted];
  }

  #parse(position: Position): number {
    const number = parsePosition(this.#view.epoch, position);
    if (number === undefined || number > this.#view.end) throw new UnknownPosition(position);
    return number;
  }
}
