// Reads the files of a timeline for a move into another store: its commits in order, each with all its data. Works with and without a
// server that writes the files. Changes nothing.

import type { Seq } from '@hongyan/protocol/ids';
import type { EndedHead, MovedEntry, MovedMessage, MovedPage } from './moved-page.ts';
import { HeadsFile } from './sqlite/heads-file.ts';
import { type Month, positionOf, rowsPerMonth } from './sqlite/month.ts';
import { MonthExport, type MonthMessage } from './sqlite/month-export.ts';
import { listMonths } from './sqlite/month-files.ts';
import { SqliteReads } from './sqlite/reads.ts';
import { StoreView } from './sqlite/store-view.ts';
import type { Place, TimelineReads } from './timeline.ts';

/** The maximum number of entries per read. */
const placesAtOnce = 1_000;

export class SqliteTimelineExport {
  readonly epoch: string;
  readonly #folder: string;
  readonly #heads: HeadsFile;
  readonly #view: StoreView;
  /** Oldest first. */
  #months: MonthExport[] = [];

  /** Throws when there is no timeline in `folder`. */
  constructor(folder: string) {
    this.#folder = folder;
    this.#heads = HeadsFile.openForReading(folder);
    this.epoch = this.#heads.epoch();
    this.#view = new StoreView(folder);
    this.#look();
  }

  /** The position up to which entries were removed, as a number. */
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

  /** The number of retained entries up to a position. */
  countThrough(number: number): number {
    this.#look();
    return this.#months.reduce((sum, month) => {
      const p = Math.max(0, number - positionOf(month.month, 0));
      return sum + Math.min(p, month.lastP());
    }, 0);
  }

  /** The regular reads, of the present state of the store. */
  reads(): TimelineReads {
    this.#view.reload();
    return new SqliteReads(this.#view);
  }

  /** At most `limit` entries that were committed after a position; undefined at the end. */
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

  /** The places of the retained entries that were committed after one position and up to another. */
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

  /** The present states of messages that were changed. */
  messages(places: readonly Place[]): readonly MovedMessage[] {
    return places.map((place) => {
      const states = this.#months.flatMap((month) => month.stateOf(place) ?? []);
      // The newest month with a state is right. Only the month of the erasure knows that the message was erased.
      const newest = states.at(-1);
      if (newest === undefined)
        throw new Error(
          `message ${place.seq} of ${place.conversationId} was changed but has no state: the store is damaged`,
        );
      const { asOfSeq, stateJson, isPinned } = newest;
      const erased = states.some(({ isErased }) => isErased) ? this.#erased(place) : [];
      return { ...place, asOfSeq, stateJson, isPinned, erased };
    });
  }

  /** The heads of all conversations that may have had entries in removed months, ascending by id. */
  ended(after: string, limit: number): readonly EndedHead[] {
    return this.removedThrough() === 0 ? [] : this.#heads.heads({ after, limit });
  }

  close(): void {
    this.#view.close();
    for (const month of this.#months) month.close();
    this.#heads.close();
  }

  /** Older months may contain the erased content for a moment. Until then the current month has a pending erasure with the new content. */
  #erased(place: Place): readonly { readonly seq: Seq; readonly contentJson: string }[] {
    const pending = this.#months.flatMap((month) => month.pendingErasures(place));
    const contents = new Map<Seq, MonthMessage>();
    for (const month of this.#months) for (const one of month.contentsOf(place)) contents.set(one.seq, one);
    return [...contents.values()].map(({ seq, contentJson }) => {
      const erasing = pending.findLast(({ bySeq }) => seq === place.seq || seq < bySeq);
      return { seq, contentJson: erasing?.contentJson ?? contentJson };
    });
  }

  /** Opens new months and closes removed ones. */
  #look(): void {
    const listed = listMonths(this.#folder);
    for (const one of this.#months) if (!listed.includes(one.month)) one.close();
    const kept = new Map<Month, MonthExport>(this.#months.map((one) => [one.month, one]));
    this.#months = listed.flatMap((month) => kept.get(month) ?? MonthExport.open(this.#folder, month) ?? []);
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
