// The network between two processes, or between a process and a server, in the hands of a test: a TCP relay that is cut, in one
// direction or in both, and slowed. As where a network is cut, no connection is closed and nothing is refused: what was sent waits, and
// arrives when the network is whole again.

import { once } from 'node:events';
import { createServer, type Server, type Socket, connect as tcpConnect } from 'node:net';

/** Towards the target, back from it, or both. */
export type Direction = 'there' | 'back' | 'both';
type Way = Exclude<Direction, 'both'>;

export interface RelayOptions {
  /** On the loopback interface. */
  readonly targetPort: number;
  /** A free one when absent. */
  readonly port?: number;
}

export class Relay {
  readonly #server: Server;
  readonly #targetPort: number;
  readonly #sockets = new Set<Socket>();
  readonly #cuts = new Map<Way, PromiseWithResolvers<void>>();
  #delayMs = 0;

  private constructor(targetPort: number) {
    this.#targetPort = targetPort;
    this.#server = createServer((near) => void this.#relay(near));
  }

  static async open({ targetPort, port = 0 }: RelayOptions): Promise<Relay> {
    const relay = new Relay(targetPort);
    relay.#server.listen(port, '127.0.0.1');
    await once(relay.#server, 'listening');
    return relay;
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the relay does not listen on a port');
    return address.port;
  }

  cut(direction: Direction = 'both'): void {
    for (const way of direction === 'both' ? (['there', 'back'] as const) : [direction])
      if (!this.#cuts.has(way)) this.#cuts.set(way, Promise.withResolvers());
  }

  /** What passes from now on takes so much longer, each way. */
  slow(delayMs: number): void {
    this.#delayMs = delayMs;
  }

  /** The network is whole, and as fast as it can be. */
  heal(): void {
    this.#delayMs = 0;
    const cuts = [...this.#cuts.values()];
    this.#cuts.clear();
    for (const { resolve } of cuts) resolve();
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    this.heal();
  }

  async #relay(near: Socket): Promise<void> {
    this.#keep(near);
    await this.#passable('there');
    if (near.destroyed) return;
    const far = this.#keep(tcpConnect(this.#targetPort, '127.0.0.1'));
    void this.#carry('there', near, far);
    void this.#carry('back', far, near);
  }

  #keep(socket: Socket): Socket {
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('close', () => this.#sockets.delete(socket));
    // Whoever reads from it learns of it.
    socket.on('error', () => {});
    return socket;
  }

  /** The end of a side travels as its bytes do. What cannot pass stays with its sender: no more is read from it. */
  async #carry(way: Way, from: Socket, to: Socket): Promise<void> {
    try {
      for await (const bytes of from) {
        await this.#passable(way);
        if (!to.write(bytes)) await Promise.race([once(to, 'drain'), once(to, 'close')]);
      }
    } catch {
      // Reset: the other side is closed below.
    }
    await this.#passable(way);
    to.end();
    if (from.errored) to.destroy();
  }

  async #passable(way: Way): Promise<void> {
    if (this.#delayMs > 0) await Bun.sleep(this.#delayMs);
    for (let cut = this.#cuts.get(way); cut !== undefined; cut = this.#cuts.get(way)) await cut.promise;
  }
}
