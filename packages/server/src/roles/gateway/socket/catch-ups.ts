// [R3] Connections that have to catch up after a loss leave one after another: all of a server of the bus at once would come back as a
// storm of sessions and reads.

import type { Clock } from '@hongyan/base/clock';
import type { Random } from '@hongyan/base/random';
import { openState, type Socket } from './socket.ts';

export interface CatchUpsOptions {
  readonly clock: Pick<Clock, 'monotonicMs' | 'after'>;
  readonly random: Random;
  /** Its client comes back and reads the timeline. */
  readonly close: (socket: Socket) => void;
}

/** So few leave at once. */
const atOnceMax = 50;
/** For each connection that leaves, and at most for all: meanwhile they are served on, with what is missing still missing. */
const eachMs = 1;
const allMsMax = 10_000;
const tickMs = 20;

interface Leaving {
  readonly socket: Socket;
  readonly dueMs: number;
}

export class CatchUps {
  readonly #options: CatchUpsOptions;
  /** The next one last. */
  #leaving: Leaving[] = [];
  /** Of these sockets, those that are still open. */
  readonly #sockets = new Set<Socket>();
  #isTicking = false;

  constructor(options: CatchUpsOptions) {
    this.#options = options;
  }

  /** Each at a random moment of its own. One that is about to leave keeps its moment: it reads what was lost up to then. */
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
      this.#leaving.push({ socket, dueMs: nowMs + random() * withinMs });
    }
    this.#leaving.sort((one, other) => other.dueMs - one.dueMs);
    this.#tickLater();
  }

  forget(socket: Socket): void {
    this.#sockets.delete(socket);
  }

  #tickLater(): void {
    if (this.#isTicking || this.#leaving.length === 0) return;
    this.#isTicking = true;
    this.#options.clock.after(tickMs, () => {
      this.#isTicking = false;
      this.#closeDue();
      this.#tickLater();
    });
  }

  #closeDue(): void {
    const nowMs = this.#options.clock.monotonicMs();
    for (let next = this.#leaving.at(-1); next !== undefined && next.dueMs <= nowMs; next = this.#leaving.at(-1)) {
      this.#leaving.pop();
      if (this.#sockets.delete(next.socket)) this.#options.close(next.socket);
    }
  }
}
