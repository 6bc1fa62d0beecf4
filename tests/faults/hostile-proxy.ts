// A bad network between clients and a server: a TCP relay that delays, splits, stalls and cuts, as a seed decides.

import { createServer, type Server, type Socket, connect as tcpConnect } from 'node:net';
import { createRandom } from '@hongyan/testing/seed';

export interface HostileProxyOptions {
  readonly targetPort: number;
  readonly seed: number;
}

/** Chances are per chunk that passes, in either direction. */
const cutChance = 0.03;
const stallChance = 0.03;
const delayChance = 0.3;
const splitChance = 0.3;
/** Longer than the clients of the test wait for an answer: a stall is given up by them, and its bytes arrive late. */
const stallMsMax = 2_500;
const delayMsMax = 15;

export class HostileProxy {
  readonly #server: Server;
  readonly #random: () => number;
  readonly #targetPort: number;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #isHostile = true;
  /** What was done to the connections so far: a test that saw none of it proved nothing. */
  readonly done = { cut: 0, stalled: 0, delayed: 0, split: 0 };

  private constructor({ targetPort, seed }: HostileProxyOptions) {
    this.#targetPort = targetPort;
    this.#random = createRandom(seed);
    this.#server = createServer((client) => this.#relay(client));
  }

  static async open(options: HostileProxyOptions): Promise<HostileProxy> {
    const proxy = new HostileProxy(options);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the proxy does not listen on a port');
    return `http://127.0.0.1:${address.port}`;
  }

  /** From now on bytes pass as they come. */
  calm(): void {
    this.#isHostile = false;
  }

  cutAll(): void {
    for (const pair of this.#pairs) this.#cut(pair);
  }

  close(): void {
    this.calm();
    this.cutAll();
    this.#server.close();
  }

  #relay(client: Socket): void {
    const server = tcpConnect({ host: '127.0.0.1', port: this.#targetPort });
    const pair = [client, server] as const;
    this.#pairs.add(pair);
    for (const socket of pair) {
      socket.setNoDelay(true);
      socket.on('error', () => this.#cut(pair));
    }
    void this.#carry({ from: client, to: server, pair });
    void this.#carry({ from: server, to: client, pair });
  }

  /** Bytes keep their order, whatever happens to them; who sent them first is read on only when they have left. */
  async #carry({ from, to, pair }: { from: Socket; to: Socket; pair: readonly [Socket, Socket] }): Promise<void> {
    try {
      for await (const chunk of from) {
        for (const piece of this.#pieces(chunk as Buffer)) {
          const waitMs = this.#waitMs();
          if (waitMs > 0) await Bun.sleep(waitMs);
          if (this.#isHostile && this.#random() < cutChance) {
            this.done.cut++;
            return this.#cut(pair);
          }
          to.write(piece);
        }
      }
      to.end();
    } catch {
      // One side is gone: so is the other.
      this.#cut(pair);
    }
  }

  #pieces(chunk: Buffer): readonly Buffer[] {
    if (!this.#isHostile || chunk.length < 2 || this.#random() >= splitChance) return [chunk];
    this.done.split++;
    const at = 1 + Math.floor(this.#random() * (chunk.length - 1));
    return [chunk.subarray(0, at), chunk.subarray(at)];
  }

  #waitMs(): number {
    if (!this.#isHostile) return 0;
    if (this.#random() < stallChance) {
      this.done.stalled++;
      return this.#random() * stallMsMax;
    }
    if (this.#random() >= delayChance) return 0;
    this.done.delayed++;
    return this.#random() * delayMsMax;
  }

  #cut(pair: readonly [Socket, Socket]): void {
    if (!this.#pairs.delete(pair)) return;
    for (const socket of pair) socket.destroy();
  }
}
