// The address of a Service: each connection goes to a pod that is ready when it comes.

import type { Socket, TCPSocketListener } from 'bun';

interface Ends {
  other?: Socket<Ends>;
  /** What came before the other end was there. */
  early: Buffer[];
}

export class ServiceProxy {
  readonly url: string;
  readonly #listener: TCPSocketListener<Ends>;
  #next = 0;

  constructor(readyUrls: () => readonly string[]) {
    const forward = {
      data: ({ data }: Socket<Ends>, bytes: Buffer) => {
        if (data.other) data.other.write(bytes);
        else data.early.push(Buffer.from(bytes));
      },
      close: ({ data }: Socket<Ends>) => void data.other?.end(),
      error: ({ data }: Socket<Ends>) => void data.other?.end(),
    };
    this.#listener = Bun.listen<Ends>({
      hostname: '127.0.0.1',
      port: 0,
      socket: {
        ...forward,
        open: (socket) => {
          socket.data = { early: [] };
          const urls = readyUrls();
          const target = urls[this.#next++ % Math.max(1, urls.length)];
          if (target === undefined) return void socket.end();
          const { hostname, port } = new URL(target);
          const connecting = Bun.connect<Ends>({
            ...{ hostname, port: Number(port), data: { other: socket, early: [] } },
            socket: {
              ...forward,
              open: (pod) => {
                socket.data.other = pod;
                for (const bytes of socket.data.early.splice(0)) pod.write(bytes);
              },
            },
          });
          connecting.catch(() => socket.end());
        },
      },
    });
    this.url = `http://127.0.0.1:${this.#listener.port}`;
  }

  close(): void {
    this.#listener.stop(true);
  }
}
