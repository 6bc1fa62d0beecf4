// Copies files at a bounded rate, so that a server on the same disk keeps its own.

import { type FileHandle, open } from 'node:fs/promises';
import { type Clock, sleep } from '@hongyan/base/clock';

export interface CopyPace {
  readonly clock: Clock;
  /** 0 = as fast as it goes. */
  readonly bytesPerS: number;
  readonly signal: AbortSignal;
  /** Called after each piece. */
  readonly onBytes: (bytes: number) => void;
}

const pieceBytes = 1024 * 1024;

/** The copy is for its owner alone, and on the disk when this resolves. */
export async function copySlowly(from: string, to: string, pace: CopyPace): Promise<void> {
  const source = await open(from, 'r');
  try {
    await copyOpen(source, to, pace);
  } finally {
    await source.close();
  }
}

/** As `copySlowly`, of a file that was opened to be read and stays open. */
export async function copyOpen(source: FileHandle, to: string, pace: CopyPace): Promise<void> {
  const { clock, bytesPerS, signal, onBytes } = pace;
  const target = await open(to, 'wx', 0o600);
  try {
    const buffer = Buffer.alloc(pieceBytes);
    for (;;) {
      signal.throwIfAborted();
      const startMs = clock.monotonicMs();
      const { bytesRead } = await source.read(buffer, 0, pieceBytes);
      if (bytesRead === 0) break;
      await writeAll(target, buffer.subarray(0, bytesRead), to);
      onBytes(bytesRead);
      const restMs = bytesPerS === 0 ? 0 : (bytesRead * 1000) / bytesPerS - (clock.monotonicMs() - startMs);
      if (restMs > 0) await sleep(clock, { delayMs: restMs, signal });
    }
    await target.sync();
  } finally {
    await target.close();
  }
}

/** On a disk that is getting full a write takes some of the bytes without an error: only the next one says why. */
async function writeAll(target: FileHandle, bytes: Buffer, path: string): Promise<void> {
  for (let left = bytes; left.length > 0; ) {
    const { bytesWritten } = await target.write(left).catch((cause: Error) => {
      throw new Error(`${path} cannot be written: ${cause.message}`, { cause });
    });
    if (bytesWritten === 0) throw new Error(`${path} cannot be written: ENOSPC: no more bytes can be written`);
    left = left.subarray(bytesWritten);
  }
}

/** In hexadecimal. */
export async function sha256Of(path: string, signal: AbortSignal): Promise<string> {
  const hash = new Bun.CryptoHasher('sha256');
  for await (const chunk of Bun.file(path).stream()) {
    signal.throwIfAborted();
    hash.update(chunk);
  }
  return hash.digest('hex');
}
