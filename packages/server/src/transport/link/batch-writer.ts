// Batches the items of one turn of the event loop into one message of a stream. While the reader does not keep up, nothing is written: the
// batch grows, and is then sent as several messages.

import { soon } from '@hongyan/base/soon';
import { batchBytesMax } from './wire.ts';

/** While the peer has more than this unread, batches wait and grow. */
const unreadBytesMax = 4 * 1024 * 1024;

/** Upper limit of a message with more than one item. */
export const partBytesMax = 4 * 1024 * 1024;

export interface BatchWriterOptions {
  readonly stream: { write(bytes: Buffer, onRead: () => void): unknown };
  /** Returns the collected items as encoded messages, and clears them: see `messagesOf`. */
  readonly take: () => readonly Buffer[];
  /** The peer has read enough for the next batch. */
  readonly onWritable?: () => void;
}

export class BatchWriter {
  readonly #options: BatchWriterOptions;
  #unreadBytes = 0;
  #collectedBytes = 0;
  #isScheduled = false;
  #isClosed = false;

  constructor(options: BatchWriterOptions) {
    this.#options = options;
  }

  /** Collected items, and written messages that the peer has not read. */
  get pendingBytes(): number {
    return this.#unreadBytes + this.#collectedBytes;
  }

  get isBlocked(): boolean {
    return this.#unreadBytes > unreadBytesMax;
  }

  /** The caller added an item of about `bytes`, which the next `take` returns. */
  added(bytes: number): void {
    this.#collectedBytes += bytes;
    if (this.#collectedBytes > batchBytesMax && !this.isBlocked) this.#write();
    else this.#schedule();
  }

  close(): void {
    this.#isClosed = true;
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    soon(() => {
      this.#isScheduled = false;
      this.#write();
    });
  }

  #write(): void {
    if (this.#isClosed || this.isBlocked) return;
    this.#collectedBytes = 0;
    for (const bytes of this.#options.take()) {
      this.#unreadBytes += bytes.length;
      this.#options.stream.write(bytes, () => this.#onRead(bytes.length));
    }
  }

  #onRead(bytes: number): void {
    const wasBlocked = this.isBlocked;
    this.#unreadBytes -= bytes;
    if (!wasBlocked || this.isBlocked) return;
    this.#schedule();
    this.#options.onWritable?.();
  }
}

type Batch = Readonly<Record<string, readonly unknown[]>>;

/** Encodes a batch as one message, or as several when it is larger than `partBytesMax`. The order of the items is kept, list after list. */
export function messagesOf<B extends Batch>(batch: B, encode: (part: B) => Buffer): readonly Buffer[] {
  const count = Object.values(batch).reduce((sum, list) => sum + list.length, 0);
  if (count === 0) return [];
  const bytes = encode(batch);
  if (bytes.length <= partBytesMax || count === 1) return [bytes];
  const middle = count >> 1;
  return [sliceOf(batch, 0, middle), sliceOf(batch, middle, count)].flatMap((half) => messagesOf(half, encode));
}

/** The items `from` ≤ index < `to` of the concatenated lists. */
function sliceOf<B extends Batch>(batch: B, from: number, to: number): B {
  let before = 0;
  const slices = Object.entries(batch).map(([name, list]) => {
    const slice = list.slice(Math.max(0, from - before), Math.max(0, to - before));
    before += list.length;
    return [name, slice] as const;
  });
  return Object.fromEntries(slices) as unknown as B;
}
