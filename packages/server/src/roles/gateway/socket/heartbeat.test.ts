import { afterEach, expect, test } from 'bun:test';
import type { DeviceId, UserId } from '@hongyan/protocol/ids';
import { FakeSocketLayer } from '@hongyan/testing/fake-socket';
import { ManualClock } from '@hongyan/testing/manual-clock';
import { Connection } from './connection.ts';
import { Heartbeat } from './heartbeat.ts';
import { closeSocket } from './socket.ts';
import { UnreadOutput } from './unread-output.ts';

const intervalMs = 1000;
let heartbeat: Heartbeat | undefined;
afterEach(() => heartbeat?.stop());

function start() {
  const clock = new ManualClock();
  const layer = new FakeSocketLayer<Connection>();
  const awaitingHello = new Set<ReturnType<typeof layer.open>>();
  const close = (socket: Parameters<typeof closeSocket>[0], reason: Parameters<typeof closeSocket>[1]) =>
    closeSocket(socket, reason, clock.monotonicMs());
  heartbeat = new Heartbeat({
    clock,
    intervalMs,
    helloTimeoutMs: 400,
    sockets: layer.sockets,
    awaitingHello,
    unread: new UnreadOutput({ connectionBytesMax: 1e6, totalBytesMax: 1e9, sockets: () => layer.sockets, close }),
    close,
  });
  const connect = () =>
    layer.open(new Connection({ address: '', limitKey: undefined, token: undefined, nowMs: clock.monotonicMs() }));
  const open = (expiresInMs = 1e9) => {
    const socket = connect();
    const caller = { address: '', userId: 'ann' as UserId, tokenId: 't', deviceId: 'd' as DeviceId, sessionId: 's' };
    socket.data.state = { type: 'open', caller, expiresAtMs: clock.nowMs() + expiresInMs };
    return socket;
  };
  return { clock, open, connect, awaitingHello };
}

test('the server sends something at least every interval, also while the peer sends all the time', () => {
  const { clock, open } = start();
  const socket = open();
  let lastPings = 0;
  let lastSentMs = 0;
  for (let step = 0; step < 100; step++) {
    clock.advance(100);
    socket.data.lastHeardMs = clock.monotonicMs();
    if (socket.pings > lastPings) lastSentMs = clock.monotonicMs();
    lastPings = socket.pings;
    expect(clock.monotonicMs() - lastSentMs).toBeLessThanOrEqual(intervalMs);
  }
  expect(socket.pings).toBeLessThanOrEqual(14);
  expect(socket.closedWith).toBeUndefined();
});

test('a connection that receives frames needs no ping, while its peer sends', () => {
  const { clock, open } = start();
  const socket = open();
  for (let step = 0; step < 50; step++) {
    clock.advance(100);
    socket.data.lastHeardMs = socket.data.lastSentMs = clock.monotonicMs();
  }
  expect(socket.pings).toBe(0);
});

test('a peer that sends nothing is pinged after an interval and closed as idle after two', () => {
  const { clock, open } = start();
  const socket = open();
  for (let step = 0; step < 19; step++) {
    clock.advance(100);
    socket.data.lastSentMs = clock.monotonicMs();
  }
  expect(socket.pings).toBeGreaterThan(0);
  expect(socket.closedWith).toBeUndefined();
  clock.advance(400);
  expect(socket.closedWith?.code).toBe(4002);
});

test('a step of the wall clock makes no peer idle, and an expired token closes with unauthorized', () => {
  const { clock, open } = start();
  const [socket, expiring] = [open(), open(500)];
  clock.advance(600);
  for (const each of [socket, expiring]) each.data.lastHeardMs = clock.monotonicMs();
  clock.advance(250);
  expect(socket.closedWith).toBeUndefined();
  expect(expiring.closedWith?.code).toBe(4200);
});

test('a close that hangs is terminated after half an interval', () => {
  const { clock, open } = start();
  const socket = open();
  closeSocket(socket, 'replaced', clock.monotonicMs());
  clock.advance(500);
  expect(socket.isTerminated).toBe(false);
  clock.advance(500);
  expect(socket.isTerminated).toBe(true);
});

test('a missing hello closes with protocol_error after its time-out, whatever else arrives', () => {
  const { clock, connect, awaitingHello } = start();
  const socket = connect();
  awaitingHello.add(socket);
  for (let step = 0; step < 5; step++) {
    clock.advance(100);
    socket.data.lastHeardMs = clock.monotonicMs();
  }
  expect(socket.closedWith?.code).toBe(4202);
});
