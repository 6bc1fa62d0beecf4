// Several frames as one WebSocket message, in both directions.

import { afterEach, beforeEach, expect, test } from 'bun:test';
import { ManualClock } from '@hongyan/testing/manual-clock';
import { until } from '@hongyan/testing/until';
import type { Client } from './api.ts';
import { createClient } from './client.ts';
import { FrameWriter } from './frame-writer.ts';
import { type ScriptedConnection, tokenOf } from './testing/scripted-server.ts';
import { TimelineServer } from './testing/timeline-server.ts';

let server: TimelineServer;
let client: Client;
beforeEach(() => {
  server = new TimelineServer();
  client = createClient(
    { url: server.scripted.url, token: () => tokenOf('me') },
    { clock: new ManualClock(), random: () => 0.5 },
  );
});
afterEach(async () => {
  await client.close();
  await server.scripted.stop();
});

async function online(): Promise<ScriptedConnection> {
  const coming = server.scripted.connection();
  await client.connect();
  return coming;
}

const sendOf = (connection: ScriptedConnection) => connection.messages.filter((text) => text.includes('"send"'));
function sendAll(count: number): void {
  for (let index = 0; index < count; index++) {
    client.send({ conversationId: 'g:1' as never }, { type: 'text', text: String(index) }).catch(() => {});
  }
}

test('sends of one turn leave as one message to a server that takes bundles, in their order', async () => {
  server.scripted.hasBundles = true;
  const connection = await online();
  expect(connection.frames[0]).toMatchObject({ type: 'hello', bundles: true });
  sendAll(10);
  await until(() => connection.frames.filter(({ type }) => type === 'send').length === 10);
  expect(sendOf(connection)).toHaveLength(1);
  const texts = connection.frames.flatMap(({ content }) => (content as { text: string } | undefined)?.text ?? []);
  expect(texts).toEqual(Array.from({ length: 10 }, (_, index) => String(index)));
});

test('a server that takes none is sent a message for each frame', async () => {
  const connection = await online();
  sendAll(3);
  await until(() => connection.frames.filter(({ type }) => type === 'send').length === 3);
  expect(sendOf(connection)).toHaveLength(3);
});

test('[C1] the frames of a bundle take effect in their order', async () => {
  const connection = await online();
  const shown: number[] = [];
  client.on('message', ({ seq }) => shown.push(Number(seq)));
  const typed = new Promise((resolve) => client.on('typing', resolve));
  server.texts = ['a1', 'a2', 'a3'];
  const entries = [1, 2, 3].map((seq) => ({ type: 'message', ...server.entry(seq) }));
  const typing = { type: 'typing', conversation_id: 'g:1', user_id: 'you' };
  connection.sendText(JSON.stringify([...entries, typing]));
  await typed;
  expect(shown).toEqual([1, 2, 3]);
});

test('[C2] a bundle with something that is no frame costs the connection: to pass over it could lose an entry', async () => {
  const connection = await online();
  connection.sendText('[{"type":"pong"},7]');
  await until(() => client.state.type === 'reconnecting');
});

test('a bundle is cut before the limit of the server, a longer frame leaves alone, and order stays', () => {
  const sent: string[] = [];
  const writer = new FrameWriter({ send: (text) => sent.push(text), bytesMax: 64 });
  const frames = ['鸿'.repeat(8), 'a'.repeat(30), 'b'.repeat(90), 'c', 'd'].map((text) => JSON.stringify(text));
  for (const frame of frames) writer.write(frame);
  writer.flush();
  expect(sent.flatMap((text) => [JSON.parse(text)].flat().map((value) => JSON.stringify(value)))).toEqual(frames);
  expect(sent.length).toBe(3);
  for (const text of sent) if (text.startsWith('[')) expect(Buffer.byteLength(text)).toBeLessThanOrEqual(64);
});

test('a bundle that fills the limit exactly is not cut', () => {
  const sent: string[] = [];
  const writer = new FrameWriter({ send: (text) => sent.push(text), bytesMax: 9 });
  for (const frame of ['"a"', '"b"']) writer.write(frame);
  writer.flush();
  expect(sent).toEqual(['["a","b"]']);
});
