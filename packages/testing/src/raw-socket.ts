// A WebSocket by hand over plain TCP: it can cut a frame in half, send what no client would, and stop reading.

import type { Socket } from 'bun';

export interface RawFrame {
  readonly opcode: number;
  readonly payload: Uint8Array;
}

export const opcode = { text: 1, binary: 2, close: 8, ping: 9 } as const;
const timeoutMs = 15_000;

export class RawSocket {
  /** Resolves when the TCP connection is gone, whoever ended it. */
  readonly closed: Promise<void>;
  readonly #socket: Socket;
  readonly #frames: RawFrame[] = [];
  #bytes: Buffer = Buffer.alloc(0);
  #wake: () => void = () => {};
  #isClosed = false;

  private constructor(socket: Socket, events: { onData: (data: Buffer) => void; onClose: () => void }) {
    this.#socket = socket;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closed = promise;
    events.onData = (data) => {
      this.#bytes = Buffer.concat([this.#bytes, data]);
      this.#wake();
    };
    events.onClose = () => {
      this.#isClosed = true;
      this.#wake();
      resolve();
    };
  }

  /** TCP only: the server has not seen a byte. */
  static async connect(url: string): Promise<RawSocket> {
    const { hostname, port } = new URL(url);
    const events = { onData: (_data: Buffer) => {}, onClose: () => {} };
    const socket = await Bun.connect({
      hostname,
      port: Number(port),
      socket: {
        data: (_socket, data) => events.onData(data),
        close: () => events.onClose(),
        end: (own) => {
          own.end();
        },
        error: () => events.onClose(),
      },
    });
    return new RawSocket(socket, events);
  }

  /** TCP and the upgrade; no hello. */
  static async open(url: string): Promise<RawSocket> {
    const raw = await RawSocket.connect(url);
    raw.write(
      `GET /v1/ws HTTP/1.1\r\nHost: ${new URL(url).host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    );
    const head = await raw.#until(() => raw.#takeHead());
    if (!head.startsWith('HTTP/1.1 101')) throw new Error(`the upgrade was answered with ${head.split('\r\n')[0]}`);
    return raw;
  }

  write(data: string | Uint8Array): void {
    this.#socket.write(data);
    this.#socket.flush();
  }

  text(payload: string | Uint8Array): void {
    this.write(encodeFrame(opcode.text, payload));
  }

  /** The next frame from the server. Rejects when the connection ends first. */
  nextFrame(): Promise<RawFrame> {
    return this.#until(() => this.#takeFrame());
  }

  /** The code of the server's close frame; undefined when it only cut the connection. */
  async closeCode(): Promise<number | undefined> {
    for (;;) {
      const frame = await this.nextFrame().catch(() => undefined);
      if (!frame) return undefined;
      if (frame.opcode === opcode.close) return Buffer.from(frame.payload).readUInt16BE(0);
    }
  }

  /** The next text frame of a type, as JSON. */
  async nextOfType(type: string): Promise<Record<string, unknown>> {
    for (;;) {
      const { opcode: kind, payload } = await this.nextFrame();
      if (kind !== opcode.text) continue;
      const frame = JSON.parse(new TextDecoder().decode(payload)) as Record<string, unknown>;
      if (frame.type === type) return frame;
    }
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Gone without a goodbye. */
  cut(): void {
    this.#socket.terminate();
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  async #until<T>(take: () => T | undefined): Promise<T> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const taken = take();
      if (taken !== undefined) return taken;
      if (this.#isClosed) throw new Error('the connection ended');
      if (performance.now() > deadline) throw new Error(`nothing came within ${timeoutMs} ms`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, timeoutMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  #takeHead(): string | undefined {
    const end = this.#bytes.indexOf('\r\n\r\n');
    if (end < 0) return undefined;
    const head = this.#bytes.subarray(0, end).toString();
    this.#bytes = this.#bytes.subarray(end + 4);
    return head;
  }

  #takeFrame(): RawFrame | undefined {
    for (;;) {
      const decoded = decodeFrame(this.#bytes);
      if (!decoded) return this.#frames.shift();
      this.#bytes = this.#bytes.subarray(decoded.bytes);
      this.#frames.push(decoded.frame);
    }
  }
}

/** As a client sends it: masked (with zeros, so that the payload stays readable). RFC 6455, 5.2. */
export function encodeFrame(kind: number, payload: string | Uint8Array): Buffer {
  const body = Buffer.from(typeof payload === 'string' ? new TextEncoder().encode(payload) : payload);
  const head: number[] = [0x80 | kind];
  if (body.length < 126) head.push(0x80 | body.length);
  else if (body.length < 65_536) head.push(0x80 | 126, body.length >> 8, body.length & 0xff);
  else head.push(0x80 | 127, 0, 0, 0, 0, ...[24, 16, 8, 0].map((shift) => (body.length >>> shift) & 0xff));
  return Buffer.concat([Buffer.from([...head, 0, 0, 0, 0]), body]);
}

/** Server frames are unmasked and, here, never fragmented. */
function decodeFrame(bytes: Buffer): { frame: RawFrame; bytes: number } | undefined {
  if (bytes.length < 2) return undefined;
  const short = bytes.readUInt8(1) & 0x7f;
  const headBytes = short === 126 ? 4 : short === 127 ? 10 : 2;
  if (bytes.length < headBytes) return undefined;
  const length = short === 126 ? bytes.readUInt16BE(2) : short === 127 ? Number(bytes.readBigUInt64BE(2)) : short;
  if (bytes.length < headBytes + length) return undefined;
  const payload = new Uint8Array(bytes.subarray(headBytes, headBytes + length));
  return { frame: { opcode: bytes.readUInt8(0) & 0x0f, payload }, bytes: headBytes + length };
}
