// Bounds the output that clients have not read: for each connection, and for all together.

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

/** Beyond the total bound, connections are terminated until this share of it remains. */
const relievedShare = 0.75;

/**
 * To measure a hundred thousand sockets after each frame would cost more than the frames. So the sum is an upper estimate, which grows
 * with what is sent and is measured when it reaches the bound.
 */
export class UnreadOutput {
  readonly #options: UnreadOutputOptions;
  #estimateBytes = 0;

  constructor(options: UnreadOutputOptions) {
    this.#options = options;
  }

  /** Called after a send to one socket. [D8] A slow consumer is closed, and reads what it missed from the timeline. */
  sent(socket: Socket, bytes: number): void {
    const unreadBytes = socket.getBufferedAmount();
    if (unreadBytes === 0) return;
    if (unreadBytes > this.#options.connectionBytesMax) this.#options.close(socket, 'slow_consumer');
    this.#grow(bytes);
  }

  /** Called after a publish to a topic with this number of sockets. */
  published(bytes: number, sockets: number): void {
    this.#grow(bytes * sockets);
  }

  /** An upper bound of the unread bytes; exact after `measure`. */
  get estimateBytes(): number {
    return this.#estimateBytes;
  }

  /**
   * Whether the answer of a read may be sent. [D8] A client that reads its output is never refused because of slow consumers.
   */
  hasRoomFor(socket: Socket): boolean {
    if (socket.getBufferedAmount() === 0) return true;
    const roomBytes = this.#options.totalBytesMax * relievedShare;
    return this.#estimateBytes < roomBytes || this.measure() < roomBytes;
  }

  /** Returns the exact sum. Closes connections beyond their bound; beyond the total bound, terminates those with the most unread. */
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

  /** Returns the number of freed bytes. */
  #relieve(backlogs: Backlog[], totalBytes: number): number {
    const excessBytes = totalBytes - this.#options.totalBytesMax * relievedShare;
    let freedBytes = 0;
    for (const { socket, bytes } of backlogs.sort((a, b) => b.bytes - a.bytes)) {
      if (freedBytes >= excessBytes) break;
      this.#options.close(socket, 'slow_consumer');
      // A close frame would wait behind the unread output; only this frees the memory.
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
