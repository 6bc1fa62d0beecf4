// A socket layer without a network: sockets that record what they are given, and topics that reach their subscribers.

export class FakeSocketLayer<Data> {
  readonly sockets = new Set<FakeSocket<Data>>();
  /** Topic and text of each publish, in order. */
  readonly published: { readonly topic: string; readonly text: string }[] = [];

  open(data: Data, onClosed: (socket: FakeSocket<Data>) => void = () => {}): FakeSocket<Data> {
    const socket = new FakeSocket(data, (closed) => {
      this.sockets.delete(closed);
      onClosed(closed);
    });
    this.sockets.add(socket);
    return socket;
  }

  publish(topic: string, text: string): void {
    this.published.push({ topic, text });
    for (const socket of this.sockets) if (socket.isSubscribed(topic)) socket.send(text);
  }
}

export class FakeSocket<Data> {
  /** Texts that were sent, in order. */
  readonly sent: string[] = [];
  readonly data: Data;
  readyState = 1;
  pings = 0;
  closedWith: { readonly code: number; readonly reason: string } | undefined;
  isTerminated = false;
  /** What the peer leaves unread. */
  bufferedBytes = 0;
  readonly #topics = new Set<string>();
  readonly #onClosed: (socket: FakeSocket<Data>) => void;

  constructor(data: Data, onClosed: (socket: FakeSocket<Data>) => void) {
    this.data = data;
    this.#onClosed = onClosed;
  }

  /** The frames that were sent, those of a bundle one by one, as JSON. */
  get frames(): Record<string, unknown>[] {
    return this.sent.flatMap((text): Record<string, unknown>[] => JSON.parse(isList.test(text) ? text : `[${text}]`));
  }

  send(text: string): void {
    if (this.readyState === 1) this.sent.push(text);
  }

  cork(run: () => void): void {
    run();
  }

  ping(): void {
    this.pings++;
  }

  subscribe(topic: string): void {
    this.#topics.add(topic);
  }

  unsubscribe(topic: string): void {
    this.#topics.delete(topic);
  }

  isSubscribed(topic: string): boolean {
    return this.#topics.has(topic);
  }

  getBufferedAmount(): number {
    return this.bufferedBytes;
  }

  /** The peer's answer to the close frame is `leave`. */
  close(code: number, reason: string): void {
    this.closedWith ??= { code, reason };
    this.readyState = 2;
  }

  terminate(): void {
    this.isTerminated = true;
    this.leave();
  }

  /** The connection is gone. */
  leave(): void {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.bufferedBytes = 0;
    this.#topics.clear();
    this.#onClosed(this);
  }
}

const isList = /^\s*\[/;
