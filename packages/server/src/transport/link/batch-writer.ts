// What one turn of the event loop collected, written to a stream as one message, and held back while the reader does not keep up.

import { soon } from '@hongyan/base/soon';
import { batchBytesMax } from './wire.ts';

/** With more than this unread by the other side, batches wait and grow instead of leaving. */
const unreadBytesMax = 4 * 1024 * 1024;

export interface BatchWriterOptions {
  readonly stream: { write(bytes: Buffer, onTaken: () => void): unknown };
  /** Encodes and forgets what was collected; undefined when there is nothing. */
  readonly take: () => Buffer | undefined;
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
    const bytes = this.#options.take();
    if (bytes === undefined) return;
    this.#unreadBytes += bytes.length;
    this.#options.stream.write(bytes, () => this.#taken(bytes.length));
  }

  #taken(bytes: number): void {
    const wasHeldBack = this.isHeldBack;
    this.#unreadBytes -= bytes;
    if (!wasHeldBack || this.isHeldBack) return;
    this.#schedule();
    this.#options.onRelief?.();
  }
}
