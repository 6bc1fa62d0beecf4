// The generator's framing against a real server's parser: what it sends is legal, what it receives is whole.

import { expect, test } from 'bun:test';
import { parseFrame } from '@hongyan/protocol/parse';
import type { BenchConnection } from './connection.ts';
import { FrameReader, isBundle, NumberField, payloadBytesMax, splitBundle } from './frames.ts';
import { DeliveredFrame, SendBatch } from './message-templates.ts';

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

test.each([1, 2, 200, 1000])('%i send frames of one turn are frames of the protocol in as few messages', (count) => {
  const batch = new SendBatch('user1');
  // Twice: the buffer is used again.
  for (const idBase of [1_000_000_000, 2_000_000_000]) {
    for (let id = 0; id < count; id++) batch.add(idBase + id);
    const messages = unmasked(writtenBy(batch));
    expect(messages.filter((text) => text.startsWith('[')).length).toBe(count === 1 ? 0 : messages.length);
    for (const text of messages) expect(Buffer.byteLength(text)).toBeLessThanOrEqual(payloadBytesMax);
    const sends = messages.flatMap(framesOf).map((text) => {
      const parsed = parseFrame(text);
      if (parsed.type !== 'ok' || parsed.frame.type !== 'send') throw new Error(`${text} is no send frame`);
      return parsed.frame;
    });
    expect(messages.length).toBe(Math.ceil((count * (JSON.stringify(sends[0]).length + 1)) / payloadBytesMax));
    expect(sends.map(({ id }) => id)).toEqual(Array.from({ length: count }, (_, id) => idBase + id));
    expect(new Set(sends.map(({ client_msg_id }) => client_msg_id)).size).toBe(count);
  }
});

test('a bundle is split into its frames, whatever they contain and whatever stands behind it', () => {
  const flat = ['{"type":"ack","id":1}', '{"type":"message","text":"},{\\"type\\":\\"鸿"}', '{"type":"receipt"}'];
  const nested = [
    ...flat,
    '{"type":"message","content":{"type":"x","list":[{"type":"a"},{"type":"b"},[]],"text":"\\"]}[{\\\\"}}',
    '{"type":"sync_result","conversations":[]}',
  ];
  for (const frames of [flat, nested, flat.slice(0, 1), nested.slice(3, 4)]) {
    const bundle = Buffer.from(`[${frames.join(',')}]`);
    const bytes = Buffer.concat([Buffer.from('xyz'), bundle, Buffer.from('[{"type":"ack"},{"type":"ack"}]')]);
    const got: string[] = [];
    expect(isBundle(bytes, 3)).toBe(true);
    splitBundle(bytes, 3, 3 + bundle.length, (_, from, to) => got.push(bytes.toString('utf8', from, to)));
    expect(got).toEqual(frames);
  }
});

test('a delivered frame carries the last seq', () => {
  const delivered = new DeliveredFrame('d:a:b');
  const written: Buffer[] = [];
  const connection = { write: (bytes: Buffer) => void written.push(Buffer.from(bytes)) } as BenchConnection;
  for (const seq of [1, 98_765]) {
    delivered.seq = seq;
    delivered.writeTo(connection);
  }
  expect(unmasked(Buffer.concat(written)).map(parseFrame)).toEqual(
    [1, 98_765].map((seq) => ({
      type: 'ok',
      frame: { type: 'delivered', conversation_id: 'd:a:b', seq },
    })) as ReturnType<typeof parseFrame>[],
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

const framesOf = (text: string): string[] =>
  text.startsWith('[') ? JSON.parse(text).map((frame: unknown) => JSON.stringify(frame)) : [text];

function writtenBy(batch: SendBatch): Buffer {
  const written: Buffer[] = [];
  batch.writeTo({ write: (bytes: Buffer) => void written.push(Buffer.from(bytes)) } as BenchConnection);
  return Buffer.concat(written);
}

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
