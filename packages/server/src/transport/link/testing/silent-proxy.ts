// For tests: forwards bytes between a gateway and a core until `silence`, which acts as a hung process or a cut network does.

import { parseAddress } from '@hongyan/base/address';
import type { Socket, TCPSocketListener } from 'bun';

interface Pair {
  other: Socket<Pair> | undefined;
  readonly waiting: Buffer[];
}

export class SilentProxy {
  readonly address: string;
  readonly #listener: TCPSocketListener<Pair>;
  #isSilent = false;

  constructor(target: string) {
    const { hostname, port } = parseAddress(target);
    const pass = (socket: Socket<Pair>, bytes: Buffer) => {
      if (this.#isSilent) return;
      if (socket.data.other) socket.data.other.write(bytes);
      else socket.data.waiting.push(bytes);
    };
    this.#listener = Bun.listen<Pair>({
      hostname: '127.0.0.1',
      port: 0,
      socket: {
        open: (near) => {
          near.data = { other: undefined, waiting: [] };
          void Bun.connect<Pair>({
            hostname,
            port,
            data: { other: near, waiting: [] },
            socket: {
              open: (far) => {
                near.data.other = far;
                for (const bytes of near.data.waiting.splice(0)) far.write(bytes);
              },
              data: pass,
              close: () => void near.end(),
            },
          });
        },
        data: pass,
        close: (near) => void near.data.other?.end(),
      },
    });
    this.address = `127.0.0.1:${this.#listener.port}`;
  }

  /** Drops all further bytes, and closes no connection. */
  silence(): void {
    this.#isSilent = true;
  }

  close(): void {
    this.#listener.stop(true);
  }
}
