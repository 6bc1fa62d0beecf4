// The reads of the SQLite timeline: from the tail in memory first, then from the months' files, newest or oldest first.

import { assert } from '@hongyan/base/assert';
import type { ConversationId, MsgId, Seq } from '@hongyan/protocol/ids';
import { Page } from '../page.ts';
import { formatPosition, parsePosition } from '../position.ts';
import type {
  Head,
  MessageState,
  Place,
  Position,
  Range,
  RangeRequest,
  Segment,
  SeqRange,
  StoredEntry,
  TimelineReads,
} from '../timeline.ts';
import { firstOf } from './first-of.ts';
import type { StoreView } from './store-view.ts';

type Selection = Required<Pick<RangeRequest, 'conversationId' | 'withTargeted'>>;
type ClientKey = Parameters<TimelineReads['findByClientMsgId']>[0];

export class SqliteReads implements TimelineReads {
  protected readonly view: StoreView;

  constructor(view: StoreView) {
    this.view = view;
  }

  get epoch(): string {
    return this.view.epoch;
  }

  async range(request: RangeRequest): Promise<Range> {
    const { conversationId, afterSeq, beforeSeq, withTargeted = false } = request;
    const selection = { conversationId, withTargeted };
    const { firstSeq, lastSeq } = this.view.head(conversationId);
    const page = new Page(request);
    if (afterSeq !== undefined) {
      assert(beforeSeq === undefined, 'a range is after a seq or before one; not both');
      this.#fillAfter(page, selection, afterSeq);
    } else {
      assert(beforeSeq !== undefined, 'a range is after a seq or before one');
      this.#fillBefore(page, selection, beforeSeq);
    }
    const entries = afterSeq !== undefined ? page.entries : page.entries.toReversed();
    // The file of a month may contain a commit before the writer's answer has raised the head.
    return { entries, firstSeq, lastSeq: Math.max(lastSeq, entries.at(-1)?.seq ?? 0) as Seq, hasMore: page.hasMore };
  }

  #fillAfter(page: Page, selection: Selection, afterSeq: Seq): void {
    const run = this.view.tail.run(selection.conversationId);
    let nextSeq: number = afterSeq + 1;
    // The drain sorts entries of the tail step by step, and not in the order of their seqs.
    const untilSeq = run?.firstSeq ?? Number.POSITIVE_INFINITY;
    if (nextSeq < untilSeq) {
      for (const month of this.view.months) {
        if (page.hasMore) return;
        const throughP = this.view.shownThrough(month.month);
        month.after({ ...selection, afterSeq: nextSeq - 1, limit: page.room + 1, throughP }, (entry) => {
          if (entry.seq >= untilSeq) return false;
          nextSeq = entry.seq + 1;
          return page.offer(entry);
        });
      }
    }
    if (!run) return;
    const entries = run.entries(selection);
    for (let index = entries.indexOf(nextSeq), entry = entries.at(index); entry && page.offer(entry); ) {
      entry = entries.at(++index);
    }
  }

  #fillBefore(page: Page, selection: Selection, beforeSeq: Seq): void {
    const run = this.view.tail.run(selection.conversationId);
    let nextSeq: number = beforeSeq;
    if (run && beforeSeq > run.firstSeq) {
      const entries = run.entries(selection);
      for (let index = entries.indexOf(beforeSeq) - 1; index >= 0; index--) {
        const entry = entries.at(index);
        if (entry && !page.offer(entry)) return;
      }
      nextSeq = run.firstSeq;
    }
    for (const month of this.view.months.toReversed()) {
      if (page.hasMore) return;
      const throughP = this.view.shownThrough(month.month);
      month.before({ ...selection, beforeSeq: nextSeq, limit: page.room + 1, throughP }, (entry) => {
        nextSeq = entry.seq;
        return page.offer(entry);
      });
    }
  }

  async heads(conversationIds: readonly ConversationId[]): Promise<readonly Head[]> {
    return conversationIds.map((id) => {
      const { lastPosition: _, ...head } = this.view.head(id);
      return head;
    });
  }

  async lastCounted(conversationIds: readonly ConversationId[]): Promise<ReadonlyMap<ConversationId, StoredEntry>> {
    const found = new Map<ConversationId, StoredEntry>();
    for (const conversationId of conversationIds) {
      const { firstSeq, lastSeq } = this.view.head(conversationId);
      if (firstSeq > lastSeq) continue;
      const entry = this.view.lastCounted(conversationId);
      if (entry) found.set(conversationId, entry);
    }
    return found;
  }

  async messagesAt(places: readonly Place[]): Promise<readonly (StoredEntry | undefined)[]> {
    const find = () => places.map(({ conversationId, seq }) => this.#messageAt(conversationId, seq));
    return places.length > 1 ? this.view.inSnapshot(find) : find();
  }

  #messageAt(conversationId: ConversationId, seq: Seq): StoredEntry | undefined {
    const { firstSeq, lastSeq } = this.view.head(conversationId);
    if (seq < firstSeq || seq > lastSeq) return undefined;
    const run = this.view.tail.run(conversationId);
    const entry =
      run && seq >= run.firstSeq
        ? run.entries({ withTargeted: true }).at(seq - run.firstSeq)
        : firstOf(this.view.months.toReversed(), (month) => month.at(conversationId, seq));
    return entry?.isCounted ? entry : undefined;
  }

  async states(ranges: readonly SeqRange[]): Promise<readonly ReadonlyMap<Seq, MessageState>[]> {
    return ranges.map((range) => this.#states(range));
  }

  #states({ conversationId, fromSeq, throughSeq }: SeqRange): ReadonlyMap<Seq, MessageState> {
    const found = new Map<Seq, MessageState>();
    // A removed message may still have a state in a later month.
    const kept = { conversationId, fromSeq: Math.max(fromSeq, this.view.head(conversationId).firstSeq), throughSeq };
    for (const month of this.view.months) month.states(kept, (seq, state) => found.set(seq, state));
    return found;
  }

  async countAfter(keys: Parameters<TimelineReads['countAfter']>[0]): Promise<readonly number[]> {
    const count = () => keys.map(({ conversationId, seq }) => this.#countAfter(conversationId, seq));
    return keys.length > 1 ? this.view.inSnapshot(count) : count();
  }

  #countAfter(conversationId: ConversationId, seq: Seq): number {
    const { firstSeq, lastSeq, lastCount } = this.view.head(conversationId);
    const fromSeq = Math.max(seq + 1, firstSeq);
    // Limits the range, because the file of a month may contain a commit before the writer's answer has raised the head.
    if (fromSeq > lastSeq) return 0;
    const range = { conversationId, fromSeq, throughSeq: lastSeq };
    const run = this.view.tail.run(conversationId);
    let count = run?.countAt(seq);
    let erased = 0;
    for (const month of this.view.months.toReversed()) {
      erased += month.erased(range);
      count ??= month.countAt(conversationId, seq);
      // A message after `seq` cannot have been erased in an earlier month than the one that has the count.
      if (count !== undefined) break;
    }
    count ??= firstOf(this.view.months, (month) => month.countBeforeFirst(conversationId));
    return lastCount - (count ?? run?.countBeforeFirst ?? lastCount) - erased;
  }

  async mentionsAfter(keys: Parameters<TimelineReads['mentionsAfter']>[0]): Promise<readonly number[]> {
    const count = () => keys.map((key) => this.#mentionsAfter(key));
    return keys.length > 1 ? this.view.inSnapshot(count) : count();
  }

  #mentionsAfter({ conversationId, userId, seq }: Parameters<TimelineReads['mentionsAfter']>[0][number]): number {
    const { firstSeq, lastSeq } = this.view.head(conversationId);
    const fromSeq = Math.max(seq + 1, firstSeq);
    let count = 0;
    for (const month of this.view.months.toReversed()) {
      count += month.mentions({ conversationId, fromSeq, throughSeq: lastSeq }, userId);
      if ((month.firstSeq(conversationId) ?? fromSeq + 1) <= fromSeq) break;
    }
    return count;
  }

  async pinned(conversationId: ConversationId): Promise<readonly Seq[]> {
    const { firstSeq } = this.view.head(conversationId);
    const newestFirst = this.view.months.toReversed();
    const everPinned = new Set(newestFirst.flatMap((month) => month.pinned(conversationId)));
    return [...everPinned]
      .filter((seq) => seq >= firstSeq && firstOf(newestFirst, (month) => month.isPinned(conversationId, seq)))
      .sort((a, b) => a - b);
  }

  async findByMsgId(msgId: MsgId): Promise<StoredEntry | undefined> {
    return this.view.tail.byMsgId(msgId) ?? firstOf(this.view.months.toReversed(), (month) => month.byMsgId(msgId));
  }

  async findByClientMsgId(key: ClientKey): Promise<StoredEntry | undefined> {
    const { from, clientMsgId } = key;
    return (
      this.view.tail.byKey(key) ?? firstOf(this.view.months.toReversed(), (month) => month.byKey(clientMsgId, from))
    );
  }

  async position(): Promise<Position> {
    return formatPosition(this.epoch, this.view.end);
  }

  async changedSince(
    since: Position,
    conversationIds: readonly ConversationId[],
  ): Promise<ReadonlySet<ConversationId>> {
    const number = parsePosition(this.epoch, since);
    // Beyond the end: the folder was restored from a backup, so the entries before the position are unknown.
    if (number === undefined || number > this.view.end) return new Set(conversationIds);
    return new Set(conversationIds.filter((id) => this.view.head(id).lastPosition > number));
  }

  async segments(conversationId: ConversationId): Promise<readonly Segment[]> {
    const { tail, months } = this.view;
    return months.flatMap((month) => {
      const run = month.month === tail.month ? tail.run(conversationId) : undefined;
      const firstSeq = month.firstSeq(conversationId) ?? run?.firstSeq;
      const lastSeq = run?.last.seq ?? month.last(conversationId)?.seq;
      return firstSeq === undefined || lastSeq === undefined ? [] : [{ name: month.month, firstSeq, lastSeq }];
    });
  }
}
