// WebSocket framing by hand: a client frame with a zero mask carries its payload as it is (RFC 6455 allows any key), and server frames are found without copying.

import { assert } from '@hongyan/base/assert';

/** A masked text frame whose mask is zero. */
export function textFrame(text: string): Buffer {
  const payload = Buffer.from(text);
  return Buffer.concat([header(1, payload.length), payload]);
}

export function pongFrame(payload: Uint8Array): Buffer {
  return Buffer.concat([header(10, payload.length), payload]);
}

/** The longest payload that the generator sends in one message. */
export const payloadBytesMax = 0xffff;

/** The bytes before the payload of a client frame. */
export function header(opcode: number, length: number): Buffer {
  if (length < 126) return Buffer.from([0x80 | opcode, 0x80 | length, 0, 0, 0, 0]);
  assert(length <= payloadBytesMax, `a message of at most ${payloadBytesMax} bytes is sent, not of ${length}`);
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

export type OnBundled = (bytes: Buffer, start: number, end: number) => void;

export const isBundle = (bytes: Buffer, start: number): boolean => bytes[start] === openBracket;

/**
 * Splits a bundle, a JSON array of frames as the server writes it, without blanks between them. Between two frames stands
 * `},{"type":"`, which no string can contain because quotes in it are escaped. Only a list inside a frame can: a bundle with
 * a second bracket is split by the depth of its brackets, at ten times the cost.
 */
export function splitBundle(bytes: Buffer, start: number, end: number, onFrame: OnBundled): void {
  const inner = bytes.indexOf(openBracket, start + 1);
  if (inner >= 0 && inner < end) return splitByDepth(bytes, start, end, onFrame);
  for (let from = start + 1; from < end; ) {
    const found = bytes.indexOf(separator, from);
    const to = found < 0 || found >= end ? end - 1 : found + 1;
    onFrame(bytes, from, to);
    from = to + 1;
  }
}

function splitByDepth(bytes: Buffer, start: number, end: number, onFrame: OnBundled): void {
  let depth = 0;
  let from = start + 1;
  for (let at = from; at < end - 1; at++) {
    const byte = bytes[at];
    if (byte === quote) at = endOfString(bytes, at, end);
    else if (byte === openBrace || byte === openBracket) depth++;
    else if (byte === closeBrace || byte === closeBracket) depth--;
    else if (byte === comma && depth === 0) {
      onFrame(bytes, from, at);
      from = at + 1;
    }
  }
  onFrame(bytes, from, end - 1);
}

/** Where the string that begins at `from` has its closing quote. */
function endOfString(bytes: Buffer, from: number, end: number): number {
  for (let at = from + 1; at < end; at++) {
    if (bytes[at] === backslash) at++;
    else if (bytes[at] === quote) return at;
  }
  return end;
}

const separator = Buffer.from('},{"type":"');
const [quote, comma, openBracket, backslash, closeBracket, openBrace, closeBrace] = [
  0x22, 0x2c, 0x5b, 0x5c, 0x5d, 0x7b, 0x7d,
] as const;

/** The first letter of a frame's type, which distinguishes the frames of the wire without parsing; that of `entry` is its second, since `error` has the first. */
export const kinds = {
  ack: 0x61,
  conversation: 0x63,
  entry: 0x6e,
  error: 0x65,
  goingAway: 0x67,
  history: 0x68,
  message: 0x6d,
  receipt: 0x72,
  sync: 0x73,
  welcome: 0x77,
} as const;

/** The kind of the frame at `start`, which begins with `{"type":"`. */
export function kindOf(bytes: Buffer, start: number): number {
  const first = bytes[start + 9] ?? 0;
  return first === kinds.error && bytes[start + 10] === kinds.entry ? kinds.entry : first;
}

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
