// Received and read positions reach the server, and reach it again after whatever it may have lost.

import { afterEach, beforeEach, expect, test } from 'bun:test';
import { ManualClock } from '@hongyan/testing/manual-clock';
import { until } from '@hongyan/testing/until';
import type { Client } from './api.ts';
import { createClient, createMemoryStorage } from './client.ts';
import { type ScriptedConnection, tokenOf } from './testing/scripted-server.ts';
import { TimelineServer } from './testing/timeline-server.ts';

let server: TimelineServer;
let clock: ManualClock;
let client: Client;
beforeEach(() => {
  server = new TimelineServer();
  server.texts = ['a1', 'a2', 'a3'];
  clock = new ManualClock();
  // No messages on the device: each history request is one to the server.
  const storage = createMemoryStorage({ messageBytesMax: 0 });
  client = createClient(
    { url: server.scripted.url, token: () => tokenOf('me'), storage },
    { clock, random: () => 0.5 },
  );
});
afterEach(async () => {
  await client.close();
  await server.scripted.stop();
});

const group = 'g:1' as never;

/** Lets the delay pass after which positions leave, and resolves with those that the server has received. */
async function reportsOn(connection: ScriptedConnection | undefined): Promise<unknown[]> {
  clock.advance(40);
  const asked = connection?.frames.length ?? 0;
  client.history({ conversationId: group, limit: 1 }).catch(() => {});
  await until(() => connection?.frames.slice(asked).some(({ type }) => type === 'history') ?? false);
  const reports = connection?.frames.filter(({ type }) => type === 'delivered' || type === 'read') ?? [];
  return reports.map(({ type, seq }) => [type, seq]);
}

async function reconnect(): Promise<ScriptedConnection | undefined> {
  server.scripted.connections.at(-1)?.close(4000);
  await until(() => client.state.type === 'reconnecting');
  await until(() => {
    if (client.state.type === 'reconnecting') clock.advance(clock.nextInMs ?? 0);
    return client.state.type === 'online';
  });
  return server.scripted.connections.at(-1);
}

test('[C5] a position leaves once, and moves coalesce to the newest', async () => {
  await client.connect();
  const [connection] = server.scripted.connections;
  for (const seq of [1, 2, 3]) client.markRead(group, seq as never);
  expect(await reportsOn(connection)).toEqual([['read', 3]]);
  client.markRead(group, 3 as never);
  expect(await reportsOn(connection)).toEqual([['read', 3]]);
});

test('[C5] [D9] a read position that the server confirmed and then lost is reported again on the next connection', async () => {
  server.isListed = false;
  await client.connect();
  const [connection] = server.scripted.connections;
  client.markRead(group, 2 as never);
  expect(await reportsOn(connection)).toEqual([
    ['read', 2],
    ['delivered', 3],
  ]);
  connection?.send({ type: 'receipt', conversation_id: 'g:1', user_id: 'me', delivered_seq: 3, read_seq: 2 });
  const both = [
    ['read', 2],
    ['delivered', 3],
  ];
  expect(await reportsOn(await reconnect())).toEqual(both);
  expect(await reportsOn(await reconnect())).toEqual(both);
});

test('[C5] [D9] a position that sync shows as lost is reported again', async () => {
  server.position = { delivered_seq: 3, read_seq: 3 };
  await client.connect();
  server.position = { delivered_seq: 1, read_seq: 1 };
  expect(await reportsOn(await reconnect())).toEqual([['read', 3]]);
});

test('[C5] a position that left before sync showed it as lost is reported again', async () => {
  await client.connect();
  client.markRead(group, 3 as never);
  expect(await reportsOn(server.scripted.connections[0])).toEqual([['read', 3]]);
  let answerSync = () => {};
  server.scripted.answer = (connection, frame) => {
    if (frame.type !== 'sync') return server.answer(connection, frame);
    answerSync = () => void server.answer(connection, frame);
    return true;
  };
  server.scripted.connections[0]?.close(4000);
  await until(() => client.state.type === 'reconnecting');
  const coming = server.scripted.connection();
  clock.advance(clock.nextInMs ?? 0);
  const connection = await coming;
  await connection.next('sync');
  expect(await reportsOn(connection)).toEqual([['read', 3]]);
  answerSync();
  await until(() => client.state.type === 'online');
  expect(await reportsOn(connection)).toEqual([
    ['read', 3],
    ['read', 3],
  ]);
});

test('what the server has already is not reported', async () => {
  server.position = { delivered_seq: 3, read_seq: 1 };
  await client.connect();
  expect(await reportsOn(await reconnect())).toEqual([]);
});

test('[C5] what a device received through history it reports as delivered, though another device reported it first', async () => {
  server.position = { delivered_seq: 3, read_seq: 0 };
  await client.connect();
  const [connection] = server.scripted.connections;
  const { messages } = await client.history({ conversationId: group });
  expect(messages).toHaveLength(3);
  expect(await reportsOn(connection)).toEqual([['delivered', 3]]);
});
