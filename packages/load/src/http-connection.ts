// One HTTP connection that sends a request after the answer to the one before: lean enough to load a server from the machine it runs on.

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

interface Waiting {
  readonly resolve: (answer: HttpAnswer) => void;
  readonly reject: (error: Error) => void;
}

const decoder = new TextDecoder();

export class HttpConnection {
  readonly #host: string;
  #socket: { write(text: string): number; end(): unknown } | undefined;
  #unsent = '';
  #received = '';
  #waiting: Waiting | undefined;
  /** Why nothing is answered any more. */
  #ended: Error | undefined;

  static async open(url: string): Promise<HttpConnection> {
    const { hostname, port, host } = new URL(url);
    const connection = new HttpConnection(host);
    connection.#socket = await Bun.connect({
      hostname,
      port: Number(port),
      socket: {
        data: (_socket, data) => connection.#read(decoder.decode(data, { stream: true })),
        drain: () => connection.#flush(),
        close: () => connection.#end(new Error('the server closed the connection')),
        error: (_socket, error) => connection.#end(error),
      },
    });
    return connection;
  }

  private constructor(host: string) {
    this.#host = host;
  }

  /** `body` is ASCII. Rejects when the connection ends before the answer, or has ended. */
  post(path: string, headers: string, body: string): Promise<HttpAnswer> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#unsent = `POST ${path} HTTP/1.1\r\nHost: ${this.#host}\r\n${headers}Content-Length: ${body.length}\r\n\r\n${body}`;
      this.#flush();
    });
  }

  close(): void {
    this.#end(new Error('the connection was closed'));
    this.#socket?.end();
  }

  #flush(): void {
    if (this.#unsent === '') return;
    const sent = this.#socket?.write(this.#unsent) ?? 0;
    this.#unsent = this.#unsent.slice(sent);
  }

  #read(text: string): void {
    this.#received += text;
    const headEnd = this.#received.indexOf('\r\n\r\n');
    if (headEnd < 0) return;
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(this.#received)?.[1] ?? 0);
    const end = headEnd + 4 + length;
    if (this.#received.length < end) return;
    const answer = { status: Number(this.#received.slice(9, 12)), body: this.#received.slice(headEnd + 4, end) };
    this.#received = this.#received.slice(end);
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.resolve(answer);
  }

  #end(why: Error): void {
    this.#ended ??= why;
    this.#waiting?.reject(this.#ended);
    this.#waiting = undefined;
  }
}
