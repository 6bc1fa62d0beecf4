// [R3] After a loss of events, closes the affected connections one after another. Their clients reconnect and read the timeline; all at
// once would be a storm of sessions and reads.

import type { Clock } from '@hongyan/base/clock';
import type { Random } from '@hongyan/base/random';
import { openState, type Socket } from './socket.ts';

export interface CatchUpsOptions {
  readonly clock: Pick<Clock, 'monotonicMs' | 'after'>;
  readonly random: Random;
  /** Its client reconnects and reads the timeline. */
  readonly close: (socket: Socket) => void;
}

/** Up to this number, all are closed at once. */
const atOnceMax = 50;
/** The closes are spread over `eachMs` for each connection, at most `allMsMax`. Until its close, a connection is served without pushes. */
const eachMs = 1;
const allMsMax = 10_000;
const tickMs = 20;

interface ScheduledClose {
  readonly socket: Socket;
  readonly dueMs: number;
}

export class CatchUps {
  readonly #options: CatchUpsOptions;
  /** Latest first. */
  #scheduled: ScheduledClose[] = [];
  /** The sockets with a scheduled close that are still open. */
  readonly #sockets = new Set<Socket>();
  #isTicking = false;

  constructor(options: CatchUpsOptions) {
    this.#options = options;
  }

  /** Closes each at a random time. A socket that is scheduled already keeps its time: its client then reads everything that was lost. */
  begin(sockets: readonly Socket[]): void {
    const { clock, random, close } = this.#options;
    const fresh = sockets.filter((socket) => socket.readyState === openState && !this.#sockets.has(socket));
    if (this.#sockets.size + fresh.length <= atOnceMax) {
      for (const socket of fresh) close(socket);
      return;
    }
    const nowMs = clock.monotonicMs();
    const withinMs = Math.min(allMsMax, (this.#sockets.size + fresh.length) * eachMs);
    for (const socket of fresh) {
      this.#sockets.add(socket);
      this.#scheduled.push({ socket, dueMs: nowMs + random() * withinMs });
    }
    this.#scheduled.sort((one, other) => other.dueMs - one.dueMs);
    this.#tickLater();
  }

  forget(socket: Socket): void {
    this.#sockets.delete(socket);
  }

  #tickLater(): void {
    if (this.#isTicking || this.#scheduled.length === 0) return;
    this.#isTicking = true;
    this.#options.clock.after(tickMs, () => {
      this.#isTicking = false;
      this.#closeDue();
      this.#tickLater();
    });
  }

  #closeDue(): void {
    const nowMs = this.#options.clock.monotonicMs();
    for (let next = this.#scheduled.at(-1); next !== undefined && next.dueMs <= nowMs; next = this.#scheduled.at(-1)) {
      this.#scheduled.pop();
      if (this.#sockets.delete(next.socket)) this.#options.close(next.socket);
    }
  }
}
