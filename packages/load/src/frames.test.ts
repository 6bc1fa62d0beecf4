// The generator's framing against a real server's parser: what it sends is legal, what it receives is whole.

import { expect, test } from 'bun:test';
import { parseUp } from '@hongyan/protocol/parse';
import type { BenchConnection } from './connection.ts';
import { DeliveredFrame, SendBatch } from './direct.ts';
import { FrameReader, NumberField } from './frames.ts';

test('frames that arrive cut at any place come out whole and in order', () => {
  const short = ['a', 'b'.repeat(200), ''];
  const long = [...short, 'c'.repeat(70_000), 'd'];
  for (const [size, payloads] of [
    [1, short],
    [3, short],
    [999, long],
    [100_000, long],
  ] as const) {
    const stream = Buffer.concat(payloads.map(serverFrame));
    const reader = new FrameReader();
    const got: string[] = [];
    for (let at = 0; at < stream.length; at += size) {
      reader.read(stream.subarray(at, at + size), (bytes, start, end) => got.push(bytes.toString('utf8', start, end)));
    }
    expect(got).toEqual([...payloads]);
  }
});

test('send frames patched in place are frames of the protocol, each with its own key', () => {
  const batch = new SendBatch('user1');
  const written: Buffer[] = [];
  const connection = { write: (bytes: Buffer) => void written.push(Buffer.from(bytes)) } as BenchConnection;
  const count = 200;
  for (let id = 0; id < count; id++) batch.add(1_000_000_000 + id);
  batch.writeTo(connection);
  const frames = unmasked(Buffer.concat(written)).map(parseUp);
  expect(frames.every(({ type }) => type === 'ok')).toBe(true);
  const sends = frames.flatMap((parsed) => (parsed.type === 'ok' && parsed.frame.type === 'send' ? parsed.frame : []));
  expect(sends.map(({ id }) => id)).toEqual(Array.from({ length: count }, (_, id) => 1_000_000_000 + id));
  expect(new Set(sends.map(({ client_msg_id }) => client_msg_id)).size).toBe(count);
});

test('a delivered frame says the last seq', () => {
  const delivered = new DeliveredFrame('d:a:b');
  const written: Buffer[] = [];
  const connection = { write: (bytes: Buffer) => void written.push(Buffer.from(bytes)) } as BenchConnection;
  for (const seq of [1, 98_765]) {
    delivered.seq = seq;
    delivered.writeTo(connection);
  }
  expect(unmasked(Buffer.concat(written)).map(parseUp)).toEqual(
    [1, 98_765].map((seq) => ({
      type: 'ok',
      frame: { type: 'delivered', conversation_id: 'd:a:b', seq },
    })) as ReturnType<typeof parseUp>[],
  );
});

test('a number is found where it stood last time and where it did not', () => {
  const field = new NumberField('seq');
  for (const [text, value] of [
    ['{"type":"message","seq":12,"x":1}', 12],
    ['{"type":"message","seq":345,"x":1}', 345],
    ['{"type":"message","longer":1,"seq":6}', 6],
    ['{"type":"message"}', -1],
  ] as const) {
    const bytes = Buffer.from(text);
    expect(field.read(bytes, 0, bytes.length)).toBe(value);
  }
});

function serverFrame(text: string): Buffer {
  const payload = Buffer.from(text);
  const { length } = payload;
  if (length < 126) return Buffer.concat([Buffer.from([0x81, length]), payload]);
  if (length < 65_536) return Buffer.concat([Buffer.from([0x81, 126, length >> 8, length & 255]), payload]);
  const head = Buffer.alloc(10);
  head[0] = 0x81;
  head[1] = 127;
  head.writeUInt32BE(length, 6);
  return Buffer.concat([head, payload]);
}

/** The mask is zero: the payload stands behind 4 more bytes of header. */
function unmasked(stream: Buffer): string[] {
  const texts: string[] = [];
  for (let at = 0; at < stream.length; ) {
    expect(stream[at]).toBe(0x81);
    const short = (stream[at + 1] ?? 0) & 127;
    const isLong = short === 126;
    const size = isLong ? stream.readUInt16BE(at + 2) : short;
    const start = at + (isLong ? 8 : 6);
    texts.push(stream.toString('utf8', start, start + size));
    at = start + size;
  }
  return texts;
}
