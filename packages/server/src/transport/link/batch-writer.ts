// What one turn of the event loop collected, written to a stream as one message, and held back while the reader does not keep up: then it
// grows, and leaves in several.

import { soon } from '@hongyan/base/soon';
import { batchBytesMax } from './wire.ts';

/** With more than this unread by the other side, batches wait and grow instead of leaving. */
const unreadBytesMax = 4 * 1024 * 1024;

/** Of a message with more than one item. */
export const partBytesMax = 4 * 1024 * 1024;

export interface BatchWriterOptions {
  readonly stream: { write(bytes: Buffer, onTaken: () => void): unknown };
  /** Encodes and forgets what was collected: see `messagesOf`. */
  readonly take: () => readonly Buffer[];
  /** The other side reads again. */
  readonly onRelief?: () => void;
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

  /** Collected or written, and not taken by the other side. */
  get waitingBytes(): number {
    return this.#unreadBytes + this.#collectedBytes;
  }

  get isHeldBack(): boolean {
    return this.#unreadBytes > unreadBytesMax;
  }

  /** Something of about `bytes` was added to what `take` encodes. */
  added(bytes: number): void {
    this.#collectedBytes += bytes;
    if (this.#collectedBytes > batchBytesMax && !this.isHeldBack) this.#write();
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
    if (this.#isClosed || this.isHeldBack) return;
    this.#collectedBytes = 0;
    for (const bytes of this.#options.take()) {
      this.#unreadBytes += bytes.length;
      this.#options.stream.write(bytes, () => this.#taken(bytes.length));
    }
  }

  #taken(bytes: number): void {
    const wasHeldBack = this.isHeldBack;
    this.#unreadBytes -= bytes;
    if (!wasHeldBack || this.isHeldBack) return;
    this.#schedule();
    this.#options.onRelief?.();
  }
}

type Batch = Readonly<Record<string, readonly unknown[]>>;

/** A batch as messages that the other side takes: one, unless it had to wait and grew. What it has comes in its order, list after list. */
export function messagesOf<B extends Batch>(batch: B, encode: (part: B) => Buffer): readonly Buffer[] {
  const count = Object.values(batch).reduce((sum, list) => sum + list.length, 0);
  if (count === 0) return [];
  const bytes = encode(batch);
  if (bytes.length <= partBytesMax || count === 1) return [bytes];
  const middle = count >> 1;
  return [sliceOf(batch, 0, middle), sliceOf(batch, middle, count)].flatMap((half) => messagesOf(half, encode));
}

/** Its items from one to before another, as if its lists were one. */
function sliceOf<B extends Batch>(batch: B, from: number, to: number): B {
  let before = 0;
  const slices = Object.entries(batch).map(([name, list]) => {
    const slice = list.slice(Math.max(0, from - before), Math.max(0, to - before));
    before += list.length;
    return [name, slice] as const;
  });
  return Object.fromEntries(slices) as unknown as B;
}
