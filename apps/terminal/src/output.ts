// Standard output of a chat in a pipe: its reader may leave at any time, as `head` does.

export class PipeOutput {
  /** Resolves when the reader has left; rejects when writing fails otherwise, for instance on a full disk. */
  readonly closed: Promise<void>;
  readonly #stream: NodeJS.WritableStream;
  readonly #end = Promise.withResolvers<void>();
  #isOpen = true;

  constructor(stream: NodeJS.WritableStream) {
    this.#stream = stream;
    this.closed = this.#end.promise;
    this.closed.catch(() => {
      // Reported to whoever awaits `closed`; there may be no one yet.
    });
    stream.on('error', (error) => this.#onError(error));
  }

  /** Does nothing once the reader has left. */
  write(text: string): void {
    if (!this.#isOpen) return;
    try {
      this.#stream.write(text);
    } catch (error) {
      this.#onError(error as Error);
    }
  }

  #onError(error: NodeJS.ErrnoException): void {
    this.#isOpen = false;
    if (error.code === 'EPIPE') this.#end.resolve();
    else this.#end.reject(error);
  }
}
