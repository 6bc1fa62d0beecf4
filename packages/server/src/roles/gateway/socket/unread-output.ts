// Bounds what was sent and not read: for each connection, and for all of them together.

import type { CloseReason } from '@hongyan/protocol/codes';
import type { Socket } from './socket.ts';

export interface UnreadOutputOptions {
  readonly connectionBytesMax: number;
  readonly totalBytesMax: number;
  readonly sockets: () => Iterable<Socket>;
  readonly close: (socket: Socket, reason: CloseReason) => void;
}

interface Backlog {
  readonly socket: Socket;
  readonly bytes: number;
}

/** Beyond the bound, connections are ended until this share of it is left. */
const relievedShare = 0.75;

/**
 * Asking each of a hundred thousand sockets after each frame would cost more than the frames. So the sum is an estimate that only
 * grows with what is sent, and is measured when it reaches the bound.
 */
export class UnreadOutput {
  readonly #options: UnreadOutputOptions;
  #estimateBytes = 0;

  constructor(options: UnreadOutputOptions) {
    this.#options = options;
  }

  /** After something was sent to this one socket. [D8] What a slow reader misses, it reads from the timeline after reconnecting. */
  sent(socket: Socket, bytes: number): void {
    const unreadBytes = socket.getBufferedAmount();
    if (unreadBytes === 0) return;
    if (unreadBytes > this.#options.connectionBytesMax) this.#options.close(socket, 'slow_consumer');
    this.#grow(bytes);
  }

  /** After something was sent to so many sockets through a topic. */
  published(bytes: number, sockets: number): void {
    this.#grow(bytes * sockets);
  }

  /** At least what is unread; exact after `measure`. */
  get estimateBytes(): number {
    return this.#estimateBytes;
  }

  /**
   * Whether an answer that can be asked for again may be sent. [D8] Who reads what it is sent is refused nothing for those who do
   * not.
   */
  hasRoomFor(socket: Socket): boolean {
    if (socket.getBufferedAmount() === 0) return true;
    const roomBytes = this.#options.totalBytesMax * relievedShare;
    return this.#estimateBytes < roomBytes || this.measure() < roomBytes;
  }

  /** The exact sum. Closes connections beyond the bound of one connection, and ends those with the most when all are beyond theirs. */
  measure(): number {
    const backlogs: Backlog[] = [];
    let totalBytes = 0;
    for (const socket of this.#options.sockets()) {
      const bytes = socket.getBufferedAmount();
      if (bytes === 0) continue;
      if (bytes > this.#options.connectionBytesMax) this.#options.close(socket, 'slow_consumer');
      totalBytes += bytes;
      backlogs.push({ socket, bytes });
    }
    if (totalBytes > this.#options.totalBytesMax) totalBytes -= this.#relieve(backlogs, totalBytes);
    this.#estimateBytes = totalBytes;
    return totalBytes;
  }

  /** Returns how much was freed. */
  #relieve(backlogs: Backlog[], totalBytes: number): number {
    const excessBytes = totalBytes - this.#options.totalBytesMax * relievedShare;
    let freedBytes = 0;
    for (const { socket, bytes } of backlogs.sort((a, b) => b.bytes - a.bytes)) {
      if (freedBytes >= excessBytes) break;
      this.#options.close(socket, 'slow_consumer');
      // A close frame would wait behind what is not read: only this frees the memory.
      socket.terminate();
      freedBytes += bytes;
    }
    return freedBytes;
  }

  #grow(bytes: number): void {
    this.#estimateBytes += bytes;
    if (this.#estimateBytes > this.#options.totalBytesMax) this.measure();
  }
}
