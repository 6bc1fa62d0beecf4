// The failures that another process adds: deadlines, bounds, a link that is cut and reconnects, a gateway that does not read.

import { afterEach, expect, test } from 'bun:test';
import { stat } from 'node:fs/promises';
import { Client, credentials, Server, ServerCredentials, type ServerDuplexStream, status } from '@grpc/grpc-js';
import { systemClock } from '@hongyan/base/clock';
import { createLog, type Log } from '@hongyan/base/log';
import { ok, StoreFailure } from '@hongyan/base/result';
import type { ClientMsgId, ConversationId, MsgId } from '@hongyan/protocol/ids';
import type { Output } from '@hongyan/protocol/operations/operations';
import { failure, type Result } from '@hongyan/protocol/refusals';
import { rejectionOf } from '@hongyan/testing/rejection';
import { until } from '@hongyan/testing/until';
import type { Core } from '../../ports/core/core.ts';
import { caller, codeOf, deviceCaller, seq, user } from '../../ports/core/testing/gateway-side.ts';
import { type BusEvent, conversationTopic, userTopic } from '../../ports/event-bus/event-bus.ts';
import { MemoryEventBus } from '../../ports/event-bus/memory-event-bus.ts';
import { ClientStream } from './client-stream.ts';
import { newNonce, proofOf } from './security.ts';
import { type LinkOptions, type LinkUnderTest, openLink } from './testing/link.ts';
import * as wire from './wire.ts';

let opened: LinkUnderTest | undefined;
afterEach(async () => {
  await opened?.remove();
  opened = undefined;
});

const group = 'g:1' as ConversationId;
type Sent = Result<Output<'send'>>;

/** Answers sends when the test does, history never, users at once; keeps the sessions that are open. */
function heldCore() {
  const sends: { readonly key: string; readonly resolve: (result: Sent) => void }[] = [];
  const sessions = new Map<string, string>();
  const core = {
    send: (_caller, { client_msg_id }) => new Promise((resolve) => sends.push({ key: client_msg_id, resolve })),
    history: () => new Promise(() => {}),
    getUser: async (_caller, { user_id }) => ok({ user_id, display_name: 'x' }),
    typing: async (from) => (from.sessionId === '' ? failure.unavailable() : ok(undefined)),
    openSession: async ({ caller: { sessionId }, node }) => {
      sessions.set(sessionId, node);
      return ok({ conversationIds: [group], epoch: 'e' });
    },
    closeSession: async ({ caller: { sessionId } }) => void sessions.delete(sessionId),
  } as Partial<Core> as Core;
  return { core, sends, sessions };
}

async function start(options: Partial<LinkOptions> = {}) {
  const held = heldCore();
  const bus = new MemoryEventBus();
  opened = await openLink({ ...held, bus, ...options });
  return { ...held, bus, link: opened, remote: opened.client.core };
}

const send = (core: Core, key: string) =>
  core.send(caller('ann'), { to: user('bob'), client_msg_id: key as ClientMsgId, content: { type: 'x' } });
const history = (core: Core) => core.history(caller('ann'), { conversation_id: group });
const getUser = (core: Core) => core.getUser(caller('ann'), { user_id: user('bob') });
const open = (core: Core, id: string, session: string) =>
  core.openSession({ caller: deviceCaller(id, 'phone', session), clientName: '', node: '' });
const sent: Sent = ok({
  client_msg_id: 'k' as ClientMsgId,
  msg_id: 'm' as MsgId,
  conversation_id: group,
  seq: seq(1),
  timestamp: 1.7e12,
  status: 'ack',
});

test('without an answer by its deadline a read is unavailable and a send has an unknown outcome', async () => {
  const { remote, sends } = await start({ timeoutMs: 150 });
  const [timedOut, asked] = await Promise.all([send(remote, 'k'), history(remote)]);
  expect(codeOf(timedOut)).toBe('unknown_outcome');
  expect(codeOf(asked)).toBe('unavailable');
  // The answer that comes after all is dropped.
  sends[0]?.resolve(sent);
  const again = send(remote, 'k2');
  await until(() => sends.length === 2, { what: 'the second send arrives' });
  sends[1]?.resolve(sent);
  expect(await again).toEqual(sent);
});

test('beyond the bound of requests in flight the next fails as overloaded, and there is room again after answers', async () => {
  const { remote, sends } = await start({ inFlightMax: 3 });
  const waiting = ['1', '2', '3'].map((key) => send(remote, key));
  const refused = await send(remote, '4');
  expect(refused).toMatchObject({ type: 'failed', code: 'overloaded', retryAfterMs: 1000 });
  expect(codeOf(await getUser(remote))).toBe('overloaded');
  await until(() => sends.length === 3, { what: 'the sends arrive' });
  for (const { resolve } of sends) resolve(sent);
  expect(await Promise.all(waiting)).toEqual([sent, sent, sent]);
  expect(codeOf(await getUser(remote))).toBe('ok');
});

test('[D6] requests in flight when the link is cut have an unknown outcome, and none are accepted without a link', async () => {
  const { remote, sends, link } = await start();
  const inFlight = send(remote, 'k');
  await until(() => sends.length === 1, { what: 'the send arrives' });
  await link.stopServer();
  expect(codeOf(await inFlight)).toBe('unknown_outcome');
  expect(link.client.isUp).toBe(false);
  expect(codeOf(await send(remote, 'k'))).toBe('unavailable');
  expect(codeOf(await getUser(remote))).toBe('unavailable');
  const topic = conversationTopic(group);
  expect(await rejectionOf(link.client.bus.publish([{ type: 'frame', topic, frame: '1' }]))).toBeInstanceOf(
    StoreFailure,
  );
  const attachment = link.client.bus.attach({ onEvent: () => {}, onLoss: () => {} });
  expect(await rejectionOf(attachment.subscribe([topic]))).toMatchObject({ code: 'unavailable' });
  await link.serve();
  await until(() => link.client.isUp, { what: 'the link is up again' });
});

test('[D4] a reconnected link follows its topics again and reports a loss', async () => {
  const { bus, link } = await start();
  const [events, losses]: [BusEvent[], number[]] = [[], []];
  const listener = { onEvent: (event: BusEvent) => events.push(event), onLoss: () => losses.push(events.length) };
  await link.client.bus.attach(listener).subscribe([userTopic(user('ann'))]);
  await link.stopServer();
  await until(() => !link.client.isUp, { what: 'the link is down' });
  expect(losses).toEqual([]);
  await link.serve();
  await until(() => link.client.isUp, { what: 'the link is up again' });
  expect(losses).toEqual([0]);
  await link.settle();
  const event = { type: 'frame', topic: userTopic(user('ann')), frame: 'again' } as const;
  await bus.publish([event]);
  await link.settle();
  expect(events).toEqual([event]);
});

test('[D4] a subscription resolves once the core has it in force', async () => {
  const { bus, link } = await start();
  const events: BusEvent[] = [];
  const topics = Array.from({ length: 50 }, (_, index) => conversationTopic(`g:${index}` as ConversationId));
  const attachment = link.client.bus.attach({ onEvent: (event) => events.push(event), onLoss: () => {} });
  await Promise.all(topics.map((topic) => attachment.subscribe([topic])));
  await bus.publish(topics.map((topic) => ({ type: 'frame', topic, frame: 'x' })));
  await link.settle();
  expect(events.map(({ topic }) => topic)).toEqual(topics);
});

test('a link that is closed while it connects stays closed, even if the core becomes ready', async () => {
  const greeted = Promise.withResolvers<wire.LinkHello>();
  const core = await rawCore((stream) => {
    stream.on('data', ({ hello }) => hello && greeted.resolve(hello));
    stream.on('end', async () => {
      stream.write(provedAndReady(await greeted.promise));
      stream.end();
    });
  });
  const lines: string[] = [];
  const link = linkTo(core.address, lines);
  link.start();
  await greeted.promise;
  await link.close();
  expect(lines).toEqual([]);
  expect(link.isUp).toBe(false);
  core.stop();
});

test('a closed link is cut when the core does not end it', async () => {
  const cut = Promise.withResolvers<void>();
  const core = await rawCore((stream) => {
    stream.on('data', ({ hello }) => hello && stream.write(provedAndReady(hello)));
    stream.on('cancelled', () => cut.resolve());
  });
  const link = linkTo(core.address);
  await link.connect();
  await link.close();
  await cut.promise;
  core.stop();
});

test('[N8] a core that sends ready without a proof of the secret gets no link', async () => {
  const core = await rawCore((stream) => {
    stream.on('data', ({ hello }) => hello && stream.write(wire.encodeDown({ ready: {} })));
  });
  const link = linkTo(core.address);
  expect(await rejectionOf(link.connect())).toMatchObject({
    message: 'the core did not prove that it knows the secret',
  });
  expect(link.isUp).toBe(false);
  await link.close();
  core.stop();
});

test("a gateway's sessions are closed when its link ends, those of the others stay", async () => {
  const { remote, sessions, link } = await start();
  const other = await link.connect('gateway-2');
  await open(remote, 'ann', 's1');
  await open(other.core, 'bob', 's2');
  await open(other.core, 'cat', 's3');
  expect([...sessions.values()]).toEqual(['gateway-1', 'gateway-2', 'gateway-2']);
  await other.core.closeSession({ caller: deviceCaller('cat', 'phone', 's3'), node: '' });
  await other.close();
  await until(() => sessions.size === 1, { what: 'the sessions of gateway-2 are closed' });
  expect([...sessions]).toEqual([['s1', 'gateway-1']]);
});

test('calls of a session that the core no longer has are unavailable', async () => {
  const { remote, link } = await start();
  await open(remote, 'ann', 's1');
  const typing = (session: string) => remote.typing(deviceCaller('ann', 'phone', session), { conversation_id: group });
  expect(codeOf(await typing('s1'))).toBe('ok');
  expect(codeOf(await typing('s2'))).toBe('unavailable');
  await link.stopServer();
  await link.serve();
  await until(() => link.client.isUp, { what: 'the link is up again' });
  expect(codeOf(await typing('s1'))).toBe('unavailable');
});

test('[D8] a gateway that does not read loses events and is informed of it; the others get all of theirs', async () => {
  const lines: string[] = [];
  const log: Log = createLog({ level: 'warn', write: (line) => lines.push(line) });
  const { bus, link } = await start({ backlogBytesMax: 1024 * 1024, log });
  const topic = conversationTopic(group);
  const lengths: number[] = [];
  await link.client.bus
    .attach({ onEvent: (event) => event.type === 'frame' && lengths.push(event.frame.length), onLoss: () => {} })
    .subscribe([topic]);
  const deaf = rawGateway(link.socketPath);
  deaf.write({ hello: { node: 'deaf', contract: wire.contractVersion }, interests: [{ topic, isWanted: true }] });
  await until(() => deaf.received.length > 0, { what: 'the core is ready' });
  await link.settle();
  deaf.stream.pause();
  const frames = 400;
  for (let index = 0; index < frames; index++) {
    await bus.publish([{ type: 'frame', topic, frame: 'x'.repeat(100_000 + index) }]);
    await link.settle();
  }
  expect(lengths).toHaveLength(frames);
  expect(lines.filter((line) => line.includes('deaf')).length).toBeGreaterThan(0);
  deaf.stream.resume();
  await until(() => deaf.received.some(({ hasLostEvents }) => hasLostEvents), { what: 'its loss is reported' });
  const got = deaf.received.reduce((sum, { events }) => sum + events.length, 0);
  expect(got).toBeLessThan(frames);
  deaf.close();
});

test('a gateway of another version of the contract is refused with both versions', async () => {
  const { link } = await start();
  const other = rawGateway(link.socketPath);
  other.write({ hello: { node: 'old', contract: wire.contractVersion + 1 } });
  await until(() => other.failure() !== undefined, { what: 'it is refused' });
  expect(other.failure()).toMatchObject({ code: status.FAILED_PRECONDITION });
  for (const version of [wire.contractVersion, wire.contractVersion + 1])
    expect(other.failure()?.message).toContain(String(version));
  other.close();
});

test('a request that the core cannot read is answered as a bug, one of an unknown session as unavailable, and the link continues', async () => {
  const { link } = await start();
  const gateway = rawGateway(link.socketPath);
  const call = { callerJson: '{}', inputJson: '{}' };
  gateway.write({ hello: { node: 'odd', contract: wire.contractVersion } });
  gateway.write({
    requests: [
      { id: 1, what: 'call', call: { ...call, operation: 'teleport' } },
      { id: 2, what: 'call', call: { ...call, operation: 'openSession' } },
      { id: 3, what: 'call', call: { ...call, operation: 'getUser', inputJson: '{' } },
      { id: 4, what: 'call', call: { operation: 'getUser', inputJson: '{}' } },
      { id: 5, what: 'open', open: { callerJson: '', clientName: '' } },
      { id: 6, what: 'call', call: { ...call, operation: 'getUser', inputJson: '{"user_id":"bob"}' } },
    ],
  });
  const answers = () => gateway.received.flatMap((down) => down.answers);
  await until(() => answers().length === 6, { what: 'all are answered' });
  const results = answers().toSorted((a, b) => a.id - b.id);
  expect(results.map((answer) => (answer.result === 'problem' ? answer.problem.code : 'ok'))).toEqual([
    ...Array(3).fill('internal'),
    'unavailable',
    'internal',
    'ok',
  ]);
  gateway.close();
});

test('the socket is for its user alone', async () => {
  const { link } = await start();
  expect((await stat(link.socketPath)).mode & 0o777).toBe(0o600);
});

test('an error of a core method is forwarded: a failure as itself, a bug as a rejection', async () => {
  let thrown: Error = new StoreFailure('overloaded', 'full');
  const core = { getUser: () => Promise.reject(thrown) } as Partial<Core> as Core;
  const { remote } = await start({ core });
  expect(await getUser(remote)).toMatchObject({ type: 'failed', code: 'overloaded', retryAfterMs: 1000 });
  thrown = new Error('a bug');
  expect(await rejectionOf(getUser(remote))).toBeInstanceOf(Error);
});

/** A gateway that speaks the contract by hand. */
function rawGateway(socketPath: string) {
  const client = new Client(`unix:${socketPath}`, credentials.createInsecure(), wire.channelOptions);
  const stream = client.makeBidiStreamRequest(wire.linkMethod.path, wire.passThrough, wire.decodeDown);
  const received: wire.LinkDown[] = [];
  let failed: Error | undefined;
  stream.on('data', (down: wire.LinkDown) => received.push(down));
  stream.on('error', (error: Error) => {
    failed = error;
  });
  return {
    stream,
    received,
    write: (up: Partial<wire.LinkUp>) => stream.write(wire.encodeUp(up)),
    failure: () => failed,
    close() {
      stream.cancel();
      client.close();
    },
  };
}

function linkTo(address: string, lines: string[] = []): ClientStream {
  return new ClientStream({
    target: { type: 'tcp', address, security: { secret } },
    ...{ node: 'gateway-1', clock: systemClock, timeoutMs: 5_000, inFlightMax: 10 },
    log: createLog({ level: 'info', write: (line) => lines.push(line) }),
    ...{ onEvents: () => {}, onLoss: () => {}, topics: () => [] },
  });
}

const secret = new Uint8Array(32);

function provedAndReady({ nonce: gateway = new Uint8Array() }: wire.LinkHello): Buffer {
  const nonce = newNonce();
  const proof = proofOf(secret, 'core', { gateway, core: nonce });
  return wire.encodeDown({ challenge: { nonce, proof }, ready: {} });
}

/** A core that speaks the contract by hand. */
async function rawCore(link: (stream: ServerDuplexStream<wire.LinkUp, Buffer>) => void) {
  const server = new Server(wire.channelOptions);
  server.addService({ link: wire.linkMethod }, { link });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  return { address: `127.0.0.1:${port}`, stop: () => server.forceShutdown() };
}
