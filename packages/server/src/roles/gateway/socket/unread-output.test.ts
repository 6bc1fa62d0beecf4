import { expect, test } from 'bun:test';
import { FakeSocketLayer } from '@hongyan/testing/fake-socket';
import { Connection } from './connection.ts';
import { closeSocket } from './socket.ts';
import { UnreadOutput } from './unread-output.ts';

function start(connectionBytesMax: number, totalBytesMax: number) {
  const layer = new FakeSocketLayer<Connection>();
  const unread = new UnreadOutput({
    connectionBytesMax,
    totalBytesMax,
    sockets: () => layer.sockets,
    close: (socket, reason) => closeSocket(socket, reason, 0),
  });
  const open = (bufferedBytes: number) => {
    const socket = layer.open(new Connection({ address: '', limitKey: undefined, token: undefined, nowMs: 0 }));
    socket.bufferedBytes = bufferedBytes;
    return socket;
  };
  return { unread, open };
}

test('[D8] a connection with more unread than its bound is closed as slow_consumer, the others stay', () => {
  const { unread, open } = start(1000, 1_000_000);
  const [slow, good] = [open(1001), open(1000)];
  for (const socket of [slow, good]) unread.sent(socket, 10);
  expect(slow.closedWith?.code).toBe(4001);
  expect(good.closedWith).toBeUndefined();
});

test('beyond the total bound, connections with the most unread bytes are terminated until a quarter of it is free', () => {
  const { unread, open } = start(1000, 3000);
  const sockets = [900, 700, 500, 300, 600, 0].map(open);
  unread.published(500, 6);
  expect(sockets.map(({ isTerminated }) => isTerminated)).toEqual([false, false, false, false, false, false]);
  const more = open(100);
  unread.published(500, 7);
  expect(sockets.map(({ isTerminated }) => isTerminated)).toEqual([true, false, false, false, false, false]);
  expect(sockets[0]?.closedWith?.code).toBe(4001);
  expect(more.isTerminated).toBe(false);
});

test('there is room again once readers have read', () => {
  const { unread, open } = start(1000, 1000);
  const [slow, other] = [open(800), open(100)];
  unread.published(900, 1);
  expect([slow, other, open(0)].map((socket) => unread.hasRoomFor(socket))).toEqual([false, false, true]);
  slow.bufferedBytes = 0;
  expect(unread.hasRoomFor(other)).toBe(true);
});
