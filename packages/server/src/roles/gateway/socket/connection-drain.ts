// Asks the clients of a gateway that stops to reconnect elsewhere: all at once, or one after another where another process accepts them.

import { type Clock, sleep } from '@hongyan/base/clock';
import type { Random } from '@hongyan/base/random';
import { goingAwayFrame } from './frames.ts';
import { openState, type Socket } from './socket.ts';

export interface ConnectionDrainOptions {
  readonly sockets: ReadonlySet<Socket>;
  readonly clock: Clock;
  readonly random: Random;
  /** Sends queued frames at once. */
  readonly flush: () => void;
  /** Closes with going_away. */
  readonly close: (socket: Socket) => void;
}

const pollMs = 20;
/** Where another process accepts connections at once, a client reconnects within this time. */
const relievedReconnectMs = 200;
/** The share of the time in which clients are asked; the rest is for the requests of the last ones. */
const askingShare = 0.8;

export class ConnectionDrain {
  readonly #options: ConnectionDrainOptions;
  readonly #draining = new Set<Socket>();

  constructor(options: ConnectionDrainOptions) {
    this.#options = options;
  }

  /** Its client was asked to reconnect, while others are still served: further requests are refused. */
  isDraining(socket: Socket): boolean {
    return this.#draining.has(socket);
  }

  forget(socket: Socket): void {
    this.#draining.delete(socket);
  }

  /**
   * [O22] Asks one client after another to reconnect, evenly over most of the time until `deadlineMs` of the monotonic clock, and
   * serves the others meanwhile. Resolves when the last was asked.
   */
  async oneByOne(deadlineMs: number): Promise<void> {
    const { sockets, clock, random, flush } = this.#options;
    const startMs = clock.monotonicMs();
    const spanMs = (deadlineMs - startMs) * askingShare;
    const order = shuffled([...sockets], random);
    for (let asked = 0; ; await sleep(clock, { delayMs: pollMs })) {
      const passedMs = clock.monotonicMs() - startMs;
      const due = passedMs < spanMs ? Math.ceil((order.length * passedMs) / spanMs) : order.length;
      flush();
      for (const socket of order.slice(asked, due)) void this.#drainOne(socket);
      asked = due;
      if (asked === order.length) return;
    }
  }

  /**
   * [O21] Asks every client to reconnect, each at a random moment before `deadlineMs`, and closes each connection as soon as its
   * requests are answered. Resolves when all are closed, or soon after `deadlineMs`.
   */
  async all(deadlineMs: number): Promise<void> {
    const { sockets, clock, flush, close } = this.#options;
    const withinMs = Math.max(0, deadlineMs - clock.monotonicMs());
    for (const socket of sockets) if (!this.#draining.has(socket)) socket.send(this.#goingAway(withinMs));
    for (;;) {
      flush();
      const isLate = clock.monotonicMs() >= deadlineMs;
      for (const socket of sockets) if (isLate || socket.data.inFlight === 0) close(socket);
      if (sockets.size === 0 || isLate) break;
      await sleep(clock, { delayMs: pollMs });
    }
    for (const socket of sockets) socket.terminate();
  }

  async #drainOne(socket: Socket): Promise<void> {
    const { clock, flush, close } = this.#options;
    if (socket.readyState !== openState) return;
    this.#draining.add(socket);
    socket.send(this.#goingAway(relievedReconnectMs));
    while (socket.data.inFlight > 0) await sleep(clock, { delayMs: pollMs });
    flush();
    close(socket);
  }

  /** With a random delay, so that the clients do not reconnect together. */
  #goingAway(withinMs: number): string {
    return goingAwayFrame(1 + Math.floor(this.#options.random() * withinMs));
  }
}

/** A random order: no client is the first at every stop. */
function shuffled<T>(items: T[], random: Random): T[] {
  return items
    .map((item) => ({ item, key: random() }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item);
}
