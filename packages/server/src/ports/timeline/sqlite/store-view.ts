// The state of the reading side of the SQLite timeline: the months' files, the tail in memory, and the end of the commits.

import { assert } from '@hongyan/base/assert';
import type { ConversationId, Seq } from '@hongyan/protocol/ids';
import QuickLRU from 'quick-lru';
import type { Head, StoredEntry } from '../timeline.ts';
import { firstOf } from './first-of.ts';
import { HeadsFile } from './heads-file.ts';
import { type Month, positionOf } from './month.ts';
import { listMonths } from './month-files.ts';
import { MonthReader } from './month-reader.ts';
import { Tail } from './tail.ts';

/** A head with the position of the entry at lastSeq; 0 when nothing was ever appended. */
export interface PlacedHead extends Head {
  readonly lastPosition: number;
}

export class StoreView {
  readonly tail = new Tail();
  readonly epoch: string;
  readonly #folder: string;
  readonly #heads: HeadsFile;
  /** Oldest first. */
  #months: MonthReader[] = [];
  /** The heads of recently used conversations. Every append updates them. */
  readonly #known = new QuickLRU<ConversationId, PlacedHead>({ maxSize: 200_000 });
  #end = 0;
  #removedThrough = 0;

  constructor(folder: string) {
    this.#folder = folder;
    this.#heads = HeadsFile.openForReading(folder);
    this.epoch = this.#heads.epoch();
    this.reload();
  }

  /** Oldest first. */
  get months(): readonly MonthReader[] {
    return this.#months;
  }

  /** The position of the last visible commit. */
  get end(): number {
    return this.#end;
  }

  /** The p of the month's last visible commit. Its file may contain later ones before the writer's answer. */
  shownThrough(month: Month): number {
    return month === this.tail.month ? this.tail.lastP : Number.MAX_SAFE_INTEGER;
  }

  /** The position of the newest entry that retention removed; 0 when there is none. */
  get removedThrough(): number {
    return this.#removedThrough;
  }

  /** Reads the present files, and the tail from them. */
  reload(): void {
    this.reloadMonths();
    const newest = this.#months.at(-1);
    // In one snapshot. Otherwise an entry that is committed and sorted between the reads would be before the end, but in neither the tail
    // nor the file.
    const { tail, lastP, end } = this.inSnapshot(() => {
      const found = newest?.tailAfter(0) ?? [];
      return { tail: found, lastP: newest?.lastP() ?? 0, end: this.#endOfMonths() };
    });
    this.tail.reset(newest?.month, tail[0]?.p ?? lastP + 1);
    for (const { entry } of tail) this.tail.add({ ...entry, conversationId: this.#idInTail(entry.conversationId) });
    this.#end = end ?? this.#removedThrough;
  }

  /** The newest month may have no entry yet, while heads.db has no row of the month before it. */
  #endOfMonths(): number | undefined {
    return firstOf(this.#months.toReversed(), (month) => {
      const lastP = month.lastP();
      return lastP > 0 ? positionOf(month.month, lastP) : undefined;
    });
  }

  /** Opens new months and closes removed ones. Forgets cached heads, because retention raises firstSeq. */
  reloadMonths(): void {
    const listed = listMonths(this.#folder);
    for (const reader of this.#months) if (!listed.includes(reader.month)) reader.close();
    const kept = new Map(this.#months.map((reader) => [reader.month, reader]));
    this.#months = listed.flatMap((month) => kept.get(month) ?? MonthReader.open(this.#folder, month) ?? []);
    this.#removedThrough = this.#heads.removedThrough(listed[0]);
    this.#known.clear();
  }

  /** The writer has begun `month`, and all entries of the months before it are sorted. */
  turnTo(month: Month): void {
    if (this.tail.month === month) return;
    this.tail.reset(month, 1);
    if (this.#months.some((reader) => reader.month === month)) return;
    const reader = MonthReader.open(this.#folder, month);
    assert(reader, 'a month with entries has its tables');
    this.#months.push(reader);
  }

  /** All entries of a conversation in the tail share one copy of its id. */
  #idInTail(conversationId: ConversationId): ConversationId {
    return this.tail.run(conversationId)?.last.conversationId ?? conversationId;
  }

  /** Adds the next commit of the current month. */
  add(entry: StoredEntry): void {
    this.tail.add(entry);
    const { conversationId, seq, timestampMs, isCounted, count } = entry;
    this.#end = this.tail.positionOf(this.tail.lastP);
    const before = this.#known.peek(conversationId);
    // When all entries were removed, firstSeq is lastSeq + 1, which is the seq of this entry.
    const firstSeq = before?.firstSeq ?? (seq === 1 ? seq : undefined);
    if (firstSeq === undefined) return;
    const lastCountedMs = isCounted ? timestampMs : (before?.lastCountedMs ?? 0);
    const head = {
      conversationId,
      firstSeq,
      lastSeq: seq,
      lastCount: count,
      lastCountedMs,
      lastPosition: this.#end,
    };
    this.#known.set(conversationId, head);
  }

  head(conversationId: ConversationId): PlacedHead {
    const known = this.#known.get(conversationId);
    if (known) return known;
    const last = this.#last(conversationId);
    const lastSeq = last?.lastSeq ?? (0 as Seq);
    const inFiles = firstOf(this.#months, (month) => month.firstSeq(conversationId)) ?? lastSeq + 1;
    // The drain may have sorted a later entry of the tail before an earlier one.
    const firstSeq = Math.min(inFiles, this.tail.run(conversationId)?.firstSeq ?? inFiles) as Seq;
    const lastCountedMs = last ? this.#lastCountedMs(conversationId) : 0;
    const head = { lastCount: 0, lastPosition: 0, ...last, conversationId, firstSeq, lastSeq, lastCountedMs };
    // A file may contain a commit before the writer's answer. Cached, its head would be ahead of the next append.
    if (last && head.lastPosition <= this.#end) this.#known.set(conversationId, head);
    return head;
  }

  /** The newest retained counted entry. */
  lastCounted(conversationId: ConversationId): StoredEntry | undefined {
    return (
      this.tail.run(conversationId)?.lastCounted ??
      firstOf(this.#months.toReversed(), (month) => month.lastCounted(conversationId))
    );
  }

  #lastCountedMs(conversationId: ConversationId): number {
    const kept = this.lastCounted(conversationId);
    return kept?.timestampMs ?? this.#heads.head(conversationId)?.last_counted ?? 0;
  }

  #last(conversationId: ConversationId): Pick<PlacedHead, 'lastSeq' | 'lastCount' | 'lastPosition'> | undefined {
    const run = this.tail.run(conversationId);
    if (run) {
      const { seq, count } = run.last;
      return { lastSeq: seq, lastCount: count, lastPosition: this.tail.positionOf(run.lastP) };
    }
    for (const month of this.#months.toReversed()) {
      const row = month.last(conversationId);
      if (!row) continue;
      return { lastSeq: row.seq, lastCount: row.count, lastPosition: positionOf(month.month, row.p) };
    }
    const closed = this.#heads.head(conversationId);
    if (!closed) return undefined;
    return { lastSeq: closed.last_seq, lastCount: closed.last_count, lastPosition: closed.last_position };
  }

  /** Runs many short reads, which are cheaper in a snapshot. `read` MUST be synchronous. */
  inSnapshot<T>(read: () => T): T {
    try {
      for (const month of this.#months) month.beginSnapshot();
      return read();
    } finally {
      for (const month of this.#months) month.endSnapshot();
    }
  }

  close(): void {
    for (const month of this.#months) month.close();
    this.#heads.close();
  }
}
