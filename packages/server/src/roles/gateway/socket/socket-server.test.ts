import { afterEach, expect, test } from 'bun:test';
import { silentLog } from '@hongyan/base/log';
import { ok } from '@hongyan/base/result';
import type { ConversationId, UserId } from '@hongyan/protocol/ids';
import { failure, refusal } from '@hongyan/protocol/refusals';
import { FakeSocketLayer } from '@hongyan/testing/fake-socket';
import { ManualClock } from '@hongyan/testing/manual-clock';
import { type Revocation, RevocationSet } from '../../../domain/revocation.ts';
import type { Core, OpenedSession } from '../../../ports/core/core.ts';
import { conversationTopic, userTopic } from '../../../ports/event-bus/event-bus.ts';
import type { Tokens } from '../../../ports/tokens/tokens.ts';
import { createHandlers } from '../handlers.ts';
import { GatewayMeter } from '../meter.ts';
import { Pipeline } from '../pipeline.ts';
import { fakeCore } from '../testing/fake-core.ts';
import { HeldBus } from '../testing/held-bus.ts';
import { Connection } from './connection.ts';
import { SocketServer } from './socket-server.ts';

const tokens: Tokens = {
  sign: async () => ({ accessToken: '', expiresInS: 1, issuedAtMs: 0 }),
  verify: async (token) =>
    token === '' ? refusal.badToken() : ok({ userId: token as UserId, tokenId: 't', issuedAtMs: 0, expiresAtMs: 1e15 }),
};
const limits = {
  heartbeatMs: 1000,
  helloTimeoutMs: 1000,
  frameBytesMax: 2048,
  backlogBytesMax: 10_000,
  totalBacklogBytesMax: 100_000,
  inFlightMax: 3,
};
const wireLimits = {
  protocol_version: 2,
  frame_bytes_max: 2048,
  content_bytes_max: 1024,
  page_max: 10,
  members_inline: 10,
  receipts_push_max: 10,
};
const hello = '{"type":"hello","token":"ann","device_id":"phone"}';
let lastServer: SocketServer | undefined;
afterEach(() => lastServer?.close());

function start(
  overrides: Partial<Core> = {},
  conversationIds: readonly string[] = [],
  { onVerify = () => {}, inFlightMax = limits.inFlightMax } = {},
) {
  const clock = new ManualClock();
  const held = new HeldBus();
  const fake = fakeCore(overrides, conversationIds);
  const layer = new FakeSocketLayer<Connection>();
  const handlers = createHandlers({
    core: fake.core,
    publicUrl: 'http://x',
    listenAddress: () => ({ hostname: '', port: 1, isTls: false }),
  });
  const pipeline = new Pipeline({
    handlers,
    tokens: {
      ...tokens,
      verify: (token) => {
        onVerify();
        return tokens.verify(token);
      },
    },
    identifyKey: fake.core.identifyKey,
    clock,
    log: silentLog,
    inFlightMax,
  });
  let sessions = 0;
  const revoked = new RevocationSet();
  const revoke = (revocation: Revocation) => {
    revoked.add(revocation);
    server.closeRevoked([revocation]);
  };
  const server = new SocketServer({
    ...{ core: fake.core, bus: held.bus, pipeline, publisher: layer, clock, wireLimits },
    limits: { ...limits, inFlightMax },
    random: () => 0.5,
    log: silentLog,
    meter: new GatewayMeter(),
    node: 'n1',
    newSessionId: () => `s${++sessions}`,
    isRevoked: (token) => revoked.has(token),
  });
  lastServer = server;
  function connect(token?: string) {
    const socket = layer.open(
      new Connection({ address: '10.0.0.1', limitKey: undefined, token, nowMs: clock.monotonicMs() }),
      (closed) => server.onClose(closed),
    );
    server.onOpen(socket);
    return socket;
  }
  async function open(text = hello) {
    const socket = connect();
    server.onMessage(socket, text);
    await settled();
    return socket;
  }
  return { ...fake, clock, held, layer, pipeline, server, revoke, connect, open };
}

/** Answers and the flush at the end of the turn have happened. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 4; turn++) {
    const { promise, resolve } = Promise.withResolvers<void>();
    setImmediate(resolve);
    await promise;
  }
}
const typesOf = (socket: { readonly frames: readonly Record<string, unknown>[] }) =>
  socket.frames.map(({ type }) => type);

test('a hello is welcomed, with bundles only where it accepts them', async () => {
  const { open, sessions, server } = start();
  const plain = await open();
  expect(plain.frames).toMatchObject([{ type: 'welcome', user_id: 'ann', session_id: 's1', node: 'n1', epoch: 'e1' }]);
  expect(plain.frames[0]).not.toHaveProperty('bundles');
  const bundling = await open(hello.replace('}', ',"bundles":true}'));
  expect(bundling.frames[0]).toMatchObject({ bundles: true });
  expect([...sessions]).toEqual(['s1', 's2']);
  expect(server.awaitingHelloCount).toBe(0);
  plain.leave();
  await settled();
  expect([...sessions]).toEqual(['s2']);
});

test.each([
  ['a bad frame', '{', 4202],
  ['another frame', '{"type":"ping"}', 4202],
  ['a bundle that is none', '[]', 4202],
  ['a bad token', '{"type":"hello","device_id":"x"}', 4200],
])('%s instead of a hello is refused and closes', async (_name, text, code) => {
  const { open, sessions } = start();
  const socket = await open(text);
  expect(typesOf(socket)).toEqual(['error']);
  expect(socket.closedWith?.code).toBe(code);
  expect(sessions.size).toBe(0);
});

test('the token may come with the upgrade', async () => {
  const { connect, server } = start();
  const socket = connect('bob');
  server.onMessage(socket, '{"type":"hello","device_id":"phone"}');
  await settled();
  expect(socket.frames).toMatchObject([{ type: 'welcome', user_id: 'bob' }]);
});

test('frames that directly follow the hello are answered in order after the welcome, also in one bundle', async () => {
  const { connect, server } = start();
  const socket = connect();
  server.onMessage(socket, `[${hello},{"type":"sync","id":1}]`);
  server.onMessage(socket, '{"type":"ping"}');
  await settled();
  expect(typesOf(socket)).toEqual(['welcome', 'pong', 'sync_result']);
});

test('too many frames before the welcome close with protocol_error', async () => {
  const { connect, server } = start();
  const socket = connect();
  server.onMessage(socket, `[${hello}${',{"type":"ping"}'.repeat(4)}]`);
  expect(socket.closedWith?.code).toBe(4202);
});

test('[D4] pushes while the session opens come after the welcome, and membership is as of the welcome', async () => {
  const opened = Promise.withResolvers<OpenedSession>();
  const { connect, server, held, layer } = start({ openSession: async () => ok(await opened.promise) });
  const [left, joined, stays] = ['g:left', 'g:joined', 'g:stays'] as ConversationId[];
  const socket = connect();
  server.onMessage(socket, hello);
  await settled();
  const topic = userTopic('ann' as UserId);
  void held.bus.publish([
    { type: 'frame', topic, frame: '{"type":"early"}' },
    { type: 'membership', topic, conversationId: left as ConversationId, isMember: false },
    { type: 'membership', topic, conversationId: joined as ConversationId, isMember: true },
  ]);
  await settled();
  expect(socket.sent).toEqual([]);
  opened.resolve({ conversationIds: [left, stays] as ConversationId[], epoch: 'e1' });
  await settled();
  expect(typesOf(socket)).toEqual(['welcome', 'early']);
  for (const [index, id] of [left, joined, stays].entries())
    void held.bus.publish([
      { type: 'frame', topic: conversationTopic(id as ConversationId), frame: `{"type":"f${index}"}` },
    ]);
  await settled();
  expect(typesOf(socket).slice(2)).toEqual(['f1', 'f2']);
  expect(layer.published).toHaveLength(2);
});

test('long frames before the welcome are bounded in total, for any sender', async () => {
  const verifying = Promise.withResolvers<void>();
  const { connect, server } = start({ openSession: () => verifying.promise.then(() => failure.stopping()) }, [], {
    inFlightMax: 100,
  });
  const socket = connect();
  server.onMessage(socket, hello);
  const frame = `{"type":"sync","id":1,"more":"${'x'.repeat(1_000)}"}`;
  let taken = 0;
  while (socket.closedWith === undefined && taken < 100) {
    server.onMessage(socket, frame);
    taken++;
  }
  expect(socket.closedWith?.code).toBe(4202);
  expect(taken * frame.length).toBeLessThan(6 * limits.frameBytesMax);
  verifying.resolve();
});

test('the welcome waits until the conversations are in force', async () => {
  const { connect, server, held } = start({}, ['g:1']);
  const socket = connect();
  held.hold();
  server.onMessage(socket, hello);
  await settled();
  expect(socket.sent).toEqual([]);
  held.release();
  await settled();
  expect(typesOf(socket)).toEqual(['welcome']);
});

test('a connection that closes while its session opens has neither session nor topic afterwards', async () => {
  const opened = Promise.withResolvers<OpenedSession>();
  const { connect, server, held, sessions } = start({
    openSession: async ({ caller }) => {
      sessions.add(caller.sessionId);
      return ok(await opened.promise);
    },
  });
  const socket = connect();
  server.onMessage(socket, hello);
  await settled();
  socket.leave();
  opened.resolve({ conversationIds: ['g:1' as ConversationId], epoch: 'e1' });
  await settled();
  expect(sessions.size).toBe(0);
  expect([...held.topics]).toEqual([]);
});

test('a session that the core cannot open closes as overloaded, with the reason', async () => {
  const { open, held } = start({ openSession: async () => failure.coreUnreachable() });
  const socket = await open();
  expect(socket.frames).toMatchObject([{ type: 'error', code: 'unavailable' }]);
  expect(socket.closedWith?.code).toBe(4100);
  socket.leave();
  expect([...held.topics]).toEqual([]);
});

const revocation = (userId: string): Revocation => ({
  type: 'user',
  userId: userId as UserId,
  issuedBeforeMs: 1,
  untilMs: 1e15,
});

test('[A13] a revoked token closes its open connections with 4201, and no other', async () => {
  const { open, revoke, sessions } = start();
  const [phone, tablet, bob] = [await open(), await open(hello), await open(hello.replace('ann', 'bob'))];
  revoke(revocation('ann'));
  expect([phone, tablet, bob].map((socket) => socket.closedWith?.code)).toEqual([4201, 4201, undefined]);
  phone.leave();
  tablet.leave();
  await settled();
  expect([...sessions]).toEqual(['s3']);
});

test('[A13] a token revoked while its session opens closes it with 4201, before and after it is indexed by user', async () => {
  const { open, revoke, held, connect, server } = start({}, ['g:1']);
  held.hold();
  const subscribing = await open();
  revoke(revocation('ann'));
  expect(subscribing.closedWith?.code).toBe(4201);
  const checking = connect();
  server.onMessage(checking, hello);
  held.release();
  await settled();
  expect(checking.closedWith?.code).toBe(4201);
  expect(typesOf(checking)).toEqual([]);
});

test('a refused frame repeats its id exactly as written', async () => {
  const { open, server } = start();
  const socket = await open();
  server.onMessage(socket, '{"type":"sync","id":9007199254740993}');
  server.onMessage(socket, '[{"type":"teleport","id":1.50},{"type":"sync","id":7,"limit":0}]');
  await settled();
  expect(socket.sent.slice(1).map((text) => text.match(/"id":([^,]+),/)?.[1])).toEqual([
    '9007199254740993',
    '1.50',
    '7',
  ]);
});

test('a request of a connection that closed before it started is dropped, not treated as unauthenticated', async () => {
  let verified = 0;
  const { open, server, held, asked } = start({}, [], { onVerify: () => verified++ });
  const socket = await open();
  expect(verified).toBe(1);
  held.hold();
  server.onMessage(socket, '{"type":"presence","id":1,"user_ids":["bob"]}');
  socket.leave();
  held.release();
  await settled();
  expect(verified).toBe(1);
  expect(asked.map(({ name }) => name)).toEqual([]);
});

test('delivered, read and typing are refused with their id where they have one', async () => {
  const { open, server } = start({ read: async () => refusal.notMember(), typing: async () => refusal.notMember() });
  const socket = await open();
  server.onMessage(
    socket,
    '[{"type":"read","id":5,"conversation_id":"g:1","seq":1},{"type":"typing","conversation_id":"g:1"}]',
  );
  await settled();
  expect(socket.frames.slice(1)).toMatchObject([{ code: 'not_member', id: 5 }, { code: 'not_member' }]);
  expect(socket.frames[2]).not.toHaveProperty('id');
});

test('a frame over the limit is refused as too_large, a binary one closes', async () => {
  const { open, server } = start();
  const socket = await open();
  server.onMessage(socket, JSON.stringify({ type: 'sync', id: 1, cursor: '鸿'.repeat(1000) }));
  server.onMessage(socket, `[${'{"type":"ping"},'.repeat(200)}{"type":"ping"}]`);
  await settled();
  expect(socket.frames.slice(1).map(({ code }) => code)).toEqual(['too_large', 'too_large']);
  server.onMessage(socket, new Uint8Array([1]));
  expect(socket.closedWith?.code).toBe(4202);
  server.onMessage(socket, '{"type":"ping"}');
  await settled();
  expect(socket.frames).toHaveLength(3);
});

test('presence is subscribed before it is queried', async () => {
  const { open, server, held, asked } = start();
  const socket = await open();
  held.hold();
  server.onMessage(socket, '{"type":"presence","id":1,"user_ids":["bob"]}');
  await settled();
  expect(asked).toEqual([]);
  held.release();
  await settled();
  expect(asked.map(({ name }) => name)).toEqual(['presence']);
  expect(socket.frames[1]).toMatchObject({ type: 'presence_result', id: 1 });
});

test('[D8] beyond the total bound, a client with unread output receives no answers of reads but acks, and no other client is refused', async () => {
  const { open, server, clock } = start();
  const sockets = await Promise.all(Array.from({ length: 10 }, () => open()));
  for (const socket of sockets) socket.bufferedBytes = 9_000;
  clock.advance(250);
  const [reader, slow] = [await open(), await open()];
  slow.bufferedBytes = 1;
  const content = { type: 'text', text: 'x' };
  for (const socket of [reader, slow]) {
    server.onMessage(socket, '{"type":"sync","id":1}');
    server.onMessage(socket, JSON.stringify({ type: 'send', id: 2, to: 'bob', client_msg_id: 'k', content }));
  }
  await settled();
  expect(reader.frames.slice(1)).toMatchObject([
    { type: 'sync_result', id: 1 },
    { type: 'ack', id: 2 },
  ]);
  expect(slow.frames.slice(1)).toMatchObject([
    { type: 'error', id: 1, code: 'overloaded' },
    { type: 'ack', id: 2 },
  ]);
  for (const socket of sockets) socket.bufferedBytes = 0;
  server.onMessage(slow, '{"type":"sync","id":3}');
  await settled();
  expect(slow.frames.at(-1)).toMatchObject({ type: 'sync_result', id: 3 });
});

test('[O21] a drain asks each client to reconnect within its time, answers what is in flight, then closes with going_away', async () => {
  const answer = Promise.withResolvers<void>();
  const { open, server, pipeline, clock } = start({ sync: () => answer.promise.then(() => refusal.foreignCursor()) });
  const [busy, idle] = [await open(), await open()];
  server.onMessage(busy, '{"type":"sync","id":1}');
  pipeline.drain();
  const drained = server.drain(clock.monotonicMs() + 5000);
  expect([busy, idle].map(({ closedWith }) => closedWith?.code)).toEqual([undefined, 4000]);
  expect(idle.frames.at(-1)).toEqual({ type: 'going_away', reconnect_after_ms: 2501 });
  server.onMessage(busy, '{"type":"sync","id":2}');
  await settled();
  expect(busy.frames.at(-1)).toMatchObject({ type: 'error', id: 2, code: 'unavailable' });
  answer.resolve();
  await settled();
  clock.advance(20);
  await settled();
  expect(busy.frames.at(-1)).toMatchObject({ type: 'error', id: 1, code: 'bad_request' });
  expect(busy.closedWith?.code).toBe(4000);
  for (const socket of [busy, idle]) socket.leave();
  clock.advance(20);
  await drained;
});

test('[O22] where other processes accept them, clients are drained one after another, evenly, and the others are served', async () => {
  const { open, server, clock } = start({ sync: async () => refusal.foreignCursor() });
  const sockets = [await open(), await open(), await open(), await open()];
  let isOver = false;
  const left = server.drainGradually(clock.monotonicMs() + 1000).then(() => {
    isOver = true;
  });
  const counts: number[] = [];
  for (let step = 0; step < 40; step++) {
    clock.advance(20);
    await settled();
    if (step % 10 === 4) counts.push(sockets.filter(({ closedWith }) => closedWith?.code === 4000).length);
    if (step === 20) {
      const staying = sockets.find(({ closedWith }) => closedWith === undefined);
      if (staying === undefined) throw new Error('half of the time is over: some stay');
      server.onMessage(staying, '{"type":"sync","id":7}');
      await settled();
      expect(staying.frames.at(-1)).toMatchObject({ type: 'error', id: 7, code: 'bad_request' });
    }
  }
  await left;
  expect([counts, isOver]).toEqual([[1, 2, 3, 4], true]);
  for (const { frames } of sockets)
    expect(frames.at(-1)).toMatchObject({ type: 'going_away', reconnect_after_ms: 101 });
});

test('[O22] the requests of a draining connection are answered, and further ones refused', async () => {
  const answer = Promise.withResolvers<void>();
  const { open, server, clock } = start({ sync: () => answer.promise.then(() => refusal.foreignCursor()) });
  const busy = await open();
  server.onMessage(busy, '{"type":"sync","id":1}');
  const left = server.drainGradually(clock.monotonicMs());
  await left;
  server.onMessage(busy, '{"type":"sync","id":2}');
  await settled();
  expect(busy.frames.at(-1)).toMatchObject({ type: 'error', id: 2, code: 'unavailable' });
  expect(busy.closedWith).toBeUndefined();
  answer.resolve();
  await settled();
  clock.advance(20);
  await settled();
  expect(busy.frames.at(-1)).toMatchObject({ type: 'error', id: 1, code: 'bad_request' });
  expect(busy.closedWith?.code).toBe(4000);
});

test('a drain ends at its deadline, whatever is in flight', async () => {
  const { open, server, pipeline, clock } = start({ sync: () => new Promise(() => {}) });
  const socket = await open();
  server.onMessage(socket, '{"type":"sync","id":1}');
  pipeline.drain();
  const drained = server.drain(clock.monotonicMs() + 40);
  for (let step = 0; step < 4; step++) {
    clock.advance(20);
    await settled();
  }
  await drained;
  expect(socket.isTerminated).toBe(true);
});
