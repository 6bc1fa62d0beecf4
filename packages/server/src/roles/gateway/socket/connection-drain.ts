// How connections leave a gateway that stops: all at once, or one after another where another process takes them.

import { type Clock, sleep } from '@hongyan/base/clock';
import type { Random } from '@hongyan/base/random';
import { goingAwayFrame } from './frames.ts';
import { openState, type Socket } from './socket.ts';

export interface DepartureOptions {
  readonly sockets: ReadonlySet<Socket>;
  readonly clock: Clock;
  readonly random: Random;
  /** What is queued leaves now. */
  readonly flush: () => void;
  /** Closes with going_away. */
  readonly close: (socket: Socket) => void;
}

const pollMs = 20;
/** A client that another process takes at once comes back within this time. */
const relievedReconnectMs = 200;
/** Of the time for those that leave one after another: the last of them have the rest for their requests. */
const leaveShare = 0.8;

export class Departure {
  readonly #options: DepartureOptions;
  readonly #leaving = new Set<Socket>();

  constructor(options: DepartureOptions) {
    this.#options = options;
  }

  /** It was asked to reconnect while others are still served: further requests of it are refused. */
  isLeaving(socket: Socket): boolean {
    return this.#leaving.has(socket);
  }

  forget(socket: Socket): void {
    this.#leaving.delete(socket);
  }

  /**
   * [O22] Asks one client after another to reconnect, evenly over most of the time until `deadlineMs` of the monotonic clock, and
   * serves the others meanwhile. Resolves when the last was asked.
   */
  async oneByOne(deadlineMs: number): Promise<void> {
    const { sockets, clock, random, flush } = this.#options;
    const startMs = clock.monotonicMs();
    const spanMs = (deadlineMs - startMs) * leaveShare;
    const leaving = shuffled([...sockets], random);
    for (let asked = 0; ; await sleep(clock, { delayMs: pollMs })) {
      const passedMs = clock.monotonicMs() - startMs;
      const due = passedMs < spanMs ? Math.ceil((leaving.length * passedMs) / spanMs) : leaving.length;
      flush();
      for (const socket of leaving.slice(asked, due)) void this.#ask(socket);
      asked = due;
      if (asked === leaving.length) return;
    }
  }

  /**
   * [O21] Asks every client to reconnect, each at a moment of its own before `deadlineMs`, and closes each connection as soon as
   * its requests are answered. Resolves when all are gone, or soon after `deadlineMs`.
   */
  async all(deadlineMs: number): Promise<void> {
    const { sockets, clock, flush, close } = this.#options;
    const withinMs = Math.max(0, deadlineMs - clock.monotonicMs());
    for (const socket of sockets) if (!this.#leaving.has(socket)) socket.send(goingAwayFrame(this.#moment(withinMs)));
    for (;;) {
      flush();
      const isLate = clock.monotonicMs() >= deadlineMs;
      for (const socket of sockets) if (isLate || socket.data.inFlight === 0) close(socket);
      if (sockets.size === 0 || isLate) break;
      await sleep(clock, { delayMs: pollMs });
    }
    for (const socket of sockets) socket.terminate();
  }

  async #ask(socket: Socket): Promise<void> {
    const { clock, flush, close } = this.#options;
    if (socket.readyState !== openState) return;
    this.#leaving.add(socket);
    socket.send(goingAwayFrame(this.#moment(relievedReconnectMs)));
    while (socket.data.inFlight > 0) await sleep(clock, { delayMs: pollMs });
    flush();
    close(socket);
  }

  /** Of one client, so that not all come back at once. */
  #moment(withinMs: number): number {
    return 1 + Math.floor(this.#options.random() * withinMs);
  }
}

/** In an order in which nobody is always the first. */
function shuffled<T>(items: T[], random: Random): T[] {
  return items
    .map((item) => ({ item, key: random() }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item);
}
