// One client connection as raw TCP: cheap enough that the server, not the generator, is what is measured.

import { systemClock } from '@hongyan/base/clock';
import type { Socket } from 'bun';
import { FrameReader, isBundle, kindOf, kinds, pongFrame, splitBundle, textFrame } from './frames.ts';

export interface ConnectOptions {
  readonly host: string;
  readonly port: number;
  /** wss; the certificate is checked as everywhere. */
  readonly isTls?: boolean;
  /** The source address; each has 28,000 ports. */
  readonly from?: string;
  readonly token: string;
  readonly deviceId: string;
  readonly timeoutMs: number;
}

type State =
  | { readonly type: 'upgrading' }
  | { readonly type: 'greeting' }
  | { readonly type: 'open' }
  | { readonly type: 'closed' };

/** A frame of the server: `bytes` is valid only during the call. */
export type OnMessage = (bytes: Buffer, start: number, end: number, kind: number) => void;

export class BenchConnection {
  /** Set before frames are expected; those that come earlier are dropped. */
  onMessage: OnMessage | undefined;
  /** After all frames of one read: where answers are coalesced. */
  onReadEnd: (() => void) | undefined;
  onClose: ((reason: string) => void) | undefined;
  readonly #options: ConnectOptions;
  readonly #reader = new FrameReader();
  readonly #opened = Promise.withResolvers<void>();
  #socket: Socket<BenchConnection> | undefined;
  #state: State = { type: 'upgrading' };
  /** Bytes the kernel did not take yet. */
  #unsent: Buffer[] = [];
  #head = '';

  constructor(options: ConnectOptions) {
    this.#options = options;
  }

  /** Resolves with the welcome frame; rejects when it does not come in time. */
  async open(): Promise<void> {
    const { host, port, isTls = false, from, timeoutMs } = this.#options;
    const timer = systemClock.after(timeoutMs, () => this.#fail(`no welcome within ${timeoutMs} ms`));
    // `localAddress` is taken by Bun.connect and missing from its types.
    const options = {
      hostname: host,
      port,
      data: this,
      socket: handlers,
      tls: isTls,
      ...(from ? { localAddress: from } : {}),
    };
    try {
      this.#socket = await Bun.connect<BenchConnection>(options);
      await this.#opened.promise;
    } finally {
      timer.cancel();
    }
  }

  /** `frames` is copied when the kernel does not take all of it: the caller may reuse it. */
  write(frames: Buffer): void {
    const socket = this.#socket;
    if (!socket || this.#state.type === 'closed') return;
    if (this.#unsent.length > 0) {
      this.#unsent.push(Buffer.from(frames));
      return;
    }
    const taken = Math.max(0, socket.write(frames));
    if (taken < frames.length) this.#unsent.push(Buffer.from(frames.subarray(taken)));
  }

  close(): void {
    this.onClose = undefined;
    this.#state = { type: 'closed' };
    this.#socket?.terminate();
  }

  /** For the handlers below. */
  opened(socket: Socket<BenchConnection>): void {
    this.#socket = socket;
    const { host, port } = this.#options;
    socket.write(
      `GET /v1/ws HTTP/1.1\r\nHost: ${host}:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
    );
  }

  received(chunk: Buffer): void {
    if (this.#state.type === 'upgrading') {
      this.#head += chunk.toString('latin1');
      const end = this.#head.indexOf('\r\n\r\n');
      if (end < 0) return;
      if (!this.#head.startsWith('HTTP/1.1 101')) return this.#fail(this.#head.slice(0, 200));
      this.#head = '';
      this.#state = { type: 'greeting' };
      const { token, deviceId } = this.#options;
      this.write(textFrame(JSON.stringify({ type: 'hello', token, device_id: deviceId, bundles: true })));
      return;
    }
    this.#reader.read(chunk, this.#onFrame);
    this.onReadEnd?.();
  }

  drained(): void {
    const waiting = this.#unsent;
    this.#unsent = [];
    for (const frames of waiting) this.write(frames);
  }

  #onFrame = (bytes: Buffer, start: number, end: number, opcode: number): void => {
    if (opcode === 1) {
      if (isBundle(bytes, start)) splitBundle(bytes, start, end, this.#onText);
      else this.#onText(bytes, start, end);
    } else if (opcode === 9) this.write(pongFrame(bytes.subarray(start, end)));
    else if (opcode === 8) this.#fail(`closed by the server: ${end - start >= 2 ? bytes.readUInt16BE(start) : ''}`);
  };

  /** A frame of the protocol, by itself or out of a bundle. */
  #onText = (bytes: Buffer, start: number, end: number): void => {
    const kind = kindOf(bytes, start);
    if (this.#state.type !== 'greeting') return this.onMessage?.(bytes, start, end, kind);
    if (kind !== kinds.welcome) return this.#fail(bytes.toString('utf8', start, end));
    this.#state = { type: 'open' };
    this.#opened.resolve();
  };

  ended(reason: string): void {
    this.#fail(reason);
  }

  #fail(reason: string): void {
    if (this.#state.type === 'closed') return;
    this.#state = { type: 'closed' };
    this.#opened.reject(new Error(reason));
    this.#opened.promise.catch(() => {
      // `open` may have settled already; onClose reports the end.
    });
    this.#socket?.terminate();
    this.onClose?.(reason);
  }
}

/** One set for all connections: state is in socket.data. */
const handlers = {
  open: (socket: Socket<BenchConnection>) => socket.data.opened(socket),
  data: (socket: Socket<BenchConnection>, chunk: Buffer) => socket.data.received(chunk),
  drain: (socket: Socket<BenchConnection>) => socket.data.drained(),
  close: (socket: Socket<BenchConnection>) => socket.data.ended('closed'),
  error: (socket: Socket<BenchConnection>, error: Error) => socket.data.ended(error.message),
  connectError: (socket: Socket<BenchConnection>, error: Error) => socket.data.ended(error.message),
};
