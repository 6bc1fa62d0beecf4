// A server whose store was put back to an earlier state: what a device has shown of the lost part is void, and reported so.

import { afterEach, beforeEach, expect, test } from 'bun:test';
import { ManualClock } from '@hongyan/testing/manual-clock';
import { until } from '@hongyan/testing/until';
import { createClient, createMemoryStorage } from './client.ts';
import { tokenOf } from './testing/scripted-server.ts';
import { TimelineServer } from './testing/timeline-server.ts';

let server: TimelineServer;
let clock: ManualClock;
let shown: string[];
let gaps: object[];
let storage: ReturnType<typeof createMemoryStorage>;
let client: ReturnType<typeof create>;
beforeEach(() => {
  server = new TimelineServer();
  clock = new ManualClock();
  shown = [];
  gaps = [];
  storage = createMemoryStorage();
  client = create();
});
afterEach(async () => {
  await client.close();
  await server.scripted.stop();
});

function create() {
  const options = { url: server.scripted.url, token: () => tokenOf('me'), storage };
  const created = createClient(options, { clock, random: () => 0.5 });
  created.on('message', ({ content }) => shown.push(String(content.text)));
  created.on('gap', ({ from, to, isReset }) => gaps.push({ from, to, isReset }));
  return created;
}

const before = ['a1', 'a2', 'a3', 'a4', 'a5', 'a6'];

/** The device has shown `before`; then its connection ends. */
async function showAll(): Promise<void> {
  await client.connect();
  server.texts = before;
  for (const seq of before.keys()) server.scripted.connections[0]?.send({ type: 'message', ...server.entry(seq + 1) });
  await until(() => shown.length === before.length);
  server.scripted.connections[0]?.close(4000);
  await until(() => client.state.type === 'reconnecting');
  shown.length = 0;
}

async function reconnect(): Promise<void> {
  clock.advance(clock.nextInMs ?? 0);
  // A timer that only saves may have been the next.
  await until(() => {
    if (client.state.type === 'reconnecting') clock.advance(clock.nextInMs ?? 0);
    return client.state.type === 'online';
  });
}

const view = () => client.conversation('g:1' as never);

test.each([
  ['fewer entries than were shown', ['a1', 'b2', 'b3', 'b4'], 1],
  ['as many', ['a1', 'a2', 'a3', 'b4', 'b5', 'b6'], 3],
  ['more', ['a1', 'a2', 'a3', 'a4', 'b5', 'b6', 'b7', 'b8'], 4],
])('[C2] [D5] another epoch with %s: a reset gap, then what the store has now', async (_name, after, common) => {
  await showAll();
  server.scripted.epoch = 'second';
  server.texts = after;
  await reconnect();
  expect(gaps).toEqual([{ from: common + 1, to: 6, isReset: true }]);
  expect(shown).toEqual(after.slice(common));
  expect(view()).toMatchObject({ lastSeq: after.length, lastMessage: { content: { text: after.at(-1) } } });
});

test('[C2] another epoch with the same timeline: nothing is void and nothing comes twice', async () => {
  await showAll();
  server.scripted.epoch = 'second';
  server.texts = [...before, 'a7'];
  await reconnect();
  expect(gaps).toEqual([]);
  expect(shown).toEqual(['a7']);
});

test('[C2] the same epoch with a last_seq below what was shown is an earlier state all the same', async () => {
  await showAll();
  server.texts = ['a1', 'a2', 'a3', 'b4'];
  await reconnect();
  expect(gaps).toEqual([{ from: 4, to: 6, isReset: true }]);
  expect(shown).toEqual(['b4']);
});

test('[C2] a cursor that the server did not issue starts over', async () => {
  await showAll();
  server.texts = ['a1', 'a2', 'a3', 'b4'];
  server.scripted.answer = (connection, frame) => {
    if (frame.type !== 'sync' || frame.cursor === undefined) return server.answer(connection, frame);
    connection.send({ type: 'error', id: frame.id, code: 'bad_request', message: 'this cursor was not issued here' });
    return true;
  };
  await reconnect();
  expect(gaps).toEqual([{ from: 4, to: 6, isReset: true }]);
  expect(shown).toEqual(['b4']);
});

test('[C1] [C2] an entry pushed before the device has compared the timelines is shown in its place', async () => {
  await showAll();
  server.scripted.epoch = 'second';
  const after = ['a1', 'b2', 'b3', 'b4', 'b5', 'b6'];
  server.texts = after;
  server.scripted.answer = (connection, frame) => {
    if (frame.type !== 'sync') return server.answer(connection, frame);
    const listed = server.conversation();
    server.texts = [...after, 'b7'];
    connection.send({ type: 'message', ...server.entry(7) });
    const answer = { conversations: [listed], cursor: 'c', has_more: false, conversation_count: 1 };
    connection.send({ type: 'sync_result', id: frame.id, ...answer });
    return true;
  };
  await reconnect();
  expect(gaps).toEqual([{ from: 2, to: 6, isReset: true }]);
  expect(shown).toEqual(['b2', 'b3', 'b4', 'b5', 'b6', 'b7']);
});

test('[C2] a device that was closed meanwhile compares the epoch it has kept', async () => {
  await showAll();
  await client.close();
  server.scripted.epoch = 'second';
  server.texts = ['a1', 'b2', 'b3', 'b4', 'b5', 'b6'];
  client = create();
  await client.connect();
  expect(gaps).toEqual([{ from: 2, to: 6, isReset: true }]);
  expect(shown).toEqual(['b2', 'b3', 'b4', 'b5', 'b6']);
});

test('[D7] what was read of the lost part is not reported as read of what replaced it', async () => {
  await showAll();
  client.markRead('g:1' as never, 6 as never);
  server.scripted.epoch = 'second';
  server.texts = ['a1', 'b2', 'b3'];
  await reconnect();
  expect(view()).toMatchObject({ readSeq: 1, lastSeq: 3 });
  clock.advance(40);
  const latest = server.scripted.connections.at(-1);
  await latest?.next('delivered');
  const read = latest?.frames.filter(({ type }) => type === 'read').map(({ seq }) => seq);
  expect(read).toEqual([1]);
});
