// WebSocket framing by hand: a client frame with a zero mask is its own payload (RFC 6455 allows any key), and server frames are found without copying.

/** A masked text frame whose mask is zero. */
export function textFrame(text: string): Buffer {
  const payload = Buffer.from(text);
  return Buffer.concat([header(1, payload.length), payload]);
}

export function pongFrame(payload: Uint8Array): Buffer {
  return Buffer.concat([header(10, payload.length), payload]);
}

/** The bytes before the payload of a client frame. */
function header(opcode: number, length: number): Buffer {
  if (length < 126) return Buffer.from([0x80 | opcode, 0x80 | length, 0, 0, 0, 0]);
  if (length > 0xffff) throw new Error('the generator sends no frames of more than 65,535 bytes');
  return Buffer.from([0x80 | opcode, 0x80 | 126, length >> 8, length & 0xff, 0, 0, 0, 0]);
}

export type OnFrame = (bytes: Buffer, start: number, end: number, opcode: number) => void;

/** Cuts a stream of bytes into frames. The server does not fragment messages; a continuation is reported as opcode 0. */
export class FrameReader {
  #rest: Buffer | undefined;

  read(chunk: Buffer, onFrame: OnFrame): void {
    const bytes = this.#rest ? Buffer.concat([this.#rest, chunk]) : chunk;
    this.#rest = undefined;
    const length = bytes.length;
    let at = 0;
    while (at + 2 <= length) {
      const opcode = (bytes[at] as number) & 0x0f;
      let size = (bytes[at + 1] as number) & 0x7f;
      let start = at + 2;
      if (size === 126) {
        if (at + 4 > length) break;
        size = ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number);
        start = at + 4;
      } else if (size === 127) {
        if (at + 10 > length) break;
        size = bytes.readUInt32BE(at + 6);
        start = at + 10;
      }
      if (start + size > length) break;
      onFrame(bytes, start, start + size, opcode);
      at = start + size;
    }
    // A copy: the chunk's memory belongs to the socket layer.
    if (at < length) this.#rest = Buffer.from(bytes.subarray(at));
  }
}

/** First letters of `{"type":"…"`: enough to tell the frames of the wire apart without parsing. */
export const kindOffset = 9;
export const kinds = {
  ack: 0x61,
  conversation: 0x63,
  error: 0x65,
  goingAway: 0x67,
  history: 0x68,
  message: 0x6d,
  receipt: 0x72,
  sync: 0x73,
  welcome: 0x77,
} as const;

/** The whole number at `at`. */
function numberAt(bytes: Buffer, at: number): number {
  let value = 0;
  for (let index = at; ; index++) {
    const digit = (bytes[index] ?? 0) - 0x30;
    if (digit < 0 || digit > 9) return value;
    value = value * 10 + digit;
  }
}

/**
 * Finds the number behind a key such as `"seq":`. Where it stood last time is tried first: frames of one kind in one
 * conversation have it at the same place nearly always.
 */
export class NumberField {
  readonly #key: Buffer;
  #hint = 0;

  constructor(name: string) {
    this.#key = Buffer.from(`"${name}":`);
  }

  /** -1 when the field is not there. */
  read(bytes: Buffer, start: number, end: number): number {
    const hinted = start + this.#hint;
    if (this.#hint > 0 && hinted < end && this.#isAt(bytes, hinted)) return numberAt(bytes, hinted + this.#key.length);
    const found = bytes.indexOf(this.#key, start);
    if (found < 0 || found >= end) return -1;
    this.#hint = found - start;
    return numberAt(bytes, found + this.#key.length);
  }

  #isAt(bytes: Buffer, at: number): boolean {
    const key = this.#key;
    for (let index = 0; index < key.length; index++) if (bytes[at + index] !== key[index]) return false;
    return true;
  }
}
