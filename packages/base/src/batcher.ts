// A bounded queue that forms batches: while batches are in flight, the next one collects.

import { assert } from './assert.ts';
import type { Clock, Timer } from './clock.ts';
import { StoreFailure } from './result.ts';
import { TransientMap } from './transient-map.ts';

export interface BatcherOptions<Item, Result> {
  /** Items accepted and not answered yet; a submit beyond it rejects with `overloaded` at once. */
  readonly itemsMax: number;
  /** Items of one batch. The items of one submitAll share a batch even beyond it. */
  readonly batchMax: number;
  /** Batches in flight. */
  readonly inFlightMax: number;
  /**
   * Called in the order of the batches, also while earlier ones are in flight. MUST return one result per item, in their order. An error
   * rejects the items of this batch alone. An item whose result is still a promise when the batch ends no longer delays the next batch;
   * until the promise settles, the item counts towards every bound, and `drain` waits for it.
   */
  readonly handle: (batch: readonly Item[]) => Promise<Results<Result>>;
  readonly pace?: Pace;
  /**
   * Prevents the backlog of one key from delaying the others. A batch contains at most `batchPerKeyMax` items of a key, minus its items
   * of earlier batches whose results are still promises. A submit for a key with `itemsPerKeyMax` unanswered items rejects with
   * `overloaded`. Order is kept per key only.
   */
  readonly fairness?: {
    readonly keyOf: (item: Item) => string;
    readonly itemsPerKeyMax: number;
    readonly batchPerKeyMax: number;
  };
}

/** The minimum time between the starts of batches, while items collect. The first batch after a pause starts at once. */
export interface Pace {
  readonly clock: Clock;
  readonly minIntervalMs: number;
  /** A batch with fewer items waits longer, up to `patienceMs` after the start of the previous one. */
  readonly patience?: { readonly items: number; readonly patienceMs: number };
}

export type Results<Result> = readonly (Result | Promise<Result>)[];

/** Items are handled in the order they were submitted; each submit is answered exactly once. */
export class Batcher<Item, Result> {
  readonly #options: BatcherOptions<Item, Result>;
  #waiting: Pending<Item, Result>[] = [];
  /** Items accepted and not answered yet. */
  #itemCount = 0;
  /** With fairness: the same per key, for keys with unanswered items. */
  readonly #tallies = new TransientMap<string, Tally>();
  #inFlight = 0;
  /** Items of batches that ended, whose results are still promises. */
  #lateCount = 0;
  #isScheduled = false;
  /** Set while the next batch has to wait for its start. */
  #pacing: { readonly dueMs: number; readonly timer: Timer } | undefined;
  #lastStartMs = Number.NEGATIVE_INFINITY;
  #drained: PromiseWithResolvers<void> | undefined;

  constructor(options: BatcherOptions<Item, Result>) {
    assert(options.batchMax >= 1 && options.inFlightMax >= 1, 'a batcher has room for one item and one batch');
    this.#options = options;
  }

  /** Items accepted and not answered yet. */
  get depth(): number {
    return this.#itemCount;
  }

  submit(item: Item): Promise<Result> {
    const tally = this.#tallyOf(item);
    const refusal = this.#refusalOf(1) ?? this.#refusalOfKey(tally);
    if (refusal) return Promise.reject(refusal);
    return new Promise((resolve, reject) => this.#accept({ type: 'one', item, size: 1, tally, resolve, reject }));
  }

  /** Puts all items in one batch; the results are in the same order. */
  submitAll(items: readonly Item[]): Promise<readonly Result[]> {
    const refusal = this.#refusalOf(items.length);
    if (refusal) return Promise.reject(refusal);
    if (items.length === 0) return Promise.resolve([]);
    const tally = this.#tallyOf(items[0] as Item);
    const size = items.length;
    return new Promise((resolve, reject) => this.#accept({ type: 'many', items, size, tally, resolve, reject }));
  }

  /** Rejects new items with `unavailable`, stops pacing, and resolves when the accepted items are answered. */
  drain(): Promise<void> {
    this.#drained ??= Promise.withResolvers<void>();
    this.#startBatches();
    return this.#drained.promise;
  }

  #refusalOf(count: number): StoreFailure | undefined {
    if (this.#drained) return new StoreFailure('unavailable', 'closed: nothing more is accepted');
    const { itemsMax } = this.#options;
    if (this.#itemCount + count <= itemsMax) return undefined;
    return new StoreFailure('overloaded', `more than ${itemsMax} requests are waiting; retry later`);
  }

  /** undefined without fairness. A tally exists from the first accepted item of its key until the last one is answered. */
  #tallyOf(item: Item): Tally | undefined {
    const { fairness } = this.#options;
    if (!fairness) return undefined;
    const key = fairness.keyOf(item);
    return this.#tallies.get(key) ?? { key, count: 0, late: 0, taken: 0 };
  }

  #refusalOfKey(tally: Tally | undefined): StoreFailure | undefined {
    const { itemsPerKeyMax = Number.POSITIVE_INFINITY } = this.#options.fairness ?? {};
    if (tally === undefined || tally.count < itemsPerKeyMax) return undefined;
    return new StoreFailure('overloaded', `more than ${itemsPerKeyMax} requests of one key are waiting; retry later`);
  }

  #accept(pending: Pending<Item, Result>): void {
    const { size, tally } = pending;
    this.#itemCount += size;
    if (tally !== undefined) {
      if (tally.count === 0) this.#tallies.set(tally.key, tally);
      tally.count += size;
    }
    this.#waiting.push(pending);
    if (this.#isScheduled || this.#inFlight >= this.#options.inFlightMax) return;
    if (this.#pacing !== undefined && this.#waiting.length !== this.#options.pace?.patience?.items) return;
    this.#isScheduled = true;
    // After the callbacks that are running now, so that items submitted together share a batch.
    queueMicrotask(() => {
      this.#isScheduled = false;
      this.#startBatches();
    });
  }

  /** Starts batches up to `inFlightMax`. */
  #startBatches(): void {
    while (this.#waiting.length > 0 && this.#inFlight < this.#options.inFlightMax) {
      if (this.#mustWait()) return;
      const batch = this.#takeBatch();
      // Every waiting key has its share in late items: the next late answer starts a batch.
      if (batch.length === 0) return;
      this.#inFlight++;
      void this.#run(batch);
    }
    if (this.#itemCount === 0) this.#drained?.resolve();
  }

  #mustWait(): boolean {
    const { pace } = this.#options;
    if (pace === undefined || this.#drained) return false;
    const nowMs = pace.clock.monotonicMs();
    const dueMs = this.#lastStartMs + this.#intervalMs(pace);
    if (this.#pacing !== undefined && this.#pacing.dueMs <= Math.max(dueMs, nowMs)) return true;
    this.#pacing?.timer.cancel();
    this.#pacing = undefined;
    if (dueMs <= nowMs) {
      this.#lastStartMs = nowMs;
      return false;
    }
    const timer = pace.clock.after(dueMs - nowMs, () => {
      this.#pacing = undefined;
      this.#startBatches();
    });
    this.#pacing = { dueMs, timer };
    return true;
  }

  #intervalMs({ minIntervalMs, patience }: Pace): number {
    return patience !== undefined && this.#waiting.length < patience.items ? patience.patienceMs : minIntervalMs;
  }

  async #run(batch: readonly Pending<Item, Result>[]): Promise<void> {
    const items = itemsOf(batch);
    let settle: (pending: Pending<Item, Result>) => void;
    let late: Late<Item, Result> = new Map();
    try {
      const results = await this.#handle(items);
      assert(results.length === items.length, `${items.length} results, one per item; not ${results.length}`);
      late = lateOf(batch, results);
      settle = resolverOf(results, late);
    } catch (error) {
      settle = (pending) => pending.reject(error);
    }
    this.#inFlight--;
    for (const pending of batch) if (!late.has(pending)) this.#release(pending);
    for (const [pending, results] of late) void this.#answerLate(pending, results);
    // Starts the next batch before the callers of this one run, so that the handler is never idle because of them.
    this.#startBatches();
    for (const pending of batch) settle(pending);
  }

  async #answerLate(pending: Pending<Item, Result>, results: Results<Result>): Promise<void> {
    const { size, tally } = pending;
    this.#lateCount += size;
    if (tally) tally.late += size;
    await Promise.allSettled(results);
    this.#lateCount -= size;
    if (tally) tally.late -= size;
    this.#release(pending);
    this.#startBatches();
    const answer = Promise.all(results);
    if (pending.type === 'many') return answer.then(pending.resolve, pending.reject);
    return answer.then(([result]) => pending.resolve(result as Result), pending.reject);
  }

  #release({ size, tally }: Pending<Item, Result>): void {
    this.#itemCount -= size;
    if (tally === undefined) return;
    tally.count -= size;
    if (tally.count === 0) this.#tallies.delete(tally.key);
  }

  /** Async, so that a handler that throws synchronously rejects its batch before the next one starts. */
  async #handle(items: readonly Item[]): Promise<Results<Result>> {
    return this.#options.handle(items);
  }

  #takeBatch(): readonly Pending<Item, Result>[] {
    const { fairness } = this.#options;
    if (fairness && this.#waiting.length + this.#lateCount > fairness.batchPerKeyMax)
      return this.#takeFairBatch(fairness.batchPerKeyMax);
    return this.#takeFirst();
  }

  /** Items beyond their key's share stay in the queue, in order. */
  #takeFairBatch(batchPerKeyMax: number): readonly Pending<Item, Result>[] {
    const all = this.#waiting;
    const taken: Pending<Item, Result>[] = [];
    const left: Pending<Item, Result>[] = [];
    let itemCount = 0;
    for (const { tally } of all) if (tally) tally.taken = tally.late;
    for (const pending of all) {
      const { size, tally } = pending;
      assert(tally, 'with fairness each submit is counted');
      if (tally.taken >= batchPerKeyMax || (itemCount > 0 && itemCount + size > this.#options.batchMax)) {
        left.push(pending);
        // The key's later items must not overtake this one.
        tally.taken = batchPerKeyMax;
        continue;
      }
      taken.push(pending);
      itemCount += size;
      tally.taken += size;
    }
    this.#waiting = left;
    return taken;
  }

  #takeFirst(): readonly Pending<Item, Result>[] {
    let count = 0;
    let itemCount = 0;
    for (const pending of this.#waiting) {
      if (count > 0 && itemCount + pending.size > this.#options.batchMax) break;
      itemCount += pending.size;
      count++;
    }
    if (count < this.#waiting.length) return this.#waiting.splice(0, count);
    const all = this.#waiting;
    this.#waiting = [];
    return all;
  }
}

function itemsOf<Item, Result>(batch: readonly Pending<Item, Result>[]): readonly Item[] {
  const [first] = batch;
  if (batch.length === 1 && first?.type === 'many') return first.items;
  const items: Item[] = [];
  for (const pending of batch) {
    if (pending.type === 'one') items.push(pending.item);
    else for (const item of pending.items) items.push(item);
  }
  return items;
}

/** Resolves each submit, except late ones, with its part of the results. MUST be called in the order of the batch. */
function resolverOf<Item, Result>(
  results: Results<Result>,
  late: Late<Item, Result>,
): (pending: Pending<Item, Result>) => void {
  const settled = results as readonly Result[];
  let from = 0;
  return (pending) => {
    const to = from + pending.size;
    if (!late.has(pending)) {
      if (pending.type === 'one') pending.resolve(settled[from] as Result);
      else pending.resolve(pending.size === settled.length ? settled : settled.slice(from, to));
    }
    from = to;
  };
}

/** Submits of a batch of which a result is still a promise, each with all its results. */
type Late<Item, Result> = ReadonlyMap<Pending<Item, Result>, Results<Result>>;

function lateOf<Item, Result>(batch: readonly Pending<Item, Result>[], results: Results<Result>): Late<Item, Result> {
  const late = new Map<Pending<Item, Result>, Results<Result>>();
  if (!results.some(isPromise)) return late;
  let from = 0;
  for (const pending of batch) {
    const own = results.slice(from, from + pending.size);
    if (own.some(isPromise)) late.set(pending, own);
    from += pending.size;
  }
  return late;
}

const isPromise = (result: unknown): boolean => result instanceof Promise;

/** Counts the items of one key. */
interface Tally {
  readonly key: string;
  /** Accepted and not answered yet. */
  count: number;
  /** In batches that ended, with results that are still promises. */
  late: number;
  /** In the batch that is being formed, and late. */
  taken: number;
}

/** A submit that is not answered yet. */
type Pending<Item, Result> = PendingOne<Item, Result> | PendingMany<Item, Result>;

interface PendingBase {
  /** The number of its items. */
  readonly size: number;
  /** The tally of the first item's key. */
  readonly tally: Tally | undefined;
  readonly reject: (error: unknown) => void;
}

interface PendingOne<Item, Result> extends PendingBase {
  readonly type: 'one';
  readonly item: Item;
  readonly resolve: (result: Result) => void;
}

interface PendingMany<Item, Result> extends PendingBase {
  readonly type: 'many';
  readonly items: readonly Item[];
  readonly resolve: (results: readonly Result[]) => void;
}
