// The embedded timeline: one SQLite file per month. A writer thread commits appends with one fsync per batch. Reads use their own
// connections and never wait for it.
//
// It batches entries, not ops, and posts a batch as one op with flat fields. Hence it has its own Batcher in front of the
// WriterThread, where the other stores use GroupCommit.

import { mkdirSync } from 'node:fs';
import { assert } from '@hongyan/base/assert';
import { Batcher } from '@hongyan/base/batcher';
import type { Log } from '@hongyan/base/log';
import type { Seq } from '@hongyan/protocol/ids';
import { WriterThread } from '../../adapters/sqlite/writer-thread.ts';
import type { StoreMeter } from '../../metrics/store-meter.ts';
import type { ProfiledThreads } from '../../profiles/profiled-threads.ts';
import type { SpanTimes, Tracing } from '../../tracing/tracing.ts';
import type { Feed } from './feed.ts';
import type { TailLimits } from './sqlite/month-writer.ts';
import { SqliteReads } from './sqlite/reads.ts';
import { StoreView } from './sqlite/store-view.ts';
import { type TimelineOp, type TimelineResult, toAppendOp } from './sqlite/timeline-op.ts';
import type { TimelineInit } from './sqlite/timeline-store.ts';
import { SqliteFeed } from './sqlite-feed.ts';
import { storedOf } from './stored-entry.ts';
import type { AppendResult, NewEntry, StateChange, StoredEntry, Timeline } from './timeline.ts';

export interface SqliteTimelineOptions {
  readonly dir: string;
  readonly log: Log;
  /** The maximum size of a month's file. Appends beyond it reject. */
  readonly maxBytes?: number | undefined;
  /** The maximum number of waiting and committing entries. Appends beyond it reject with `overloaded`. */
  readonly queueMax: number;
  /** The maximum number of entries per commit. An append with more entries is still one commit. */
  readonly batchMax: number;
  /** Tests lower them to sort with few entries. */
  readonly tailLimits?: TailLimits | undefined;
  /** The threads that the profiler can sample. */
  readonly threads?: ProfiledThreads | undefined;
  /** Called when the writer thread died: all later writes reject, while reads continue. */
  readonly onDeath?: () => void;
  readonly meter?: StoreMeter | undefined;
  /** Default: no traces. */
  readonly tracing?: Tracing | undefined;
}

/** The timeline and the feed of one folder. */
export interface SqliteTimelineStore extends Timeline {
  readonly feed: Feed;
}

/** Two batches are in flight, so that the writer thread is not idle while this thread handles results. */
const inFlightMax = 2;

export async function openSqliteTimeline(options: SqliteTimelineOptions): Promise<SqliteTimelineStore> {
  const { dir: folder, maxBytes, tailLimits, log, meter } = options;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const init: TimelineInit = { folder, maxBytes, tailLimits };
  const thread = new WriterThread<TimelineOp, TimelineResult>({
    worker: new URL('./sqlite/timeline.worker.ts', import.meta.url),
    init,
    asJson: true,
    meter,
    threads: options.threads,
    onFatal(error) {
      log.error('timeline writer died', { error });
      options.onDeath?.();
    },
  });
  await thread.ready();
  return new SqliteTimeline(new StoreView(folder), thread, options);
}

class SqliteTimeline extends SqliteReads implements SqliteTimelineStore {
  readonly feed: SqliteFeed;
  readonly #thread: WriterThread<TimelineOp, TimelineResult>;
  readonly #appends: Batcher<NewEntry, AppendResult | undefined>;
  readonly #meter: StoreMeter | undefined;
  readonly #tracing: Tracing | undefined;
  #closing: Promise<void> | undefined;

  constructor(
    view: StoreView,
    thread: WriterThread<TimelineOp, TimelineResult>,
    { queueMax, batchMax, meter, tracing }: SqliteTimelineOptions,
  ) {
    super(view);
    this.feed = new SqliteFeed(view);
    this.#thread = thread;
    this.#appends = new Batcher({
      itemsMax: queueMax,
      batchMax,
      inFlightMax,
      handle: (batch) => this.#commit(batch),
    });
    this.#meter = meter;
    this.#tracing = tracing;
    meter?.queue(() => this.#appends.depth, queueMax);
  }

  async append(batch: readonly NewEntry[]): Promise<readonly AppendResult[]> {
    const results = await this.#appends.submitAll(batch);
    return results.filter((result) => result !== undefined);
  }

  async setState(change: StateChange): Promise<void> {
    await this.#thread.commit([{ type: 'set_state', change }]);
  }

  async retain({ fromMs }: { readonly fromMs: number }): Promise<void> {
    try {
      await this.#thread.commit([{ type: 'retain', fromMs }]);
    } finally {
      // Also after a failure, because some files may have been deleted.
      if (!this.#closing) this.view.reloadMonths();
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#appends.drain();
    // The readers close first: they would delay the thread's last sweep, and no connection may be open when it closes the swept files
    // (PageFile.close).
    this.view.close();
    await this.#thread.close();
  }

  async #commit(batch: readonly NewEntry[]): Promise<readonly (AppendResult | undefined)[]> {
    this.#meter?.batchSize.observe(batch.length);
    const [result] = await this.#thread.commit([toAppendOp(batch)], this.#timesOf(batch));
    assert(result?.type === 'appended', 'an append returns its outcomes');
    this.view.turnTo(result.month);
    const appended = batch.map((entry, index) => this.#appended(entry, index, result));
    this.view.tail.dropSome(result.sortedThrough, batch.length);
    this.feed.notify();
    return appended;
  }

  /** Creates the spans of traced entries from the times that the writer thread returns, because the thread has no trace exporter. */
  #timesOf(batch: readonly NewEntry[]): ((times: SpanTimes) => void) | undefined {
    const tracing = this.#tracing;
    if (tracing === undefined) return undefined;
    const traces = batch.map(({ trace }) => trace).filter((trace) => trace !== undefined);
    if (traces.length === 0) return undefined;
    return (times) => {
      for (const trace of traces) tracing.took(trace, 'transaction', times);
    };
  }

  /** undefined: it is left out. */
  #appended(entry: NewEntry, index: number, result: TimelineResult & { type: 'appended' }): AppendResult | undefined {
    const [outcome, count] = [result.outcomes[index], result.counts[index]];
    assert(outcome !== undefined && count !== undefined, 'one outcome per entry');
    if (outcome === 0) return undefined;
    if (outcome > 0) {
      const added = storedOf(entry, outcome as Seq, count);
      this.view.add(added);
      const erasedJson = entry.target?.erasedJson;
      if (erasedJson !== undefined) this.#eraseInTail(added, erasedJson);
      return { type: 'committed', entry: added };
    }
    const duplicate = result.duplicates[-outcome - 1];
    assert(duplicate, 'a duplicate refers to its first entry');
    return {
      type: 'duplicate',
      entry: duplicate.type === 'in_tail' ? this.view.tail.at(duplicate.p) : duplicate.entry,
    };
  }

  /** Repeats in the tail what the writer erased in the files: the target of `erasing` and the earlier entries that changed it. */
  #eraseInTail({ conversationId, targetSeq, seq: beforeSeq }: StoredEntry, contentJson: string): void {
    if (targetSeq === undefined) return;
    this.view.tail.run(conversationId)?.erase({ seq: targetSeq, beforeSeq, contentJson });
  }
}
