// What leaves on one connection. Frames of one turn leave as one WebSocket message, a JSON array of frames, when the server takes
// that: each message costs both sides a system call and an event.

import { utf8Length } from './unicode.ts';

export interface FrameWriterOptions {
  readonly send: (message: string) => void;
  /** Of one WebSocket message. */
  readonly bytesMax: number;
}

export class FrameWriter {
  readonly #options: FrameWriterOptions;
  #waiting: string[] = [];
  /** Of the array as it would leave now. */
  #bytes = arrayBytes;

  constructor(options: FrameWriterOptions) {
    this.#options = options;
  }

  /** `frame` is JSON. It leaves after the promise callbacks that are ready now. */
  write(frame: string): void {
    const bytes = utf8Length(frame) + 1;
    if (this.#waiting.length > 0 && this.#bytes + bytes > this.#options.bytesMax) this.flush();
    if (this.#waiting.length === 0) queueMicrotask(() => this.flush());
    this.#waiting.push(frame);
    this.#bytes += bytes;
  }

  /** Also before the connection is closed. */
  flush(): void {
    const frames = this.#waiting;
    if (frames.length === 0) return;
    this.#waiting = [];
    this.#bytes = arrayBytes;
    const [only = ''] = frames;
    this.#options.send(frames.length === 1 ? only : `[${frames.join(',')}]`);
  }
}

/** The closing bracket; the opening one takes the place of a comma. */
const arrayBytes = 1;
