// A load balancer in front of gateways, as simple as one can be: each connection goes to one of those that take it.

import { createServer, type Server, type Socket, connect as tcpConnect } from 'node:net';
import type { ServerProcess } from '../server-process.ts';

export class Front {
  readonly #server: Server;
  readonly #ports: () => readonly number[];
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #turn = 0;

  private constructor(ports: () => readonly number[]) {
    this.#ports = ports;
    this.#server = createServer((client) => this.#relay(client));
  }

  /** `ports`: of the gateways that there are at the moment. */
  static async open(ports: () => readonly number[]): Promise<Front> {
    const front = new Front(ports);
    await new Promise<void>((resolve) => front.#server.listen(0, '127.0.0.1', resolve));
    return front;
  }

  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the front does not listen on a port');
    return `http://127.0.0.1:${address.port}`;
  }

  close(): void {
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy();
    this.#server.close();
  }

  #relay(client: Socket): void {
    const ports = this.#ports();
    const port = ports[this.#turn++ % Math.max(1, ports.length)];
    if (port === undefined) {
      client.destroy();
      return;
    }
    const gateway = tcpConnect(port, '127.0.0.1');
    const pair = [client, gateway] as const;
    this.#pairs.add(pair);
    const end = () => {
      this.#pairs.delete(pair);
      for (const socket of pair) socket.destroy();
    };
    for (const socket of pair) {
      socket.on('error', end);
      socket.on('close', end);
    }
    client.pipe(gateway);
    gateway.pipe(client);
  }
}

const checkEveryMs = 100;

/** The health checks of such a load balancer: asks each gateway again and again whether it is ready. */
export class HealthChecks {
  readonly #gateways: () => readonly ServerProcess[];
  #ready: readonly number[] = [];
  #isOver = false;

  private constructor(gateways: () => readonly ServerProcess[]) {
    this.#gateways = gateways;
  }

  /** Asked once when it resolves. */
  static async begin(gateways: () => readonly ServerProcess[]): Promise<HealthChecks> {
    const checks = new HealthChecks(gateways);
    await checks.#look();
    void checks.#goOn();
    return checks;
  }

  /** Of the gateways that said that they are ready when last asked. */
  readonly ports = (): readonly number[] => this.#ready;

  end(): void {
    this.#isOver = true;
  }

  async #goOn(): Promise<void> {
    while (!this.#isOver) {
      await Bun.sleep(checkEveryMs);
      await this.#look();
    }
  }

  async #look(): Promise<void> {
    const looks = this.#gateways().map(async ({ url, port }) => {
      const answer = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(1_000) }).catch(() => undefined);
      return answer?.status === 200 ? [port] : [];
    });
    this.#ready = (await Promise.all(looks)).flat();
  }
}
