// What being in another process adds: deadlines, bounds, a link that is cut and comes back, a gateway that does not read.

import { afterEach, expect, test } from 'bun:test';
import { stat } from 'node:fs/promises';
import { Client, credentials, status } from '@grpc/grpc-js';
import { createLog, type Log } from '@hongyan/base/log';
import type { ClientMsgId, ConversationId, MsgId, Seq } from '@hongyan/protocol/ids';
import { rejectionOf } from '@hongyan/testing/rejection';
import { until } from '@hongyan/testing/until';
import type { Committed, Core, Outcome } from '../../ports/core/core.ts';
import { actor, codeOf, user } from '../../ports/core/testing/contract.ts';
import { type BusEvent, conversationTopic, userTopic } from '../../ports/event-bus/event-bus.ts';
import { createMemoryEventBus } from '../../ports/event-bus/memory-event-bus.ts';
import { StoreFailure } from '../../ports/store-failure.ts';
import { type LinkOptions, type LinkUnderTest, openLink } from './testing/link.ts';
import * as link from './wire.ts';

let opened: LinkUnderTest | undefined;
afterEach(async () => {
  await opened?.remove();
  opened = undefined;
});

const group = 'g:1' as ConversationId;

/** Answers sends when the test says so, history never, presence at once; keeps the sessions that are open. */
function heldCore() {
  const sends: { readonly key: string; readonly resolve: (outcome: Outcome<Committed>) => void }[] = [];
  const sessions = new Map<string, string>();
  const core = {
    send: ({ clientMsgId }) => new Promise((resolve) => sends.push({ key: clientMsgId, resolve })),
    history: () => new Promise(() => {}),
    presence: async () => [],
    open: async ({ sessionId, node }) => {
      sessions.set(sessionId, node);
      return { conversationIds: [group] };
    },
    close: async ({ sessionId }) => void sessions.delete(sessionId),
  } as Partial<Core> as Core;
  return { core, sends, sessions };
}

async function start(options: Partial<LinkOptions> = {}) {
  const held = heldCore();
  const bus = createMemoryEventBus();
  opened = await openLink({ ...held, bus, ...options });
  return { ...held, bus, link: opened, remote: opened.client.core };
}

const send = (core: Core, key: string) =>
  core.send({ from: user('ann'), to: user('bob'), clientMsgId: key as ClientMsgId, content: { type: 'x' } });
const history = (core: Core) => core.history({ userId: user('ann'), conversationId: group });
const committed: Outcome<Committed> = {
  type: 'ok',
  value: { msgId: 'm' as MsgId, conversationId: group, seq: 1 as Seq, timestampMs: 1.7e12, isDuplicate: false },
};

test('without an answer by its deadline a question is unavailable and a send has an unknown outcome', async () => {
  const { remote, sends } = await start({ timeoutMs: 150 });
  const [sent, asked] = await Promise.all([send(remote, 'k'), history(remote)]);
  expect(codeOf(sent)).toBe('unknown_outcome');
  expect(codeOf(asked)).toBe('unavailable');
  // The answer that comes after all is nobody's.
  sends[0]?.resolve(committed);
  const again = send(remote, 'k2');
  await until(() => sends.length === 2, { what: 'the second send arrives' });
  sends[1]?.resolve(committed);
  expect(await again).toEqual(committed);
});

test('beyond the bound of requests in flight the next is refused as overloaded, and there is room again after answers', async () => {
  const { remote, sends } = await start({ inFlightMax: 3 });
  const waiting = ['1', '2', '3'].map((key) => send(remote, key));
  const refused = await send(remote, '4');
  expect(refused).toMatchObject({ type: 'refused', code: 'overloaded', retryAfterMs: 1000 });
  expect(await rejectionOf(remote.presence([]))).toMatchObject({ errorCode: 'overloaded' });
  await until(() => sends.length === 3, { what: 'the sends arrive' });
  for (const { resolve } of sends) resolve(committed);
  expect(await Promise.all(waiting)).toEqual([committed, committed, committed]);
  expect(await remote.presence([])).toEqual([]);
});

test('what was in flight when the link is cut has an unknown outcome; the link comes back with its topics and reports a loss', async () => {
  const { remote, sends, bus, link } = await start();
  const [events, losses]: [BusEvent[], number[]] = [[], []];
  const listener = { onEvent: (event: BusEvent) => events.push(event), onLoss: () => losses.push(events.length) };
  link.client.bus.attach(listener).subscribe([userTopic(user('ann'))]);
  const sent = send(remote, 'k');
  await until(() => sends.length === 1, { what: 'the send arrives' });
  await link.stopServer();
  expect(codeOf(await sent)).toBe('unknown_outcome');
  expect(link.client.isUp()).toBe(false);
  expect(codeOf(await send(remote, 'k'))).toBe('unavailable');
  expect(await rejectionOf(remote.presence([]))).toBeInstanceOf(StoreFailure);
  expect(losses).toEqual([]);
  await link.serve();
  await until(() => link.client.isUp(), { what: 'the link is up again' });
  expect(losses).toEqual([0]);
  await link.settle();
  const event = { type: 'frame', topic: userTopic(user('ann')), frame: 'again' } as const;
  bus.publish([event]);
  await link.settle();
  expect(events).toEqual([event]);
});

test("a gateway's sessions are closed when its link ends, those of the others stay", async () => {
  const { remote, sessions, link } = await start();
  const other = await link.connect('gateway-2');
  await remote.open({ actor: actor('ann'), sessionId: 's1', node: '' });
  await other.core.open({ actor: actor('bob'), sessionId: 's2', node: '' });
  await other.core.open({ actor: actor('cat'), sessionId: 's3', node: '' });
  expect([...sessions.values()]).toEqual(['gateway-1', 'gateway-2', 'gateway-2']);
  await other.core.close({ actor: actor('cat'), sessionId: 's3', node: '' });
  await other.close();
  await until(() => sessions.size === 1, { what: 'the sessions of gateway-2 are closed' });
  expect([...sessions]).toEqual([['s1', 'gateway-1']]);
});

test('[D8] a gateway that does not read loses events and is told so; the others get all of theirs', async () => {
  const lines: string[] = [];
  const log: Log = createLog({ level: 'warn', write: (line) => lines.push(line) });
  const { bus, link: served } = await start({ backlogBytesMax: 1024 * 1024, log });
  const topic = conversationTopic(group);
  const heard: number[] = [];
  served.client.bus
    .attach({ onEvent: (event) => event.type === 'frame' && heard.push(event.frame.length), onLoss: () => {} })
    .subscribe([topic]);
  const deaf = rawGateway(served.socketPath);
  deaf.write({ hello: { node: 'deaf', contract: link.contractVersion }, interests: [{ topic, isWanted: true }] });
  await until(() => deaf.received.length > 0, { what: 'the core is ready' });
  await served.settle();
  deaf.stream.pause();
  const frames = 400;
  for (let index = 0; index < frames; index++) {
    bus.publish([{ type: 'frame', topic, frame: 'x'.repeat(100_000 + index) }]);
    await served.settle();
  }
  expect(heard).toHaveLength(frames);
  expect(lines.filter((line) => line.includes('deaf')).length).toBeGreaterThan(0);
  deaf.stream.resume();
  await until(() => deaf.received.some(({ hasLostEvents }) => hasLostEvents), { what: 'it is told of its loss' });
  const got = deaf.received.reduce((sum, { events }) => sum + events.length, 0);
  expect(got).toBeLessThan(frames);
  deaf.close();
});

test('a gateway of another version of the contract is refused with both versions', async () => {
  const { link: served } = await start();
  const other = rawGateway(served.socketPath);
  other.write({ hello: { node: 'old', contract: link.contractVersion + 1 } });
  await until(() => other.failure() !== undefined, { what: 'it is refused' });
  expect(other.failure()).toMatchObject({ code: status.FAILED_PRECONDITION });
  other.close();
});

test('the socket is for its user alone', async () => {
  const { link: served } = await start();
  expect((await stat(served.socketPath)).mode & 0o777).toBe(0o600);
});

test('what a rejected method says of trying again comes through, and a bug is internal', async () => {
  class Full extends StoreFailure {
    readonly errorCode = 'overloaded';
  }
  let failure: Error = new Full('full');
  const core = { presence: () => Promise.reject(failure) } as Partial<Core> as Core;
  const { remote } = await start({ core });
  expect(await rejectionOf(remote.presence([]))).toMatchObject({ errorCode: 'overloaded' });
  failure = new Error('a bug');
  expect(await rejectionOf(remote.presence([]))).toMatchObject({ errorCode: 'internal' });
});

/** A gateway that speaks the contract by hand. */
function rawGateway(socketPath: string) {
  const client = new Client(`unix:${socketPath}`, credentials.createInsecure(), link.channelOptions);
  const stream = client.makeBidiStreamRequest(link.linkMethod.path, link.asIs, link.decodeDown);
  const received: link.Down[] = [];
  let failure: Error | undefined;
  stream.on('data', (down: link.Down) => received.push(down));
  stream.on('error', (error: Error) => {
    failure = error;
  });
  return {
    stream,
    received,
    write: (up: Partial<link.Up>) => stream.write(link.encodeUp(up)),
    failure: () => failure,
    close() {
      stream.cancel();
      client.close();
    },
  };
}
