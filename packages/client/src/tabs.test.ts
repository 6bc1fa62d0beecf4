// Clients of one device that share a connection, as tabs do: real channels, and locks as a browser has them.

import { afterEach, beforeEach, expect, test } from 'bun:test';
import { ManualClock } from '@hongyan/testing/manual-clock';
import { rejectionOf } from '@hongyan/testing/rejection';
import { until } from '@hongyan/testing/until';
import type { Client, DeviceId } from './api.ts';
import { createClient } from './client.ts';
import type { ClientStorage } from './client-storage.ts';
import { createMemoryStorage } from './memory-storage.ts';
import type { FromFollower, ToFollower } from './remote-socket.ts';
import { LockManager } from './testing/lock-manager.ts';
import { tokenOf } from './testing/scripted-server.ts';
import { message } from './testing/session-rig.ts';
import { item } from './testing/storage-contract.ts';
import { TimelineServer } from './testing/timeline-server.ts';

let server: TimelineServer;
let clock: ManualClock;
let locks: LockManager;
let storage: ClientStorage;
let clients: Client[];
beforeEach(() => {
  server = new TimelineServer();
  clock = new ManualClock();
  locks = new LockManager();
  storage = createMemoryStorage();
  clients = [];
});
afterEach(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await server.scripted.stop();
});

const group = 'g:1' as never;
const connections = () => server.scripted.connections;

/** A client as a tab has it, and the texts that it has shown. */
function tab({ userId = 'me', kept = storage }: { readonly userId?: string; readonly kept?: ClientStorage } = {}) {
  const client = createClient(
    { url: server.scripted.url, token: () => tokenOf(userId), storage: kept },
    { clock, locks: locks.locks },
  );
  clients.push(client);
  const shown: unknown[] = [];
  client.on('message', ({ content }) => shown.push(content.text));
  return { client, shown };
}

/** Two online clients: the first leads. */
async function two() {
  const first = tab();
  await first.client.connect();
  const second = tab();
  await second.client.connect();
  return [first, second] as const;
}

const push = (at: number, seq: number) => connections()[at]?.send({ type: 'message', ...server.entry(seq) });
const isOnline = (client: Client) => until(() => client.state.type === 'online');

test('[C11] tabs that start at once are one device with one connection, and each shows what is pushed', async () => {
  const tabs = [tab(), tab(), tab()];
  await Promise.all(tabs.map(({ client }) => client.connect()));
  expect(new Set(tabs.map(({ client }) => client.deviceId)).size).toBe(1);
  expect(connections()).toHaveLength(1);
  server.texts = ['a'];
  push(0, 1);
  await until(() => tabs.every(({ shown }) => shown.length === 1));
  expect(connections()[0]?.frames.filter(({ type }) => type === 'hello')).toHaveLength(1);
});

test('[C11] an answer reaches the tab that asked, whatever the others ask meanwhile', async () => {
  server.texts = ['a', 'b', 'c'];
  const [first, second] = await two();
  const [ofFirst, ofSecond] = await Promise.all([
    first.client.history({ conversationId: group, afterSeq: 0 as never, limit: 1 }),
    second.client.history({ conversationId: group, afterSeq: 1 as never, limit: 2 }),
  ]);
  expect(ofFirst.messages.map(({ content }) => content.text)).toEqual(['a']);
  expect(ofSecond.messages.map(({ content }) => content.text)).toEqual(['b', 'c']);
});

test('[C11] [D4] when the tab with the connection closes, another one opens its own and misses nothing', async () => {
  const [first, second] = await two();
  await first.client.close();
  server.texts = ['a'];
  await until(() => connections().length === 2);
  await isOnline(second.client);
  await until(() => second.shown.length === 1);
  expect(second.shown).toEqual(['a']);
});

test('[B1] a tab that comes later is told what the operator says, and of what was withdrawn', async () => {
  const [first, second] = await two();
  const say = (notice_id: string, until: number) =>
    connections()[0]?.send({ type: 'notice', notice_id, text: 'x', severity: 'info', until });
  say('a', clock.nowMs() + 60_000);
  say('b', clock.nowMs() + 60_000);
  await until(() => [first, second].every(({ client }) => client.notices().length === 2));
  first.client.dismissNotice('a');
  await second.client.close();
  say('b', 0);
  await until(() => first.client.notices().length === 0);
  const third = tab();
  await Promise.all([second.client.connect(), third.client.connect()]);
  for (const { client } of [second, third]) expect(client.notices().map(({ id }) => id)).toEqual(['a']);
  expect(connections()).toHaveLength(1);
});

test('[C11] a connection that is lost is lost for every tab, and there is one again', async () => {
  const [first, second] = await two();
  connections()[0]?.close(4000);
  await until(() => first.client.state.type === 'reconnecting' && second.client.state.type === 'reconnecting');
  clock.advance(300);
  await isOnline(first.client);
  await isOnline(second.client);
  expect(connections()).toHaveLength(2);
});

test('[C11] [C6] replaced by another client of the device, all tabs stop, and come back where the user says so', async () => {
  const [first, second] = await two();
  for (let at = 0; at < 2; at++) {
    await isOnline(first.client);
    await isOnline(second.client);
    connections()[at]?.close(4203);
    await until(() => first.client.state.type !== 'online' && second.client.state.type !== 'online');
    clock.advance(300);
  }
  await until(() => first.client.state.type === 'closed' && second.client.state.type === 'closed');
  expect(first.client.state).toEqual({ type: 'closed', reason: 'replaced' });
  expect(second.client.state).toEqual({ type: 'closed', reason: 'replaced' });
  expect(connections()).toHaveLength(2);
  await second.client.connect();
  await isOnline(first.client);
  expect(connections()).toHaveLength(3);
});

test('[C11] users are apart', async () => {
  server.scripted.answer = (connection, frame) => {
    if (frame.type !== 'hello') return server.answer(connection, frame);
    const user_id = JSON.parse(atob(String(frame.token).split('.')[1] ?? '')).sub;
    connection.send({ type: 'welcome', user_id, heartbeat_ms: 60_000, limits: {}, node: 'test', epoch: 'first' });
    return true;
  };
  const [mine, yours] = [tab(), tab({ userId: 'you', kept: createMemoryStorage() })];
  await Promise.all([mine.client.connect(), yours.client.connect()]);
  expect(connections()).toHaveLength(2);
});

const deviceId = 'd1' as DeviceId;
const nameOf = (url: string) => JSON.stringify(['hongyan 1', url, 'me', deviceId]);
const withDevice = () => storage.saveMeta({ userId: 'me' as never, deviceId });

test('[C11] a tab that has the lock and does not answer is frozen: another one leads', async () => {
  await withDevice();
  const { promise: never } = Promise.withResolvers<void>();
  const frozen = rejectionOf(locks.locks.request(nameOf(server.scripted.url), () => never));
  const { client } = tab();
  const online = client.connect();
  await until(() => clock.nextInMs === 3_000);
  clock.advance(3_000);
  await online;
  expect(await frozen).toMatchObject({ message: 'stolen' });
  expect(connections()).toHaveLength(1);
});

test('[C11] [D8] what waits for a tab that does not read is bounded: beyond it the tab is to connect again', async () => {
  await withDevice();
  await tab().client.connect();
  const name = nameOf(server.scripted.url);
  const [lobby, channel] = [new BroadcastChannel(name), new BroadcastChannel(`${name} frozen`)];
  const received: ToFollower[] = [];
  channel.onmessage = ({ data }) => received.push(data);
  try {
    lobby.postMessage({ type: 'join', id: 'frozen', isVisible: true });
    await until(() => received[0]?.type === 'message');
    const padding = 'x'.repeat(1024 * 1024);
    for (let n = 0; n < 3; n++) connections()[0]?.send({ type: 'later', padding });
    await until(() => received.length === 4);
    channel.postMessage({ type: 'took', size: 3 * 1024 * 1024 } satisfies FromFollower);
    // Messages of a channel are in order: once this one has arrived, so has the report.
    channel.postMessage({ type: 'send', text: '{"type":"ping"}' } satisfies FromFollower);
    await connections()[0]?.next('ping');
    for (let n = 0; n < 4; n++) connections()[0]?.send({ type: 'later', padding });
    await until(() => received.at(-1)?.type === 'close');
    expect(received.filter(({ type }) => type === 'message')).toHaveLength(1 + 6);
    expect(received.at(-1)).toEqual({ type: 'close', code: 4001 });
  } finally {
    lobby.close();
    channel.close();
  }
});

test('[C11] [C2] the tab that leads writes what is kept; another one does once it leads', async () => {
  const writes: string[] = [];
  const counted: ClientStorage = {
    ...storage,
    saveMeta(meta) {
      writes.push('meta');
      return storage.saveMeta(meta);
    },
    putConversations(changed) {
      writes.push('conversations');
      return storage.putConversations(changed);
    },
  };
  const first = tab();
  await first.client.connect();
  const second = tab({ kept: counted });
  await second.client.connect();
  server.texts = ['a'];
  push(0, 1);
  await until(() => second.shown.length === 1 && first.shown.length === 1);
  clock.advance(300);
  await until(async () => (await storage.load()).conversations.length === 1);
  expect(writes).toEqual([]);
  await first.client.close();
  await isOnline(second.client);
  await until(() => writes.includes('meta'));
  expect(writes[0]).toBe('conversations');
});

test('[C11] [C10] without a connection a tab that follows shows what came since it started, written by the other or not', async () => {
  server.texts = ['a', 'b'];
  const [first, second] = await two();
  const newest = (limit: number) => second.client.history({ conversationId: group, limit });
  await Promise.all([first.client.history({ conversationId: group }), newest(50)]);
  const come = async (text: string) => {
    server.texts = [...server.texts, text];
    push(0, server.texts.length);
    await until(() => second.shown.includes(text) && first.shown.includes(text));
  };
  await come('c');
  clock.advance(300);
  await until(async () => (await storage.messages({ conversationId: group, fromSeq: 1, throughSeq: 9 })).length === 3);
  await come('d');
  const edit = { type: 'hongyan.edit', target_seq: 3, content: { type: 'text', text: 'c edited' } };
  const changed = new Promise((resolve) => second.client.on('changed', resolve));
  connections()[0]?.send({
    ...server.entry(5),
    type: 'entry',
    msg_id: 'm5',
    client_msg_id: 'k5',
    content: edit,
    count: 4,
  });
  await changed;
  server.scripted.answer = () => true;
  connections()[0]?.close(4100);
  await until(() => first.client.state.type === 'reconnecting' && second.client.state.type === 'reconnecting');
  const page = await newest(3);
  expect(page.messages.map(({ content }) => content.text)).toEqual(['b', 'c edited', 'd']);
  expect(page).toMatchObject({ lastSeq: 5, hasMore: true });
});

const stored = () => storage.messages({ conversationId: group, fromSeq: 1, throughSeq: 99 });
/** By the other tab, with a connection of its own. */
async function taken(from: Client, by: Client): Promise<void> {
  await from.close();
  await until(() => connections().length === 2);
  await isOnline(by);
}

test('[C11] [E5] what the tab that led has kept is overwritten by the next one when it is recalled', async () => {
  server.texts = ['a', 'a secret', 'c'];
  const [first, second] = await two();
  await first.client.history({ conversationId: group });
  clock.advance(300);
  await until(async () => (await stored()).length === 3);
  await taken(first.client, second.client);
  const changed = new Promise((resolve) => second.client.on('changed', resolve));
  const recall = { type: 'hongyan.recall', target_seq: 2 };
  connections()[1]?.send({ ...server.entry(4), type: 'entry', msg_id: 'm4', client_msg_id: 'k4', content: recall });
  await changed;
  clock.advance(300);
  await until(async () => (await stored())[1]?.isRecalled === true);
});

test('[C11] [D5] what the tab that led no longer keeps the next one reads from the server', async () => {
  server.texts = ['a', 'b', 'c'];
  let isFull = false;
  const flaky: ClientStorage = {
    ...storage,
    putConversations: (changed) => (isFull ? Promise.reject(new Error('quota')) : storage.putConversations(changed)),
  };
  const first = tab({ kept: flaky });
  const failed = new Promise((resolve) => first.client.on('warning', resolve));
  await first.client.connect();
  await first.client.history({ conversationId: group });
  clock.advance(300);
  await until(async () => (await stored()).length === 3);
  const second = tab();
  await second.client.connect();
  isFull = true;
  for (const [n, text] of ['d', 'e'].entries()) {
    server.texts = [...server.texts, text];
    push(0, 4 + n);
    await until(() => first.shown.includes(text) && second.shown.includes(text));
    clock.advance(300);
    await failed;
    isFull = false;
  }
  await until(async () => (await stored()).length === 1);
  await taken(first.client, second.client);
  const { messages } = await second.client.history({ conversationId: group });
  expect(messages.map(({ content }) => content.text)).toEqual(server.texts as string[]);
  const { messages: older } = await second.client.history({ conversationId: group, beforeSeq: 4 as never, limit: 3 });
  expect(older.map(({ content }) => content.text)).toEqual(['a', 'b', 'c']);
});

test('[C11] [C5] what is read without a connection in a tab that follows is kept by the one that leads, and reported', async () => {
  server.texts = ['a', 'b'];
  const [first, second] = await two();
  server.scripted.answer = () => true;
  connections()[0]?.close(4100);
  await until(() => first.client.state.type === 'reconnecting' && second.client.state.type === 'reconnecting');
  second.client.markRead(group, 2 as never);
  await until(() => first.client.conversation(group)?.readSeq === 2);
  await second.client.close();
  clock.advance(300);
  await until(async () => {
    const [kept] = (await storage.load()).conversations;
    return (kept?.state as { conversation?: { read_seq: number } } | undefined)?.conversation?.read_seq === 2;
  });
  server.scripted.answer = (connection, frame) => server.answer(connection, frame);
  clock.advance(60_000);
  await isOnline(first.client);
  clock.advance(1_000);
  await until(() => connections().some(({ frames }) => frames.some(({ type, seq }) => type === 'read' && seq === 2)));
});

test('[C11] [C4] what a tab wrote offline and left behind is sent by another', async () => {
  const [first, second] = await two();
  server.scripted.answer = () => true;
  connections()[0]?.close(4100);
  await until(() => first.client.state.type === 'reconnecting' && second.client.state.type === 'reconnecting');
  second.client.send({ conversationId: group }, { type: 'text', text: 'left' }).catch(() => {});
  await until(async () => (await storage.load()).outbox.length === 1);
  await second.client.close();
  server.scripted.answer = (connection, frame) => server.answer(connection, frame);
  clock.advance(60_000);
  await until(() => connections().some(({ frames }) => frames.some(({ type }) => type === 'send')));
  expect(first.client.outbox()).toMatchObject([{ content: { text: 'left' } }]);
});

const sent = () => connections().flatMap(({ frames }) => frames.filter(({ type }) => type === 'send'));

test('[C11] [C4] what waits in a tab that is closed is sent by the one that stays online', async () => {
  const [first, second] = await two();
  server.scripted.answer = (connection, frame) => frame.type === 'send' || server.answer(connection, frame);
  for (const text of ['a', 'b']) second.client.send({ conversationId: group }, { type: 'text', text }).catch(() => {});
  await until(() => sent().length === 2);
  await second.client.close();
  await until(() => sent().length === 4);
  expect(first.client.outbox()).toMatchObject([{ content: { text: 'a' } }, { content: { text: 'b' } }]);
  expect(connections()).toHaveLength(1);
});

test('[C11] [C4] what waits in a tab that crashed is sent by the one that stays online, some minutes later', async () => {
  server.scripted.heartbeatMs = 3_600_000;
  await two();
  await storage.putOutbox(item('crashed', 1));
  clock.advance(300_000);
  await until(() => sent().length === 1);
  expect(sent()).toMatchObject([{ client_msg_id: 'crashed' }]);
  expect(connections()).toHaveLength(1);
});

test('[C11] [C4] a message that failed in two tabs is gone in both when one has sent it', async () => {
  server.texts = ['a'];
  const first = tab();
  await first.client.connect();
  server.scripted.answer = (connection, frame) => {
    if (frame.type === 'send') connection.send({ type: 'error', id: frame.id, code: 'forbidden', message: 'no' });
    return frame.type === 'send' || server.answer(connection, frame);
  };
  const options = { clientMsgId: 'k1' as never };
  await first.client.send({ conversationId: group }, { type: 'text', text: 'a' }, options).catch(() => {});
  const second = tab();
  await second.client.connect();
  expect(second.client.outbox()).toMatchObject([{ status: 'failed' }]);
  connections()[0]?.send({ ...message(2), from: 'me', client_msg_id: 'k1' });
  await until(() => first.client.outbox().length === 0 && second.client.outbox().length === 0);
  expect((await storage.load()).outbox).toEqual([]);
});

test('[C11] a message that two tabs hold and one discards is sent by neither', async () => {
  const first = tab();
  await first.client.connect();
  server.scripted.answer = () => true;
  connections()[0]?.close(4100);
  await until(() => first.client.state.type === 'reconnecting');
  const waiting = first.client.send({ conversationId: group }, { type: 'text', text: 'a' });
  await until(async () => (await storage.load()).outbox.length === 1);
  const second = tab();
  second.client.connect().catch(() => {});
  await until(() => second.client.outbox().length === 1 && second.client.state.type === 'connecting');
  await until(() => clock.nextInMs !== undefined);
  for (const { clientMsgId } of second.client.outbox()) second.client.discard(clientMsgId);
  expect(await rejectionOf(waiting)).toMatchObject({ code: 'not_found' });
  expect(first.client.outbox()).toEqual([]);
});

test('[C11] [E21] a change that is replaced in one tab is replaced in all, and ends as the later one does', async () => {
  const first = tab();
  await first.client.connect();
  server.scripted.answer = () => true;
  connections()[0]?.close(4100);
  await until(() => first.client.state.type === 'reconnecting');
  const light = first.client.set('theme', 'light');
  await until(async () => (await storage.load()).outbox.length === 1);
  const second = tab();
  second.client.connect().catch(() => {});
  await until(() => second.client.settings().theme === 'light' && second.client.state.type === 'connecting');
  const dark = second.client.set('theme', 'dark');
  await until(() => first.client.settings().theme === 'dark');
  const sent: unknown[] = [];
  server.scripted.answer = (connection, frame) => {
    if (frame.type !== 'set_private') return server.answer(connection, frame);
    sent.push((frame.change as { value: unknown }).value);
    const { id, client_msg_id } = frame;
    const place = { conversation_id: 'p:me', msg_id: 'm1', seq: 1, timestamp: 1 };
    connection.send({ type: 'ack', id, client_msg_id, ...place, status: 'ack' });
    return true;
  };
  clock.advance(60_000);
  await Promise.all([light, dark]);
  expect(new Set(sent)).toEqual(new Set(['dark']));
});

test('[C11] [C8] a log-out in one tab is one in all, and nothing is kept', async () => {
  server.texts = ['a'];
  const [first, second] = await two();
  const waiting = first.client.send({ conversationId: group }, { type: 'text', text: 'b' });
  const answered = rejectionOf(waiting);
  await second.client.logout();
  expect(await answered).toMatchObject({ name: 'ClientError', code: 'not_found' });
  expect(first.client.userId).toBeUndefined();
  clock.advance(300);
  expect(await storage.load()).toMatchObject({ outbox: [], conversations: [] });
});
