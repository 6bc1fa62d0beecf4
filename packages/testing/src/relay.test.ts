// The relay itself: what passes, what waits, and that a cut closes nothing.

import { afterEach, expect, test } from 'bun:test';
import { createServer, type Server, type Socket, connect as tcpConnect } from 'node:net';
import { Relay } from './relay.ts';
import { until } from './until.ts';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** A server that answers what it hears, in capitals. */
async function world() {
  const heard: string[] = [];
  const ended: string[] = [];
  const server: Server = createServer((socket) => {
    socket.on('data', (bytes) => {
      heard.push(bytes.toString());
      socket.write(bytes.toString().toUpperCase());
    });
    socket.on('end', () => ended.push('end'));
    socket.on('error', () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const relay = await Relay.open({ targetPort: address.port });
  closing.push(() => {
    relay.close();
    server.close();
  });
  return { heard, ended, relay, connect: () => connectTo(relay.port) };
}

function connectTo(port: number): { readonly socket: Socket; readonly said: () => string } {
  let said = '';
  const socket = tcpConnect(port, '127.0.0.1');
  socket.on('data', (bytes) => {
    said += bytes.toString();
  });
  socket.on('error', () => {});
  closing.push(() => socket.destroy());
  return { socket, said: () => said };
}

test('bytes pass both ways, and so does the end', async () => {
  const { ended, connect } = await world();
  const { socket, said } = connect();
  socket.write('hello');
  await until(() => said() === 'HELLO');
  socket.end();
  await until(() => ended.length === 1);
});

test('what is sent during a cut waits, for new connections too, and arrives afterwards', async () => {
  const { heard, relay, connect } = await world();
  const first = connect();
  first.socket.write('a');
  await until(() => first.said() === 'A');
  relay.cut();
  first.socket.write('b');
  const second = connect();
  second.socket.write('c');
  await Bun.sleep(50);
  expect([heard, first.socket.closed, second.socket.closed]).toEqual([['a'], false, false]);
  relay.heal();
  await until(() => first.said() === 'AB' && second.said() === 'C');
});

test('a cut of one way lets the other pass', async () => {
  const { heard, relay, connect } = await world();
  const { socket, said } = connect();
  socket.write('a');
  await until(() => said() === 'A');
  relay.cut('back');
  socket.write('b');
  await until(() => heard.length === 2);
  await Bun.sleep(50);
  expect(said()).toBe('A');
  relay.heal();
  await until(() => said() === 'AB');
});

test('the end of a side does not pass a cut', async () => {
  const { ended, relay, connect } = await world();
  const { socket, said } = connect();
  socket.write('a');
  await until(() => said() === 'A');
  relay.cut('there');
  socket.destroy();
  await Bun.sleep(50);
  expect(ended).toEqual([]);
  relay.heal();
  await until(() => ended.length === 1);
});

test('a slow network is slow both ways', async () => {
  const { relay, connect } = await world();
  relay.slow(40);
  const { socket, said } = connect();
  const beganMs = performance.now();
  socket.write('a');
  await until(() => said() === 'A');
  expect(performance.now() - beganMs).toBeGreaterThan(75);
});
