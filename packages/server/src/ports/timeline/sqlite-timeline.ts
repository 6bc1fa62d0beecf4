// The embedded timeline: SQLite, one file per month. Appends share one fsync per batch on a thread of their own; reads never wait for them.

import { mkdirSync } from 'node:fs';
import { assert } from '@hongyan/base/assert';
import { Batcher, type BatcherOptions } from '@hongyan/base/batcher';
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
  /** Appends that would let the month's file grow beyond it reject. */
  readonly maxBytes?: number | undefined;
  /** Entries waiting or committing; an append that would pass it rejects with `overloaded`. */
  readonly queueMax: number;
  /** Entries of one commit; the entries of one append stay in one commit, even when they are more. */
  readonly batchMax: number;
  /** Commits handed to the writer at the same time, so that it is not idle while this thread works. */
  readonly inFlightMax?: number | undefined;
  /** Commits begin at least so far apart, the first after a pause without delay: fewer wake-ups and fsyncs for a bounded latency. */
  readonly pace?: BatcherOptions<NewEntry, AppendResult>['pace'];
  readonly tailLimits?: TailLimits | undefined;
  /** Where a profiler finds the writer's thread. */
  readonly threads?: ProfiledThreads | undefined;
  /** Nothing can be written any more; reads go on. */
  readonly onDeath?: () => void;
  readonly meter?: StoreMeter | undefined;
  /** Absent: nothing is traced. */
  readonly tracing?: Tracing | undefined;
}

/** The timeline and the feed of one folder. */
export interface SqliteTimelineStore extends Timeline {
  readonly feed: Feed;
}

const inFlightMaxDefault = 2;

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
  readonly #appends: Batcher<NewEntry, AppendResult>;
  readonly #meter: StoreMeter | undefined;
  readonly #tracing: Tracing | undefined;
  #closing: Promise<void> | undefined;

  constructor(
    view: StoreView,
    thread: WriterThread<TimelineOp, TimelineResult>,
    { queueMax, batchMax, inFlightMax = inFlightMaxDefault, pace, meter, tracing }: SqliteTimelineOptions,
  ) {
    super(view);
    this.feed = new SqliteFeed(view);
    this.#thread = thread;
    this.#appends = new Batcher({
      itemsMax: queueMax,
      batchMax,
      inFlightMax,
      ...(pace && { pace }),
      handle: (batch) => this.#commit(batch),
    });
    this.#meter = meter;
    this.#tracing = tracing;
    meter?.queue(() => this.#appends.depth, queueMax);
  }

  append(batch: readonly NewEntry[]): Promise<readonly AppendResult[]> {
    return this.#appends.submitAll(batch);
  }

  async setState(change: StateChange): Promise<void> {
    await this.#thread.commit([{ type: 'set_state', change }]);
  }

  async retain({ fromMs }: { readonly fromMs: number }): Promise<void> {
    try {
      await this.#thread.commit([{ type: 'retain', fromMs }]);
    } finally {
      // Also when it failed half-way: a file that is gone is not read any more.
      if (!this.#closing) this.view.reloadMonths();
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#appends.drain();
    // First: the thread sweeps what was erased, which readers of the log would delay, and closes the files that it swept (PageFile.close).
    this.view.close();
    await this.#thread.close();
  }

  async #commit(batch: readonly NewEntry[]): Promise<readonly AppendResult[]> {
    this.#meter?.batchSize.observe(batch.length);
    const [result] = await this.#thread.commit([toAppendOp(batch)], this.#timesOf(batch));
    assert(result?.type === 'appended', 'an append is answered by its outcomes');
    this.view.turnTo(result.month);
    const appended = batch.map((entry, index) => this.#appended(entry, index, result));
    this.view.tail.dropSome(result.sortedThrough, batch.length);
    this.feed.notify();
    return appended;
  }

  /** The thread keeps no context and has no exporter: it answers with its times, and the spans are made of them here. */
  #timesOf(batch: readonly NewEntry[]): ((times: SpanTimes) => void) | undefined {
    const tracing = this.#tracing;
    if (tracing === undefined) return undefined;
    const traces = batch.map(({ trace }) => trace).filter((trace) => trace !== undefined);
    if (traces.length === 0) return undefined;
    return (times) => {
      for (const trace of traces) tracing.took(trace, 'transaction', times);
    };
  }

  #appended(entry: NewEntry, index: number, result: TimelineResult & { type: 'appended' }): AppendResult {
    const [outcome, count] = [result.outcomes[index], result.counts[index]];
    assert(outcome !== undefined && outcome !== 0 && count !== undefined, 'one outcome per entry');
    if (outcome > 0) {
      const added = storedOf(entry, outcome as Seq, count);
      this.view.add(added);
      const erasedJson = entry.target?.erasedJson;
      if (erasedJson !== undefined) this.#eraseInTail(added, erasedJson);
      return { type: 'committed', entry: added };
    }
    const duplicate = result.duplicates[-outcome - 1];
    assert(duplicate, 'a repeat comes with its first entry');
    return {
      type: 'duplicate',
      entry: duplicate.type === 'in_tail' ? this.view.tail.at(duplicate.p) : duplicate.entry,
    };
  }

  /** What the writer did in the files: to the target of `erasing`, and to what changed it before. */
  #eraseInTail({ conversationId, targetSeq, seq: beforeSeq }: StoredEntry, contentJson: string): void {
    if (targetSeq === undefined) return;
    this.view.tail.run(conversationId)?.erase({ seq: targetSeq, beforeSeq, contentJson });
  }
}
