// The limits of messages on a link: small before authentication, then the largest request or answer. A batch that grew is sent as several
// messages.

import { afterEach, expect, test } from 'bun:test';
import { type ClientHttp2Stream, connect, type IncomingHttpHeaders } from 'node:http2';
import { connect as connectSocket } from 'node:net';
import { Client, credentials, status } from '@grpc/grpc-js';
import { ok } from '@hongyan/base/result';
import type { ClientMsgId, ConversationId } from '@hongyan/protocol/ids';
import { until } from '@hongyan/testing/until';
import type { Core } from '../../ports/core/core.ts';
import { caller, codeOf, user } from '../../ports/core/testing/gateway-side.ts';
import { conversationTopic } from '../../ports/event-bus/event-bus.ts';
import { MemoryEventBus } from '../../ports/event-bus/memory-event-bus.ts';
import { messagesOf, partBytesMax } from './batch-writer.ts';
import { type LinkUnderTest, openLink } from './testing/link.ts';
import * as wire from './wire.ts';

const cleanUp: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const one of cleanUp.splice(0).reverse()) await one();
});

async function open(core: Partial<Core> = {}, bus = new MemoryEventBus()): Promise<LinkUnderTest> {
  const link = await openLink({ core: core as Core, bus });
  cleanUp.push(() => link.remove());
  return link;
}

test('[N8] before its hello a gateway may send only small messages, and a larger one is refused by its announced size', async () => {
  const { socketPath } = await open();
  const stranger = new ByHand(socketPath);
  stranger.announce(wire.handshakeBytesMax + 1);
  expect(await stranger.refused).toBe(status.RESOURCE_EXHAUSTED);
});

test('after it messages have a bound, too', async () => {
  const { socketPath } = await open();
  const gateway = new ByHand(socketPath);
  gateway.write(wire.encodeUp({ hello: { node: 'gateway-2', contract: wire.contractVersion } }));
  await gateway.ready;
  gateway.announce(wire.messageBytesMax + 1);
  expect(await gateway.refused).toBe(status.RESOURCE_EXHAUSTED);
});

test('a content and an answer of many megabytes pass', async () => {
  const { client } = await open({ send: async (_caller, { content }) => ok(content as never) });
  const content = { type: 'x', text: '\u0001'.repeat(8 * 1024 * 1024) };
  const sent = await client.core.send(caller('ann'), { to: user('bob'), client_msg_id: 'k' as ClientMsgId, content });
  expect(codeOf(sent)).toBe('ok');
  expect(sent).toEqual(ok(content as never));
});

test('[D8] the backlog of a gateway that did not read is sent in messages of a few megabytes, complete and in order', async () => {
  const bus = new MemoryEventBus();
  const link = await open({}, bus);
  const topic = conversationTopic('g:1' as ConversationId);
  const client = new Client(`unix:${link.socketPath}`, credentials.createInsecure(), wire.channelOptions);
  const sizes: number[] = [];
  const frames: number[] = [];
  const stream = client.makeBidiStreamRequest(wire.linkMethod.path, wire.passThrough, (bytes: Buffer) => {
    sizes.push(bytes.length);
    return wire.decodeDown(bytes);
  });
  stream.on('error', () => {});
  cleanUp.push(() => {
    stream.cancel();
    client.close();
  });
  let isReady = false;
  stream.on('data', ({ ready, events }: wire.LinkDown) => {
    isReady ||= ready !== null && ready !== undefined;
    for (const event of events) if (event.what === 'frame') frames.push(event.frame.length);
  });
  const hello = { node: 'deaf', contract: wire.contractVersion };
  stream.write(wire.encodeUp({ hello, interests: [{ topic, isWanted: true }] }));
  await until(() => isReady);
  await link.settle();
  stream.pause();
  const lengths = Array.from({ length: 400 }, (_, index) => 100_000 + index);
  for (const length of lengths) {
    await bus.publish([{ type: 'frame', topic, frame: 'x'.repeat(length) }]);
    await link.settle();
  }
  stream.resume();
  await until(() => frames.length === lengths.length);
  expect(frames).toEqual(lengths);
  expect(Math.max(...sizes)).toBeLessThanOrEqual(partBytesMax);
});

test('a batch is split between items, list after list, and an item never', () => {
  const sizes = [3, 1, 0.2, 5, 2, 2, 0.1].map((part) => Math.floor(part * partBytesMax) / 4);
  const batch = { first: sizes.map((size) => 'a'.repeat(size)), second: sizes.map((size) => 'b'.repeat(size)) };
  const parts: (typeof batch)[] = [];
  const encode = (part: typeof batch) => {
    parts.push(part);
    return Buffer.from([...part.first, ...part.second].join(''));
  };
  const messages = messagesOf(batch, encode);
  expect(messages.join('')).toBe([...batch.first, ...batch.second].join(''));
  expect(messages.filter(({ length }) => length > partBytesMax).map(({ length }) => length)).toEqual(
    [5, 5].map((part) => (part * partBytesMax) / 4),
  );
  expect(messagesOf({ first: [], second: ['b'] }, encode)).toEqual([Buffer.from('b')]);
});

/** A gateway that speaks HTTP/2 by hand. */
class ByHand {
  /** The status that the core ends the stream with. */
  readonly refused: Promise<number>;
  /** The core has sent something. */
  readonly ready: Promise<void>;
  readonly #stream: ClientHttp2Stream;

  constructor(socketPath: string) {
    const session = connect('http://core', { createConnection: () => connectSocket(socketPath) });
    session.on('error', () => {});
    cleanUp.push(() => session.destroy());
    this.#stream = session.request({
      ':method': 'POST',
      ':path': wire.linkMethod.path,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    this.#stream.on('error', () => {});
    const { promise, resolve } = Promise.withResolvers<number>();
    this.refused = promise;
    const noted = (headers: IncomingHttpHeaders) => {
      if (headers['grpc-status'] !== undefined) resolve(Number(headers['grpc-status']));
    };
    this.#stream.on('response', noted);
    this.#stream.on('trailers', noted);
    this.ready = new Promise((seen) => void this.#stream.on('data', () => seen()));
  }

  write(message: Buffer): void {
    this.announce(message.length);
    this.#stream.write(message);
  }

  /** The length of a message, which comes before it. */
  announce(bytes: number): void {
    const head = Buffer.alloc(5);
    head.writeUInt32BE(bytes, 1);
    this.#stream.write(head);
  }
}
