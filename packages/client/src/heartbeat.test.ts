// The heartbeat: each direction by itself, a dead connection, a page in the background, and a request without an answer.

import { afterEach, beforeEach, expect, test } from 'bun:test';
import { ManualClock } from '@hongyan/testing/manual-clock';
import { until } from '@hongyan/testing/until';
import type { Client } from './api.ts';
import { createClient } from './client.ts';
import { type ScriptedConnection, ScriptedServer, tokenOf } from './testing/scripted-server.ts';

let server: ScriptedServer;
let clock: ManualClock;
let client: Client;
let hopeful: () => void;
beforeEach(() => {
  server = new ScriptedServer();
  clock = new ManualClock();
  const signals = {
    onHopeful(run: () => void) {
      hopeful = run;
      return () => {};
    },
    onOffline: () => () => {},
  };
  client = createClient({ url: server.url, token: () => tokenOf('me') }, { clock, random: () => 0.5, signals });
});
afterEach(async () => {
  await client.close();
  await server.stop();
});

async function online(): Promise<ScriptedConnection> {
  const coming = server.connection();
  await client.connect();
  return coming;
}

/** Resolves when the client has handled what the server sent so far. */
async function settled(connection: ScriptedConnection): Promise<void> {
  const seen = new Promise((resolve) => client.on('typing', resolve));
  connection.send({ type: 'typing', conversation_id: 'd:me:you', user_id: 'you' });
  await seen;
}
/** Resolves with the number of pings that the server has received. */
async function pings(connection: ScriptedConnection): Promise<number> {
  client.history({ conversationId: 'd:me:you' as never }).catch(() => {});
  await until(() => connection.frames.at(-1)?.type === 'history');
  return connection.frames.filter(({ type }) => type === 'ping').length;
}

test('[C7] after a silent interval it asks; an answer arms it anew; silence for two intervals means dead', async () => {
  const connection = await online();
  clock.advance(1_000);
  await connection.next('ping');
  connection.send({ type: 'pong' });
  await settled(connection);
  clock.advance(1_999);
  expect(client.state.type).toBe('online');
  clock.advance(1);
  expect(client.state.type).toBe('reconnecting');
});

test('[C7] a client that only receives pings once an interval: the direction to the server is never silent', async () => {
  const connection = await online();
  for (let step = 0; step < 8; step++) {
    clock.advance(500);
    await settled(connection);
  }
  expect(client.state.type).toBe('online');
  expect(await pings(connection)).toBe(4);
});

test('[C7] a client that only sends asks after an interval without an answer, and finds the connection dead', async () => {
  server.answer = (_connection, { type }) => type === 'ping';
  const connection = await online();
  for (let step = 0; step < 3; step++) {
    clock.advance(500);
    client.typing(`g:${step}` as never);
  }
  await connection.next('ping');
  expect(client.state.type).toBe('online');
  clock.advance(500);
  expect(client.state.type).toBe('reconnecting');
});

test('[C7] the timer of a page in the background, late by minutes, asks before it judges', async () => {
  const connection = await online();
  clock.suspend(600_000);
  expect(client.state.type).toBe('online');
  clock.suspend(600_000);
  await connection.next('ping');
  expect(client.state.type).toBe('online');
  // Nothing arrives in an interval that passed as it should.
  clock.advance(1_000);
  expect(client.state.type).toBe('reconnecting');
});

test('[C7] a request without an answer in time means dead, and what it asked is asked again', async () => {
  server.heartbeatMs = 60_000;
  server.answer = (_connection, frame) => frame.type === 'send';
  const connection = await online();
  const sent = client.send({ to: 'you' as never }, { type: 'text', text: 'x' }, { clientMsgId: 'k' as never });
  await connection.next('send');
  clock.advance(10_000);
  expect(client.state.type).toBe('reconnecting');
  server.answer = (again, { type, id, client_msg_id }) => {
    if (type !== 'send') return false;
    const ack = { msg_id: 'm', conversation_id: 'd:me:you', seq: 1, timestamp: 5, status: 'ack', duplicate: true };
    again.send({ type: 'ack', id, client_msg_id, ...ack });
    return true;
  };
  clock.advance(clock.nextInMs ?? 0);
  expect((await sent).seq).toBe(1 as never);
});

test('[C7] visible again it asks whether a connection still lives, and does not wait for two intervals', async () => {
  server.heartbeatMs = 60_000;
  const connection = await online();
  hopeful();
  await connection.next('ping');
  const received = new Promise((resolve) => client.on('typing', resolve));
  connection.send({ type: 'typing', conversation_id: 'd:me:you', user_id: 'you' });
  await received;
  clock.advance(59_000);
  hopeful();
  // The heartbeat that comes in between is another question.
  clock.advance(9_000);
  expect(client.state.type).toBe('online');
  clock.advance(1_000);
  expect(client.state.type).toBe('reconnecting');
});

test.each([
  ['history', () => void client.history({ conversationId: 'g:1' as never }).catch(() => {})],
  ['ping', () => hopeful()],
])('[C7] the late timer of a %s does not end the connection; silence after that does', async (type, ask) => {
  server.heartbeatMs = 3_600_000;
  const connection = await online();
  ask();
  await connection.next(type);
  clock.suspend(600_000);
  expect(client.state.type).toBe('online');
  clock.advance(10_000);
  expect(client.state.type).toBe('reconnecting');
});
