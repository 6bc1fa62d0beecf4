import { expect, test } from 'bun:test';
import type { ConversationId, DeviceId, UserId } from '@hongyan/protocol/ids';
import { FakeSocketLayer } from '@hongyan/testing/fake-socket';
import { ManualClock } from '@hongyan/testing/manual-clock';
import {
  type BusEvent,
  conversationTopic,
  presenceTopic,
  type Topic,
  userTopic,
} from '../../../ports/event-bus/event-bus.ts';
import { GatewayMeter } from '../meter.ts';
import { HeldBus } from '../testing/held-bus.ts';
import { Connection } from './connection.ts';
import { SessionTable } from './session-table.ts';
import { closeSocket } from './socket.ts';
import { UnreadOutput } from './unread-output.ts';

const user = (id: string) => id as UserId;
const group = 'g:1' as ConversationId;
const frame = (topic: Topic, n: number): BusEvent => ({ type: 'frame', topic, frame: `{"n":${n}}` });
const toGroup = (n: number) => frame(conversationTopic(group), n);
const toAnn = (n: number) => frame(userTopic(user('ann')), n);
const membership = (isMember: boolean): BusEvent => ({
  type: 'membership',
  topic: userTopic(user('ann')),
  conversationId: group,
  isMember,
});
const numbers = (socket: { readonly frames: readonly Record<string, unknown>[] }) => socket.frames.map(({ n }) => n);

async function start({ random = () => 0 }: { readonly random?: () => number } = {}) {
  const clock = new ManualClock();
  const held = new HeldBus();
  const layer = new FakeSocketLayer<Connection>();
  const close = (socket: Parameters<typeof closeSocket>[0], reason: Parameters<typeof closeSocket>[1]) =>
    closeSocket(socket, reason, 0);
  const table = new SessionTable({
    bus: held.bus,
    publisher: layer,
    meter: new GatewayMeter(),
    unread: new UnreadOutput({ connectionBytesMax: 1e6, totalBytesMax: 1e9, sockets: () => layer.sockets, close }),
    clock,
    random: () => random(),
    onNotSubscribed() {},
    close,
  });
  let sessions = 0;
  async function open(id: string, { isBundling = false, isMember = false } = {}) {
    const data = new Connection({ address: '', limitKey: undefined, token: undefined, nowMs: 0 });
    const socket = layer.open(data, (closed) => table.remove(closed));
    data.takesBundles = isBundling;
    const caller = {
      address: '',
      userId: user(id),
      tokenId: 't',
      deviceId: 'd' as DeviceId,
      sessionId: `s${++sessions}`,
    };
    data.state = { type: 'open', caller, expiresAtMs: 1e15 };
    await table.add(socket, user(id));
    if (isMember) table.subscribe(socket, await table.acquire([group]));
    return socket;
  }
  return { ...held, held, layer, table, open, clock };
}

test('a frame that may wait is sent with the next one, or after its time', async () => {
  const { bus, open, table, clock } = await start();
  const socket = await open('ann', { isBundling: true });
  const patient = (n: number): BusEvent => ({ ...toAnn(n), mayWait: true }) as BusEvent;
  void bus.publish([patient(1), patient(2)]);
  table.output.flush();
  expect(socket.sent).toEqual([]);
  void bus.publish([toAnn(3)]);
  table.output.flush();
  expect(socket.sent).toEqual(['[{"n":1},{"n":2},{"n":3}]']);
  void bus.publish([patient(4)]);
  clock.advance(249);
  table.output.flush();
  expect(socket.sent).toHaveLength(1);
  clock.advance(251);
  table.output.flush();
  expect(socket.sent.slice(1)).toEqual(['{"n":4}']);
  void bus.publish([toAnn(5), patient(6)]);
  table.output.flush();
  expect(socket.sent.slice(2)).toEqual(['[{"n":5},{"n":6}]']);
});

test('frames for a user are sent at the end of the turn: as one bundle, or one by one', async () => {
  const { bus, open, table } = await start();
  const [bundling, plain, other] = [await open('ann', { isBundling: true }), await open('ann'), await open('bob')];
  void bus.publish([toAnn(1), toAnn(2)]);
  void bus.publish([toAnn(3)]);
  expect(plain.sent).toEqual([]);
  table.output.flush();
  expect(bundling.sent).toEqual(['[{"n":1},{"n":2},{"n":3}]']);
  expect(plain.sent).toEqual(['{"n":1}', '{"n":2}', '{"n":3}']);
  expect(other.sent).toEqual([]);
});

test('frames of a conversation are published once a turn to bundling sockets, frame by frame to others, and to no empty variant', async () => {
  const { bus, open, table, layer } = await start();
  const [first, second] = [
    await open('ann', { isBundling: true, isMember: true }),
    await open('bob', { isBundling: true, isMember: true }),
  ];
  void bus.publish([toGroup(1), toGroup(2)]);
  table.output.flush();
  expect(layer.published.map(({ text }) => text)).toEqual(['[{"n":1},{"n":2}]']);
  const plain = await open('cat', { isMember: true });
  void bus.publish([toGroup(3), toGroup(4)]);
  table.output.flush();
  expect(layer.published.slice(1).map(({ text }) => text)).toEqual(['[{"n":3},{"n":4}]', '{"n":3}', '{"n":4}']);
  for (const socket of [first, second]) expect(numbers(socket)).toEqual([1, 2, 3, 4]);
  expect(numbers(plain)).toEqual([3, 4]);
  first.leave();
  second.leave();
  void bus.publish([toGroup(5)]);
  table.output.flush();
  expect(layer.published.slice(4).map(({ text }) => text)).toEqual(['{"n":5}']);
});

test('queued frames are sent at the end of the turn without a call', async () => {
  const { bus, open } = await start();
  const socket = await open('ann', { isMember: true });
  void bus.publish([toAnn(1), toGroup(2)]);
  const { promise, resolve } = Promise.withResolvers<void>();
  setImmediate(() => setImmediate(resolve));
  await promise;
  expect(numbers(socket)).toEqual([1, 2]);
});

test.each([true, false])(
  'a member gets what was published up to leaving and from joining on, also within one turn (bundles: %p)',
  async (isBundling) => {
    const { bus, open, table } = await start();
    const other = await open('bob', { isBundling, isMember: true });
    const socket = await open('ann', { isBundling });
    void bus.publish([
      toGroup(1),
      membership(true),
      toGroup(2),
      membership(false),
      toGroup(3),
      membership(true),
      toGroup(4),
    ]);
    await Promise.resolve();
    table.output.flush();
    expect(numbers(socket)).toEqual([2, 4]);
    expect(numbers(other)).toEqual([1, 2, 3, 4]);
  },
);

test('the bus is subscribed to a topic once, while any socket follows it', async () => {
  const { topics, open } = await start();
  const [first, second, third] = [
    await open('ann', { isMember: true }),
    await open('ann', { isBundling: true }),
    await open('bob', { isMember: true }),
  ];
  expect([...topics].sort()).toEqual(['c:g:1', 'u:ann', 'u:bob'] as Topic[]);
  first.leave();
  expect([...topics].sort()).toEqual(['c:g:1', 'u:ann', 'u:bob'] as Topic[]);
  second.leave();
  third.leave();
  expect([...topics]).toEqual([]);
});

test('while a joined conversation is not in force, the output of the socket is paused', async () => {
  const { bus, open, table, held } = await start();
  const socket = await open('ann');
  held.hold();
  void bus.publish([membership(true), toAnn(1)]);
  table.output.flush();
  expect(socket.sent).toEqual([]);
  held.release();
  await Bun.sleep(0);
  table.output.flush();
  expect(numbers(socket)).toEqual([1]);
});

test('a conversation that cannot be subscribed closes its socket with going_away, and no topic remains', async () => {
  const { bus, open, held, topics } = await start();
  const socket = await open('ann');
  held.hold();
  void bus.publish([membership(true)]);
  held.refuse();
  await Bun.sleep(0);
  expect(socket.closedWith?.code).toBe(4000);
  socket.leave();
  expect([...topics]).toEqual([]);
});

test('acquiring conversations of which one cannot be subscribed rejects and retains none', async () => {
  const { table, held, topics } = await start();
  held.hold();
  const reserved = table.acquire([group, 'g:2' as ConversationId]);
  held.refuse();
  expect(await reserved.catch((error: Error) => error.name)).toBe('StoreFailure');
  expect([...topics]).toEqual([]);
});

test('a frame for a user without sockets reaches no socket, even if a topic of that name is followed', async () => {
  const { bus, open, table, layer } = await start();
  const watcher = await open('bob');
  await table.watch(watcher, [user('ann')]);
  void bus.publish([toAnn(1), frame(presenceTopic(user('ann')), 2)]);
  table.output.flush();
  expect(numbers(watcher)).toEqual([2]);
  expect(layer.published).toHaveLength(1);
});

test('one connection watches the last 1,000 users that it requested', async () => {
  const { open, table, topics } = await start();
  const socket = await open('ann');
  const ids = Array.from({ length: 1200 }, (_, index) => user(`u${index}`));
  const watched = () => new Set([...topics].filter((topic) => topic.startsWith('p:')));
  await table.watch(socket, ids.slice(0, 700));
  await table.watch(socket, ids.slice(0, 1));
  await table.watch(socket, ids.slice(700));
  expect(watched()).toEqual(new Set([...ids.slice(0, 1), ...ids.slice(201)].map(presenceTopic)));
  await table.watch(socket, ids);
  expect(watched()).toEqual(new Set(ids.slice(200).map(presenceTopic)));
});

test('a newer session of a device closes the older one with replaced, and no other', async () => {
  const { bus, open } = await start();
  const [older, newer] = [await open('ann'), await open('ann')];
  const topic = userTopic(user('ann'));
  void bus.publish([{ type: 'replaced', topic, deviceId: 'other' as DeviceId, sessionId: 's2' }]);
  expect(older.closedWith).toBeUndefined();
  void bus.publish([{ type: 'replaced', topic, deviceId: 'd' as DeviceId, sessionId: 's2' }]);
  expect([older.closedWith?.code, newer.closedWith]).toEqual([4203, undefined]);
});

test('[D4] after a loss the affected connections are closed with going_away', async () => {
  const { bus, open } = await start();
  const [member, owner, other] = [await open('ann', { isMember: true }), await open('bob'), await open('cat')];
  bus.reportLoss([conversationTopic(group), userTopic(user('bob'))]);
  expect([member, owner, other].map(({ closedWith }) => closedWith?.code)).toEqual([4000, 4000, undefined]);
  bus.reportLoss();
  expect(other.closedWith?.code).toBe(4000);
});

test('[R3] after a loss that affects many, their closes are spread over a time that grows with their number, each once', async () => {
  // The times of 200 connections, evenly spread, in another order than theirs.
  let drawn = 0;
  const { bus, open, clock, table } = await start({ random: () => ((drawn++ * 37) % 200) / 200 });
  const sockets = await Promise.all(
    Array.from({ length: 200 }, (_, index) => open(`user ${index}`, { isMember: true })),
  );
  const gone = () => sockets.filter(({ closedWith }) => closedWith !== undefined).length;
  bus.reportLoss();
  expect(gone()).toBe(0);
  // Nothing is pushed, because it would follow a gap; a request is answered.
  const [first] = sockets;
  void bus.publish([frame(userTopic(user('user 0')), 1), toGroup(2)]);
  if (first !== undefined) table.output.queue(first, '{"n":3}');
  table.output.flush();
  expect(numbers(first ?? { frames: [] })).toEqual([3]);
  clock.advance(100);
  expect(gone()).toBeGreaterThanOrEqual(80);
  expect(gone()).toBeLessThanOrEqual(120);
  // A socket that closed is not closed again, and a further loss delays no close.
  const other = sockets.find(({ closedWith }) => closedWith === undefined);
  other?.leave();
  bus.reportLoss();
  clock.advance(100);
  expect(gone()).toBe(199);
  expect(other?.closedWith).toBeUndefined();
  expect(clock.nextInMs).toBeUndefined();
});

test('[R3] for any number, the last is closed after ten seconds', async () => {
  const { bus, open, clock } = await start({ random: () => 0.999_999 });
  const sockets = await Promise.all(Array.from({ length: 11_000 }, (_, index) => open(`user ${index}`)));
  const gone = () => sockets.filter(({ closedWith }) => closedWith !== undefined).length;
  bus.reportLoss();
  clock.advance(9_900);
  expect(gone()).toBe(0);
  clock.advance(200);
  expect(gone()).toBe(11_000);
});
