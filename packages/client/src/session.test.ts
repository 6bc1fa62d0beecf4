// Conversations met, left, joined again and read while frames, answers and the storage come in every inconvenient order.

import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import type { UserId } from '@hongyan/protocol/ids';
import { ManualClock } from '@hongyan/testing/manual-clock';
import { until } from '@hongyan/testing/until';
import type { Client, ClientStorage } from './api.ts';
import { createClient, createMemoryStorage } from './client.ts';
import { type ScriptedConnection, ScriptedServer, tokenOf } from './testing/scripted-server.ts';

const entry = (seq: number, id = 'g:1') => ({
  msg_id: `m${seq}`,
  conversation_id: id,
  seq,
  from: 'you',
  content: { type: 'text', text: String(seq) },
  timestamp: seq,
  client_msg_id: `k${seq}`,
  status: 'ack',
});
const conversation = (lastSeq: number, id = 'g:1') => ({
  conversation_id: id,
  kind: 'group',
  members: ['me', 'you'],
  member_count: 2,
  ...{ last_seq: lastSeq, first_seq: 1, delivered_seq: 0, read_seq: 0, unread: lastSeq },
  ...{ created_at: 1, history_visible: true, role: 'member' },
});
const change = { kind: 'group', members: ['me', 'you'], member_count: 2, created_at: 1, history_visible: true };
const message = (seq: number) => ({ type: 'message', ...entry(seq) });

let server: ScriptedServer;
let clock: ManualClock;
let storage: ClientStorage;
let client: Client;
let told: number[];
/** What the server has in g:1, for sync, history and HTTP. */
let lastSeq: number;
const open: Client[] = [];
beforeEach(() => {
  server = new ScriptedServer();
  server.heartbeatMs = 60_000;
  server.answer = answer;
  server.http = () => Response.json(conversation(lastSeq));
  clock = new ManualClock();
  storage = createMemoryStorage();
  lastSeq = 0;
  client = create();
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
  await server.stop();
});

function create(on: ClientStorage = storage): Client {
  const created = createClient(
    { url: server.url, token: () => tokenOf('me'), storage: on },
    { clock, random: () => 0.5 },
  );
  const own: number[] = [];
  told = own;
  created.on('message', ({ seq }) => own.push(Number(seq)));
  open.push(created);
  return created;
}

type Frame = Parameters<ScriptedServer['answer']>[1];

function answer(connection: ScriptedConnection, frame: Frame): boolean {
  if (frame.type === 'sync') sendSync(connection, frame, lastSeq > 0 ? [conversation(lastSeq)] : []);
  else if (frame.type === 'history') sendHistory(connection, frame);
  else return false;
  return true;
}

function sendSync(connection: ScriptedConnection, { id }: Frame, conversations: readonly object[]): void {
  connection.send({ type: 'sync_result', id, conversations, cursor: 'c', has_more: false });
}

function sendHistory(connection: ScriptedConnection, { id, after_seq, limit, conversation_id }: Frame): void {
  const from = Number(after_seq) + 1;
  const count = Math.max(0, Math.min(lastSeq - from + 1, Number(limit)));
  const entries = Array.from({ length: count }, (_, index) => entry(from + index));
  connection.send({
    ...{ type: 'history_result', id, conversation_id, entries, first_seq: 1, last_seq: lastSeq },
    has_more: from + count <= lastSeq,
  });
}

/** Online for the first time, with nothing known yet unless `lastSeq` says so. */
async function begin(): Promise<ScriptedConnection> {
  const coming = server.connection();
  await client.connect();
  return coming;
}

/** The next reconnect, made at once. */
async function again(): Promise<ScriptedConnection> {
  await until(() => client.state.type === 'reconnecting');
  const coming = server.connection();
  clock.advance(clock.nextInMs ?? 0);
  return coming;
}

/** An answer that waits until the test lets it go. */
function gate() {
  let release = () => {};
  const opened = new Promise<void>((resolve) => {
    release = resolve;
  });
  let reach = () => {};
  const reached = new Promise<void>((resolve) => {
    reach = resolve;
  });
  return { opened, release, reach, reached };
}

describe('meeting a conversation', () => {
  test('[C1] what is pushed while the server is asked about it is told, though the answer does not know it yet', async () => {
    const connection = await begin();
    const { opened, release, reach, reached } = gate();
    server.http = async () => {
      const asOfNow = conversation(0);
      reach();
      await opened;
      return Response.json(asOfNow);
    };
    connection.send({ type: 'conversation', conversation_id: 'g:1', change: 'created', conversation: change });
    await reached;
    lastSeq = 2;
    connection.send(message(1));
    connection.send(message(2));
    connection.send({ type: 'typing', conversation_id: 'g:2', user_id: 'you' });
    await new Promise((resolve) => client.on('typing', resolve));
    release();
    await until(() => told.length === 2);
    expect(told).toEqual([1, 2]);
  });

  test('left again while the server is asked about it, it is not there', async () => {
    const connection = await begin();
    const { opened, release, reach, reached } = gate();
    server.http = async ({ url }) => {
      if (!url.endsWith('g%3A1')) return Response.json(conversation(0, 'g:2'));
      reach();
      await opened;
      return Response.json(conversation(0));
    };
    connection.send({ type: 'conversation', conversation_id: 'g:1', change: 'created', conversation: change });
    await reached;
    const left = { type: 'conversation', conversation_id: 'g:1', change: 'member_left', user_id: 'me' };
    connection.send({ ...left, conversation: change });
    connection.send({ type: 'typing', conversation_id: 'g:2', user_id: 'you' });
    await new Promise((resolve) => client.on('typing', resolve));
    release();
    const known = await client.history({ conversationId: 'g:2' as never, limit: 1 }).then(() => client.conversations());
    expect(known.map(({ conversationId }) => String(conversationId))).not.toContain('g:1');
  });
});

describe('a device that begins', () => {
  test('[C3] is not told all that was before by an entry that comes before the first sync is answered', async () => {
    lastSeq = 50;
    const { opened, release, reach, reached } = gate();
    server.answer = (connection, frame) => {
      if (frame.type !== 'sync') return answer(connection, frame);
      connection.send(message(50));
      void opened.then(() => sendSync(connection, frame, [conversation(50)]));
      return true;
    };
    server.http = () => {
      reach();
      return Response.json(conversation(50));
    };
    const online = client.connect();
    await reached;
    await until(() => client.conversations().length === 1);
    release();
    await online;
    server.connections[0]?.send(message(51));
    await until(() => told.includes(51));
    expect(told.filter((seq) => seq < 50)).toEqual([]);
  });

  test('[C3] sends when the first sync is through, so that it hears what it sends', async () => {
    const sent = client.send({ conversationId: 'g:1' as never }, { type: 'text', text: 'x' });
    server.answer = (connection, frame) => {
      if (frame.type !== 'send') return answer(connection, frame);
      lastSeq = 8;
      const { id, client_msg_id } = frame;
      connection.send({ ...entry(8), id, client_msg_id, type: 'ack' });
      return true;
    };
    lastSeq = 7;
    const connection = await begin();
    await sent;
    expect(connection.frames.map(({ type }) => type).slice(0, 3)).toEqual(['hello', 'sync', 'send']);
    expect(told).toEqual([8]);
  });

  test('[C2] keeps what it met while the first sync was under way, though that did not list it', async () => {
    const { opened, release } = gate();
    server.answer = (connection, frame) => {
      if (frame.type !== 'sync') return answer(connection, frame);
      lastSeq = 1;
      connection.send(message(1));
      void opened.then(() => sendSync(connection, frame, []));
      return true;
    };
    const online = client.connect();
    await until(() => client.conversations().length === 1);
    release();
    await online;
    expect(client.conversations()).toHaveLength(1);
  });
});

describe('a conversation that is left', () => {
  test('while its history is read: nothing of it is told or kept after that', async () => {
    lastSeq = 1;
    const connection = await begin();
    const { opened, release, reach, reached } = gate();
    server.answer = (own, frame) => {
      if (frame.type !== 'history') return answer(own, frame);
      reach();
      void opened.then(() => sendHistory(own, frame));
      return true;
    };
    lastSeq = 900;
    connection.send(message(900));
    await reached;
    const left = { type: 'conversation', conversation_id: 'g:1', change: 'member_left', user_id: 'me' };
    const gone = new Promise((resolve) => client.on('left', resolve));
    connection.send({ ...left, conversation: change });
    await gone;
    release();
    await until(() => connection.frames.some(({ type }) => type === 'history'));
    connection.send({ type: 'typing', conversation_id: 'g:2', user_id: 'you' });
    await new Promise((resolve) => client.on('typing', resolve));
    await client.close();
    expect(told).toEqual([]);
    expect((await storage.load()).conversations).toEqual([]);
    expect(connection.frames.filter(({ type }) => type === 'history')).toHaveLength(1);
  });
});

describe('catching up', () => {
  test('[C2] what was left while away is told of; what sync passed over, as it had an entry meanwhile, stays', async () => {
    server.answer = (own, frame) => {
      if (frame.type !== 'sync') return answer(own, frame);
      sendSync(own, frame, [conversation(1), conversation(1, 'g:2'), conversation(1, 'g:3')]);
      return true;
    };
    lastSeq = 1;
    const connection = await begin();
    const left: string[] = [];
    client.on('left', ({ conversationId }) => left.push(conversationId));
    server.answer = (own, frame) => {
      const { type, id } = frame;
      if (type === 'sync') {
        const conversations = frame.full ? [conversation(1)] : [];
        own.send({ type: 'sync_result', id, conversations, cursor: 'd', has_more: false, conversation_count: 2 });
        return true;
      }
      if (type !== 'history' || frame.conversation_id !== 'g:2') return answer(own, frame);
      own.send({ type: 'error', id, code: 'not_member', message: 'you are not a member' });
      return true;
    };
    connection.close(4000);
    await again();
    await until(() => client.state.type === 'online');
    expect(left).toEqual(['g:2']);
    expect(client.conversations().map(({ conversationId }) => String(conversationId))).toEqual(['g:1', 'g:3']);
  });

  test('[C2] over a line that a long page is too much for, it asks for shorter ones until they come through', async () => {
    lastSeq = 1;
    const connection = await begin();
    connection.close(1001);
    lastSeq = 60;
    const limits: number[] = [];
    server.answer = (own, frame) => {
      if (frame.type === 'history') {
        limits.push(Number(frame.limit));
        if (Number(frame.limit) > 20) {
          own.close(4001);
          return true;
        }
      }
      return answer(own, frame);
    };
    while (told.length < 59) {
      await until(() => client.state.type === 'reconnecting' || told.length === 59);
      if (client.state.type === 'reconnecting') clock.advance(clock.nextInMs ?? 0);
      await until(() => client.state.type !== 'connecting');
    }
    expect(limits.slice(0, 5)).toEqual([200, 100, 50, 25, 12]);
    expect(told).toEqual(Array.from({ length: 59 }, (_, index) => index + 2));
  });

  test('[C2] entries pushed while the pages are read are told once, in their place', async () => {
    lastSeq = 1;
    await begin();
    server.connections[0]?.close(1001);
    lastSeq = 450;
    server.answer = (own, frame) => {
      if (frame.type === 'history') {
        // Two more come with each page, one of them before it.
        lastSeq += 2;
        own.send(message(lastSeq - 1));
        sendHistory(own, frame);
        own.send(message(lastSeq));
        return true;
      }
      return answer(own, frame);
    };
    await again();
    await until(() => client.state.type === 'online' && told.at(-1) === lastSeq);
    expect(told).toEqual(Array.from({ length: lastSeq - 1 }, (_, index) => index + 2));
  });

  test('[C9] retention that overtakes the pages is told as a gap, and what follows is told', async () => {
    lastSeq = 1;
    await begin();
    server.connections[0]?.close(1001);
    lastSeq = 500;
    const gaps: unknown[] = [];
    client.on('gap', ({ from, to }) => gaps.push([from, to]));
    let pages = 0;
    server.answer = (own, frame) => {
      if (frame.type !== 'history') return answer(own, frame);
      const first = pages++ === 0 ? 1 : 301;
      const from = Math.max(Number(frame.after_seq) + 1, first);
      const to = Math.min(500, from + 99);
      const entries = Array.from({ length: to - from + 1 }, (_, index) => entry(from + index));
      const { id } = frame;
      own.send({ type: 'history_result', id, entries, first_seq: first, last_seq: 500, has_more: to < 500 });
      return true;
    };
    await again();
    await until(() => client.state.type === 'online');
    expect(gaps).toEqual([[102, 300]]);
    expect(told).toEqual([
      ...Array.from({ length: 100 }, (_, index) => index + 2),
      ...Array.from({ length: 200 }, (_, index) => index + 301),
    ]);
  });

  test('[C2] a cursor is not kept while what it stands for could not be', async () => {
    let isFull = true;
    const broken: ClientStorage = {
      ...storage,
      putConversations: (all) => (isFull ? Promise.reject(new Error('full')) : storage.putConversations(all)),
    };
    client = create(broken);
    const connection = await begin();
    expect((await storage.load()).meta.cursor).toBe('c');
    server.answer = (own, frame) => {
      if (frame.type !== 'sync') return answer(own, frame);
      own.send({ type: 'sync_result', id: frame.id, conversations: [], cursor: 'later', has_more: false });
      return true;
    };
    lastSeq = 3;
    connection.send(message(3));
    await until(() => told.length === 3);
    clock.advance(300);
    connection.close(4000);
    await again();
    await until(() => client.state.type === 'online');
    await client.close();
    expect((await storage.load()).meta.cursor).toBe('c');
    isFull = false;
    await client.connect();
    await client.close();
    expect(await storage.load()).toMatchObject({
      meta: { cursor: 'later' },
      conversations: [{ conversationId: 'g:1' }],
    });
  });
});

test('[C2] replaced by another tab, it does not write over what that one keeps, until it is connected again', async () => {
  lastSeq = 1;
  const connection = await begin();
  const kept = async () => (await storage.load()).conversations[0]?.state;
  connection.close(4203);
  (await again()).close(4203);
  await until(() => client.state.type === 'closed');
  const ofOtherTab = { ...((await kept()) as object), shownSeq: 5 };
  await storage.putConversations([{ conversationId: 'g:1' as never, state: ofOtherTab }]);
  client.markRead('g:1' as never, 1 as never);
  clock.advance(300);
  await client.close();
  expect(await kept()).toEqual(ofOtherTab);
  await client.connect();
  await client.close();
  expect(await kept()).toMatchObject({ shownSeq: 1, conversation: { read_seq: 1 } });
});

test('positions of members too many to be listed are not kept: asking for them costs no memory', async () => {
  lastSeq = 1;
  const large = { ...conversation(1), members: undefined, member_count: 500 };
  server.answer = (own, frame) => {
    if (frame.type !== 'sync') return answer(own, frame);
    sendSync(own, frame, [large]);
    return true;
  };
  await begin();
  const row = (index: number) => ({
    user_id: `u${index}`,
    display_name: '',
    role: 'member',
    ...{ delivered_seq: 1, read_seq: 1 },
  });
  server.http = () => Response.json({ members: Array.from({ length: 500 }, (_, index) => row(index)) });
  expect(await client.members('g:1' as never)).toHaveLength(500);
  expect(client.conversation('g:1' as never)?.receipts.size).toBe(0);
});

test('a message costs no copy of the positions', async () => {
  lastSeq = 1;
  const connection = await begin();
  connection.send({ type: 'receipt', conversation_id: 'g:1', user_id: 'you', delivered_seq: 1, read_seq: 1 });
  const you = 'you' as UserId;
  await until(() => client.conversation('g:1' as never)?.receipts.get(you)?.readSeq === (1 as never));
  const before = client.conversation('g:1' as never)?.receipts;
  lastSeq = 2;
  connection.send(message(2));
  await until(() => told.length === 1);
  expect(client.conversation('g:1' as never)?.lastSeq).toBe(2 as never);
  expect(client.conversation('g:1' as never)?.receipts).toBe(before as never);
});
