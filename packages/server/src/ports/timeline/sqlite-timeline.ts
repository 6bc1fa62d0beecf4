// The embedded timeline: SQLite, one file per month. Appends share one fsync per batch on a thread of their own; reads never wait for them.

import { mkdirSync } from 'node:fs';
import type { Log } from '@hongyan/base/log';
import type { ConversationId, Seq } from '@hongyan/protocol/ids';
import { LRUCache } from 'lru-cache';
import { CommitFailedError, GroupCommit } from '../../adapters/sqlite/group-commit.ts';
import { openReader } from '../../adapters/sqlite/open.ts';
import { prepareHead } from './heads-file.ts';
import { headsPath, listMonths } from './month-file.ts';
import { MonthReader } from './month-reader.ts';
import type { AppendResult, Head, Month, NewEntry, Range, RangeRequest, StoredEntry, Timeline } from './timeline.ts';
import type { TimelineInit, TimelineOp, TimelineResult } from './timeline-store.ts';

export interface SqliteTimelineOptions {
  readonly dir: string;
  readonly log: Log;
  /** Appends that would let the month's file grow beyond it reject. */
  readonly maxBytes?: number | undefined;
  readonly queueMax: number;
  readonly batchMax: number;
  /** Nothing can be written any more; reads go on. */
  readonly onDeath?: () => void;
}

export async function openSqliteTimeline(options: SqliteTimelineOptions): Promise<Timeline> {
  const { dir, maxBytes, queueMax, batchMax, log } = options;
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const init: TimelineInit = { folder: dir, ...(maxBytes === undefined ? {} : { maxBytes }) };
  const writer = new GroupCommit<TimelineOp, TimelineResult>({
    worker: new URL('./timeline.worker.ts', import.meta.url),
    init,
    queueMax,
    batchMax,
    onFatal(error) {
      log.error('timeline writer died', { error });
      options.onDeath?.();
    },
  });
  await writer.ready();
  return new SqliteTimeline(dir, writer);
}

class SqliteTimeline implements Timeline {
  readonly #folder: string;
  readonly #writer: GroupCommit<TimelineOp, TimelineResult>;
  readonly #headsDb;
  readonly #closedHead;
  /** Oldest first. */
  #months: MonthReader[];
  /** Up to here every commit is known; a month's file shows the next one before the writer's news of it. */
  #knownPosition: number;
  /** Heads of conversations in use: kept current by every append. */
  readonly #heads = new LRUCache<ConversationId, Head>({ max: 200_000 });

  constructor(folder: string, writer: GroupCommit<TimelineOp, TimelineResult>) {
    this.#folder = folder;
    this.#writer = writer;
    this.#months = listMonths(folder).map((month) => new MonthReader(folder, month));
    this.#knownPosition = firstOf(this.#months.toReversed(), (month) => month.lastPosition()) ?? 0;
    this.#headsDb = openReader(headsPath(folder));
    this.#closedHead = prepareHead(this.#headsDb);
  }

  async append(batch: readonly NewEntry[]): Promise<readonly AppendResult[]> {
    if (batch.length === 0) return [];
    const results = await this.#writer.submitAll(batch.map((entry) => ({ type: 'append', entry })));
    return batch.map((entry, index) => this.#appended(entry, results[index]));
  }

  #appended(entry: NewEntry, result: TimelineResult | undefined): AppendResult {
    if (result?.type === 'duplicate') return result;
    if (result?.type !== 'committed') throw new Error('an append has an outcome of its own');
    const { month, seq, position } = result;
    this.#know(month);
    this.#knownPosition = position;
    const { conversationId } = entry;
    const before = this.#heads.peek(conversationId);
    if (before) {
      // The first entry after everything was dropped is the first one kept: its seq is before's lastSeq + 1 already.
      if (before.lastSeq < seq) this.#heads.set(conversationId, { ...before, lastSeq: seq, lastPosition: position });
    } else if (seq === 1) {
      this.#heads.set(conversationId, { conversationId, firstSeq: seq, lastSeq: seq, lastPosition: position });
    }
    return { type: 'committed', entry: { ...entry, seq, position } };
  }

  #know(month: Month): void {
    if (this.#months.at(-1)?.month === month) return;
    if (this.#months.some((known) => known.month === month)) return;
    this.#months.push(new MonthReader(this.#folder, month));
  }

  async range({ conversationId, afterSeq, beforeSeq, limit }: RangeRequest): Promise<Range> {
    const { firstSeq, lastSeq } = this.#head(conversationId);
    // One more than asked for tells whether there are more.
    const found =
      afterSeq !== undefined
        ? this.#after(conversationId, afterSeq, limit + 1)
        : this.#before(conversationId, beforeSeq ?? ((lastSeq + 1) as Seq), limit + 1);
    return {
      entries: afterSeq !== undefined ? found.slice(0, limit) : found.slice(Math.max(0, found.length - limit)),
      firstSeq,
      // A month's file shows a commit before the writer's news of it raises the head.
      lastSeq: Math.max(lastSeq, found.at(-1)?.seq ?? 0) as Seq,
      hasMore: found.length > limit,
    };
  }

  #after(conversationId: ConversationId, afterSeq: Seq, limit: number): StoredEntry[] {
    const found: StoredEntry[] = [];
    for (const month of this.#months) {
      if (found.length >= limit) break;
      found.push(...month.after(conversationId, found.at(-1)?.seq ?? afterSeq, limit - found.length));
    }
    return found;
  }

  #before(conversationId: ConversationId, beforeSeq: Seq, limit: number): StoredEntry[] {
    let found: StoredEntry[] = [];
    for (const month of this.#months.toReversed()) {
      if (found.length >= limit) break;
      found = [...month.before(conversationId, found[0]?.seq ?? beforeSeq, limit - found.length), ...found];
    }
    return found;
  }

  async heads(conversationIds: readonly ConversationId[]): Promise<readonly Head[]> {
    return conversationIds.map((conversationId) => this.#head(conversationId));
  }

  #head(conversationId: ConversationId): Head {
    const known = this.#heads.get(conversationId);
    if (known) return known;
    const last = firstOf(this.#months.toReversed(), (month) => month.last(conversationId));
    const closed = last ? undefined : this.#closedHead.get(conversationId);
    const lastSeq = last?.seq ?? closed?.last_seq ?? (0 as Seq);
    const lastPosition = last?.position ?? closed?.last_position ?? 0;
    const firstSeq = firstOf(this.#months, (month) => month.firstSeq(conversationId)) ?? ((lastSeq + 1) as Seq);
    const head = { conversationId, firstSeq, lastSeq, lastPosition };
    // [D4] A cursor made of a position beyond the known ones would skip what was committed before it and is not known either.
    if (last && lastPosition > this.#knownPosition) return { ...head, lastPosition: this.#knownPosition };
    if (last || closed) this.#heads.set(conversationId, head);
    return head;
  }

  async lastEntries(conversationIds: readonly ConversationId[]): Promise<ReadonlyMap<ConversationId, StoredEntry>> {
    const found = new Map<ConversationId, StoredEntry>();
    for (const conversationId of conversationIds) {
      const { firstSeq, lastSeq } = this.#head(conversationId);
      if (firstSeq > lastSeq) continue;
      const entry = firstOf(
        this.#months.toReversed(),
        (month) => month.before(conversationId, (lastSeq + 1) as Seq, 1)[0],
      );
      if (entry) found.set(conversationId, entry);
    }
    return found;
  }

  async findByMsgId(msgId: StoredEntry['msgId']): Promise<StoredEntry | undefined> {
    return firstOf(this.#months.toReversed(), (month) => month.byMsgId(msgId));
  }

  async findByClientMsgId({
    from,
    clientMsgId,
  }: Parameters<Timeline['findByClientMsgId']>[0]): Promise<StoredEntry | undefined> {
    return firstOf(this.#months.toReversed(), (month) => month.byKey(clientMsgId, from));
  }

  async months(): Promise<readonly Month[]> {
    return listMonths(this.#folder);
  }

  async dropMonth(month: Month): Promise<void> {
    try {
      const result = await this.#writer.submit({ type: 'drop', month });
      if (result.type === 'kept') throw new Error(`${month} cannot be dropped: ${result.reason}`);
    } catch (error) {
      // A batch is undone when an append in it fails, but a file deleted with it does not come back: the month is dropped.
      if (!(error instanceof CommitFailedError) || listMonths(this.#folder).includes(month)) throw error;
    }
    for (const reader of this.#months.filter((known) => known.month === month)) reader.close();
    this.#months = this.#months.filter((known) => known.month !== month);
    this.#heads.clear();
  }

  async close(): Promise<void> {
    await this.#writer.close();
    for (const month of this.#months) month.close();
    this.#headsDb.close();
  }
}

function firstOf<T, R>(items: readonly T[], find: (item: T) => R | undefined): R | undefined {
  for (const item of items) {
    const found = find(item);
    if (found !== undefined) return found;
  }
  return undefined;
}
