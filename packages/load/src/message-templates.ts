// The frames that the generator sends over and over: encoded once, then only numbers and keys are patched in, so that the server,
// not the generator, is what is measured.

import { systemClock } from '@hongyan/base/clock';
import type { BenchConnection } from './connection.ts';
import { header, payloadBytesMax, textFrame } from './frames.ts';

/** Ids start here so that they always have ten digits and can be patched in place. */
export const idBase = 1_000_000_000;
const textBytes = 64;
/** The header of a client message of 126 bytes and more. */
const headerBytes = 8;
const slotsAtFirst = 64;
const hexDigits = Buffer.from('0123456789abcdef');

/**
 * Send frames that leave as one message: a bundle where there are several, cut at `payloadBytesMax`. Each has a slot: the
 * bracket or comma before it, then a copy of a template with its id and its client_msg_id patched in.
 */
export class SendBatch {
  readonly #template: Buffer;
  readonly #idAt: number;
  readonly #keyAt: number;
  /** Slots of one bundle. */
  readonly #bundleMax: number;
  /** The slots, with room for a header before them and for a closing bracket behind. */
  #bytes: Buffer;
  #count = 0;

  constructor(to: string, field: 'to' | 'conversation_id' = 'to') {
    const tag = crypto.randomUUID().slice(-12);
    const key = `00000000-0000-7000-8000-${tag}`;
    const text = 'x'.repeat(textBytes);
    this.#template = Buffer.from(
      `,{"type":"send","id":${idBase},"${field}":"${to}","client_msg_id":"${key}","content":{"type":"text","text":"${text}"}}`,
    );
    this.#idAt = this.#template.indexOf(String(idBase));
    this.#keyAt = this.#template.indexOf(key);
    this.#bundleMax = Math.floor((payloadBytesMax - 1) / this.#template.length);
    this.#bytes = Buffer.alloc(headerBytes + this.#template.length * slotsAtFirst + 1);
  }

  add(id: number): void {
    const from = this.#slotAt(this.#count);
    this.#count++;
    if (this.#slotAt(this.#count) >= this.#bytes.length) {
      this.#bytes = Buffer.concat([this.#bytes], this.#bytes.length * 2);
    }
    this.#template.copy(this.#bytes, from);
    for (let index = 9, rest = id; index >= 0; index--, rest = Math.floor(rest / 10)) {
      this.#bytes[from + this.#idAt + index] = 0x30 + (rest % 10);
    }
    this.#patchKey(from + this.#keyAt, id);
  }

  writeTo(connection: BenchConnection): void {
    for (let first = 0; first < this.#count; first += this.#bundleMax) {
      const behind = Math.min(first + this.#bundleMax, this.#count);
      connection.write(behind - first === 1 ? this.#single(first) : this.#bundle(first, behind));
    }
    this.#count = 0;
  }

  /** A header overwrites the end of the slot before, which has been written by then. */
  #single(slot: number): Buffer {
    return this.#message(this.#slotAt(slot) + 1, this.#slotAt(slot + 1));
  }

  #bundle(first: number, behind: number): Buffer {
    const [from, to] = [this.#slotAt(first), this.#slotAt(behind)];
    this.#bytes[from] = 0x5b;
    // Where the next slot has its comma; as the first of its bundle it needs none.
    this.#bytes[to] = 0x5d;
    return this.#message(from, to + 1);
  }

  #message(from: number, to: number): Buffer {
    const head = header(1, to - from);
    head.copy(this.#bytes, from - head.length);
    return this.#bytes.subarray(from - head.length, to);
  }

  #slotAt(index: number): number {
    return headerBytes + index * this.#template.length;
  }

  /** A UUIDv7 as client libraries make them: the time, then the low 24 bits of the id, then the tag of the sender. */
  #patchKey(at: number, id: number): void {
    let time = systemClock.nowMs();
    for (let index = 12; index >= 0; index--) {
      if (index === 8) continue;
      this.#bytes[at + index] = hexDigits[time % 16] ?? 0x30;
      time = Math.floor(time / 16);
    }
    for (const [index, shift] of keyDigits) this.#bytes[at + index] = hexDigits[(id >> shift) & 15] ?? 0x30;
  }
}

/** Places in the UUID and the bits of the id that stand there. */
const keyDigits = [
  [15, 20],
  [16, 16],
  [17, 12],
  [20, 8],
  [21, 4],
  [22, 0],
] as const;

/** Reads the client_msg_id of a pushed message, which `SendBatch` made of the id of its send. */
export class KeyField {
  /** Where the value began last time: tried first, since frames of one conversation are alike. */
  #hint = 0;

  /** The number of the send after `idBase`, modulo 2^24. */
  sendOf(bytes: Buffer, start: number, end: number): number {
    let at = start + this.#hint;
    if (this.#hint === 0 || at >= end || bytes.compare(keyName, 0, keyName.length, at - keyName.length, at) !== 0) {
      at = bytes.indexOf(keyName, start) + keyName.length;
      this.#hint = at - start;
    }
    let id = 0;
    for (const [index, shift] of keyDigits) id |= hexDigits.indexOf(bytes[at + index] ?? 0x30) << shift;
    return (id - idBase) & 0xff_ff_ff;
  }
}

const keyName = Buffer.from('"client_msg_id":"');

/** `delivered` up to the last seq; the number is padded with spaces in front, which JSON allows. */
export class DeliveredFrame {
  seq = 0;
  readAtMs = 0;
  readonly #frame: Buffer;
  readonly #endAt: number;

  constructor(conversationId: string) {
    this.#frame = textFrame(`{"type":"delivered","conversation_id":"${conversationId}","seq":               0}`);
    this.#endAt = this.#frame.length - 2;
  }

  writeTo(connection: BenchConnection): void {
    for (let at = this.#endAt, rest = this.seq; rest > 0; at--, rest = Math.floor(rest / 10)) {
      this.#frame[at] = 0x30 + (rest % 10);
    }
    connection.write(this.#frame);
  }
}
