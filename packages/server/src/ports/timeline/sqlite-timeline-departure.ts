// The timeline's files read to be moved into another store, beside the server that writes them or while none does: its commits in
// order, each with all that belongs to it. Changes nothing.

import type { Seq } from '@hongyan/protocol/ids';
import type { EndedHead, MovedEntry, MovedMessage, MovedPage } from './arrival.ts';
import { DepartureMonth, type MonthMessage } from './sqlite/departure-month.ts';
import { HeadsFile } from './sqlite/heads-file.ts';
import { type Month, positionOf, rowsPerMonth } from './sqlite/month.ts';
import { listMonths } from './sqlite/month-files.ts';
import { SqliteReads } from './sqlite/reads.ts';
import { StoreView } from './sqlite/store-view.ts';
import type { Place, TimelineReads } from './timeline.ts';

/** Entries of one read. */
const placesAtOnce = 1_000;

export class SqliteTimelineDeparture {
  readonly epoch: string;
  readonly #folder: string;
  readonly #heads: HeadsFile;
  readonly #view: StoreView;
  /** Oldest first. */
  #months: DepartureMonth[] = [];

  /** Throws when there is no timeline in `folder`. */
  constructor(folder: string) {
    this.#folder = folder;
    this.#heads = HeadsFile.openForReading(folder);
    this.epoch = this.#heads.epoch();
    this.#view = new StoreView(folder);
    this.#look();
  }

  /** As a number: what is before it was removed. */
  removedThrough(): number {
    this.#look();
    return this.#heads.removedThrough(this.#months[0]?.month);
  }

  /** The position of the last commit, as a number. */
  end(): number {
    this.#look();
    for (const month of this.#months.toReversed()) {
      const lastP = month.lastP();
      if (lastP > 0) return positionOf(month.month, lastP);
    }
    return this.#heads.removedThrough(undefined);
  }

  /** How many kept entries were committed up to a position. */
  countThrough(number: number): number {
    this.#look();
    return this.#months.reduce((sum, month) => {
      const p = Math.max(0, number - positionOf(month.month, 0));
      return sum + Math.min(p, month.lastP());
    }, 0);
  }

  /** The store as it is now, read as everyone reads it. */
  reads(): TimelineReads {
    this.#view.reload();
    return new SqliteReads(this.#view);
  }

  /** What was committed after a position, `limit` entries at most; undefined at the end. */
  page(after: number, limit: number): MovedPage | undefined {
    this.#look();
    for (const month of this.#months) {
      const afterP = Math.max(0, after - positionOf(month.month, 0));
      // The position is in a later month.
      if (afterP >= rowsPerMonth) continue;
      const rows = month.commitsAfter(afterP, limit);
      const last = rows.at(-1);
      if (last === undefined) continue;
      const entries = rows.map(({ entry }) => ({ entry, mentioned: month.mentionedBy(entry) }));
      return { entries, messages: this.messages(changedBy(entries)), through: positionOf(month.month, last.p) };
    }
    return undefined;
  }

  /** Where the kept entries are that were committed after a position and up to another one. */
  between(after: number, through: number): readonly Place[] {
    this.#look();
    const places: Place[] = [];
    for (const month of this.#months) {
      const throughP = through - positionOf(month.month, 0);
      for (let afterP = Math.max(0, after - positionOf(month.month, 0)); afterP < Math.min(throughP, rowsPerMonth); ) {
        const rows = month.commitsAfter(afterP, Math.min(placesAtOnce, throughP - afterP));
        places.push(...rows.map(({ entry: { conversationId, seq } }) => ({ conversationId, seq })));
        const last = rows.at(-1);
        if (last === undefined) break;
        afterP = last.p;
      }
    }
    return places;
  }

  /** Messages that were changed, as they are now. */
  messages(places: readonly Place[]): readonly MovedMessage[] {
    return places.map((place) => {
      const states = this.#months.flatMap((month) => month.stateOf(place) ?? []);
      // The newest month that knows the message's state is right; that it was erased stands in the month in which it was.
      const newest = states.at(-1);
      if (newest === undefined)
        throw new Error(`${place.conversationId} has no state of message ${place.seq}, which an entry changed`);
      const { asOfSeq, stateJson, isPinned } = newest;
      const erased = states.some(({ isErased }) => isErased) ? this.#erased(place) : [];
      return { ...place, asOfSeq, stateJson, isPinned, erased };
    });
  }

  /** Of all conversations that may have had entries in removed months, in the order of their ids. */
  ended(after: string, limit: number): readonly EndedHead[] {
    return this.removedThrough() === 0 ? [] : this.#heads.heads({ after, limit });
  }

  close(): void {
    this.#view.close();
    for (const month of this.#months) month.close();
    this.#heads.close();
  }

  /** An older month may hold for a moment longer what is erased: the month being written remembers it so long, with its content. */
  #erased(place: Place): readonly { readonly seq: Seq; readonly contentJson: string }[] {
    const pending = this.#months.flatMap((month) => month.pendingErasures(place));
    const contents = new Map<Seq, MonthMessage>();
    for (const month of this.#months) for (const one of month.contentsOf(place)) contents.set(one.seq, one);
    return [...contents.values()].map(({ seq, contentJson }) => {
      const erasing = pending.findLast(({ bySeq }) => seq === place.seq || seq < bySeq);
      return { seq, contentJson: erasing?.contentJson ?? contentJson };
    });
  }

  /** Months that came or went since. */
  #look(): void {
    const listed = listMonths(this.#folder);
    for (const one of this.#months) if (!listed.includes(one.month)) one.close();
    const kept = new Map<Month, DepartureMonth>(this.#months.map((one) => [one.month, one]));
    this.#months = listed.flatMap((month) => kept.get(month) ?? DepartureMonth.open(this.#folder, month) ?? []);
  }
}

/** Each message once. */
function changedBy(entries: readonly MovedEntry[]): readonly Place[] {
  const places = new Map<string, Place>();
  for (const { entry } of entries) {
    const { conversationId, targetSeq } = entry;
    if (targetSeq !== undefined) places.set(`${conversationId} ${targetSeq}`, { conversationId, seq: targetSeq });
  }
  return [...places.values()];
}
