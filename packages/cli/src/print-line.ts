// Writes to standard output, and fails the command if that fails.

import { writeSync } from 'node:fs';

/** The reader of the pipe has closed it, as `head` does: the rest is not needed. */
export class ReaderLeft extends Error {
  override readonly name = 'ReaderLeft';
}

/** One line, or several. Throws where console.log says nothing: when the disk is full, or the reader has left. */
export function printLine(text: string): void {
  for (let left = Buffer.from(`${text}\n`); left.length > 0; ) left = left.subarray(write(left));
}

/** How many bytes were taken. */
function write(bytes: Uint8Array): number {
  try {
    return writeSync(process.stdout.fd, bytes);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === 'EPIPE') throw new ReaderLeft(message, { cause });
    if (code !== 'EAGAIN') throw new Error(`standard output cannot be written: ${message}`, { cause });
    // The pipe is non-blocking, because another process set it so, and its reader is slower.
    Bun.sleepSync(1);
    return 0;
  }
}
