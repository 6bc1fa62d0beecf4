// Reads the records of one partition from the offset that its owner chooses, in order and without gaps. Buffers fetched records up to a
// bound.

import { StoreFailure } from '@hongyan/base/result';

export interface LogRecord {
  readonly offset: number;
  readonly key: string;
  readonly value: Buffer;
  /** Unix ms, by the producer's clock. */
  readonly timestampMs: number;
}

/** At this size of the buffer no more is fetched until the owner has taken records. */
const waitingBytesMax = 4 * 1024 * 1024;

export class PartitionReader {
  readonly partition: number;
  /** Aborts when the partition is revoked or the consumer closes. The owner then stops. */
  readonly signal: AbortSignal;
  readonly #fetchSoon: () => void;
  /** The offset of the next record to fetch; undefined before the first seek. */
  #fetchOffset: number | undefined;
  #endOffset: number | undefined;
  #waiting: LogRecord[] = [];
  #waitingBytes = 0;
  #failure: StoreFailure | undefined;
  #notify: (() => void) | undefined;
  /** Incremented by each seek, which invalidates fetches for earlier ones. */
  #seeks = 0;

  constructor(partition: number, signal: AbortSignal, fetchSoon: () => void) {
    this.partition = partition;
    this.signal = signal;
    this.#fetchSoon = fetchSoon;
    signal.addEventListener('abort', () => this.#notify?.(), { once: true });
  }

  /** `next` continues with the record at this offset. */
  seek(offset: number): void {
    this.#fetchOffset = offset;
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#failure = undefined;
    this.#seeks++;
    this.#fetchSoon();
  }

  /**
   * Waits for records and returns up to `max` buffered ones, in order. Returns none only when the signal has aborted. Rejects with
   * StoreFailure when the record at the offset does not exist: retention removed it, or it is beyond the end of the log.
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

  /** The end of the log as of the last fetch; undefined before the first one. */
  get endOffset(): number | undefined {
    return this.#endOffset;
  }

  /** Every fetch reports it, also one without records. */
  endsAt(offset: number): void {
    this.#endOffset = offset;
  }

  /** Returns up to `max` buffered records without waiting. */
  takeWaiting(max: number): readonly LogRecord[] {
    if (this.signal.aborted) return [];
    const wasFull = this.#isFull;
    const taken = max < this.#waiting.length ? this.#waiting.splice(0, max) : this.#waiting;
    if (taken === this.#waiting) this.#waiting = [];
    for (const { value } of taken) this.#waitingBytes -= value.length;
    if (wasFull && !this.#isFull) this.#fetchSoon();
    return taken;
  }

  /** The offset to fetch; undefined when the buffer is full or the reader has stopped. */
  get wanted(): { readonly offset: number; readonly seeks: number } | undefined {
    if (this.#fetchOffset === undefined || this.#failure || this.#isFull || this.signal.aborted) return undefined;
    return { offset: this.#fetchOffset, seeks: this.#seeks };
  }

  /** Adds records that were fetched for `seeks`. Records before the next offset are skipped: brokers return whole batches. A gap is a failure. */
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
    // Control records of Kafka occupy offsets too.
    this.#fetchOffset = Math.max(this.#fetchOffset, nextOffset);
    if (this.#waiting.length > 0) this.#notify?.();
  }

  fail(seeks: number, why: string): void {
    if (seeks !== this.#seeks) return;
    this.#failure = new StoreFailure('unavailable', `partition ${this.partition} cannot be read further: ${why}`);
    this.#notify?.();
  }

  get #isFull(): boolean {
    return this.#waitingBytes >= waitingBytesMax;
  }
}
