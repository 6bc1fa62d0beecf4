// The records of one partition, from where its owner says, strictly one after the other. What is fetched waits here, bounded.

import { StoreFailure } from '@hongyan/base/result';

export interface LogRecord {
  readonly offset: number;
  readonly key: string;
  readonly value: Buffer;
  /** Unix ms, by the producer's clock. */
  readonly timestampMs: number;
}

/** Above it nothing more is fetched until the owner has taken some. */
const waitingBytesMax = 4 * 1024 * 1024;

export class PartitionReader {
  readonly partition: number;
  /** Aborted when the partition is given to someone else, or the consumer closes: its owner stops. */
  readonly signal: AbortSignal;
  readonly #askNow: () => void;
  /** Of the next record to fetch; undefined until the owner has said where to begin. */
  #fetchOffset: number | undefined;
  #endOffset: number | undefined;
  #waiting: LogRecord[] = [];
  #waitingBytes = 0;
  #failure: StoreFailure | undefined;
  #notify: (() => void) | undefined;
  /** Raised by each seek: what was fetched for an earlier one is void. */
  #seeks = 0;

  constructor(partition: number, signal: AbortSignal, askNow: () => void) {
    this.partition = partition;
    this.signal = signal;
    this.#askNow = askNow;
    signal.addEventListener('abort', () => this.#notify?.(), { once: true });
  }

  /** The next record that `next` gives is the one at this offset. */
  seek(offset: number): void {
    this.#fetchOffset = offset;
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#failure = undefined;
    this.#seeks++;
    this.#askNow();
  }

  /**
   * At least one record, up to `max` of those that are here, in order; waits for them. Nothing once the signal is aborted. Rejects with StoreFailure
   * when the record at the offset cannot be had: removed by retention, or beyond the end of the log.
   */
  async next(max = Number.POSITIVE_INFINITY): Promise<readonly LogRecord[]> {
    while (this.#waiting.length === 0 && !this.signal.aborted) {
      if (this.#failure) throw this.#failure;
      await new Promise<void>((resolve) => {
        this.#notify = resolve;
      });
    }
    return this.takeWaiting(max);
  }

  /** Where the log ended when that was last heard; undefined: not yet. */
  get endOffset(): number | undefined {
    return this.#endOffset;
  }

  /** Each fetch tells it, also one that brings nothing. */
  endsAt(offset: number): void {
    this.#endOffset = offset;
  }

  /** Up to `max` of what is here now. */
  takeWaiting(max: number): readonly LogRecord[] {
    if (this.signal.aborted) return [];
    const wasFull = this.#isFull;
    const taken = max < this.#waiting.length ? this.#waiting.splice(0, max) : this.#waiting;
    if (taken === this.#waiting) this.#waiting = [];
    for (const { value } of taken) this.#waitingBytes -= value.length;
    if (wasFull && !this.#isFull) this.#askNow();
    return taken;
  }

  /** What to fetch, when there is room. */
  get wanted(): { readonly offset: number; readonly seeks: number } | undefined {
    if (this.#fetchOffset === undefined || this.#failure || this.#isFull || this.signal.aborted) return undefined;
    return { offset: this.#fetchOffset, seeks: this.#seeks };
  }

  /** What was fetched for `seeks`. Records before the next one are repeats of the broker's batch; a hole ends the reading. */
  fetched(
    seeks: number,
    { records, nextOffset }: { readonly records: readonly LogRecord[]; readonly nextOffset: number },
  ): void {
    if (seeks !== this.#seeks || this.#fetchOffset === undefined) return;
    for (const record of records) {
      if (record.offset < this.#fetchOffset) continue;
      if (record.offset > this.#fetchOffset)
        return this.fail(seeks, `records ${this.#fetchOffset} to ${record.offset - 1} are missing`);
      this.#waiting.push(record);
      this.#waitingBytes += record.value.length;
      this.#fetchOffset++;
    }
    // Markers of Kafka's own take offsets too.
    this.#fetchOffset = Math.max(this.#fetchOffset, nextOffset);
    if (this.#waiting.length > 0) this.#notify?.();
  }

  fail(seeks: number, why: string): void {
    if (seeks !== this.#seeks) return;
    this.#failure = new StoreFailure('unavailable', `partition ${this.partition} cannot be read on: ${why}`);
    this.#notify?.();
  }

  get #isFull(): boolean {
    return this.#waitingBytes >= waitingBytesMax;
  }
}
