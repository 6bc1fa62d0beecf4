// The client library against real servers: what an application sees while people write, leave, come back, and servers die.

import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import type {
  Client,
  ClientEvents,
  ClientMessage,
  ClientStorage,
  Content,
  ConversationId,
  UserId,
} from '@hongyan/client';
import { ClientError, createClient, createMemoryStorage, login, signup } from '@hongyan/client';
import { rejectionOf } from '@hongyan/testing/rejection';
import { until } from '@hongyan/testing/until';
import { killServers, removeDataFolders, type ServerProcess } from '../server-process.ts';
import { profiles } from './profiles.ts';

const text = (value: string): Content => ({ type: 'text', text: value });

describe.each(profiles)('the client library on $name', (profile) => {
  let server: ServerProcess;
  let count = 100;
  const open: Client[] = [];

  beforeAll(async () => {
    server = await profile.start();
  });
  afterAll(async () => {
    await Promise.all(open.map((client) => client.close()));
    await killServers();
    await removeDataFolders();
  });

  /** A user with a token; `device` opens a client of theirs. */
  async function join(at: ServerProcess = server) {
    const userId = `user-${count++}` as UserId;
    const { access_token } = await signup({ url: at.url, userId, password: 'correct horse' });
    return {
      userId,
      device(storage: ClientStorage = createMemoryStorage()) {
        const client = createClient({ url: at.url, token: () => access_token, storage });
        open.push(client);
        return { client, heard: record(client) };
      },
    };
  }

  test('[C1] two people write to each other; both see every message once, in one order', async () => {
    const [alice, bob] = [await join(), await join()];
    const [a, b] = [alice.device(), bob.device()];
    await Promise.all([a.client.connect(), b.client.connect()]);
    const sends = Array.from({ length: 100 }, (_, index) =>
      index % 2 === 0
        ? a.client.send({ to: bob.userId }, text(`a${index}`))
        : b.client.send({ to: alice.userId }, text(`b${index}`)),
    );
    const sent = await Promise.all(sends);
    await Promise.all([a, b].map(({ heard }) => until(() => heard.messages.length >= 100)));
    const inOrder = sent.toSorted((one, two) => Number(one.seq) - Number(two.seq)).map(({ msgId }) => msgId);
    for (const { heard } of [a, b]) expect(heard.messages.map(({ msgId }) => msgId)).toEqual(inOrder);
    expect(a.client.outbox()).toEqual([]);
  });

  test('[C2][M17] who was away while 500 came has them all, once and in order, and nothing twice after that', async () => {
    const [alice, bob] = [await join(), await join()];
    const storage = createMemoryStorage();
    const first = bob.device(storage);
    await first.client.connect();
    await first.client.close();
    const a = alice.device();
    await a.client.connect();
    await Promise.all(
      Array.from({ length: 500 }, (_, index) => a.client.send({ to: bob.userId }, text(String(index)))),
    );
    const back = bob.device(storage);
    await back.client.connect();
    expect(back.heard.messages.map(({ content }) => content.text)).toEqual(
      Array.from({ length: 500 }, (_, index) => String(index)),
    );
    expect(back.client.conversations()).toMatchObject([{ unread: 500, lastSeq: 500, members: [alice.userId] }]);
    await back.client.close();
    const again = bob.device(storage);
    await again.client.connect();
    expect(again.heard.messages).toEqual([]);
  });

  test('[C3] a new device starts at the newest and reads what was before as history', async () => {
    const [alice, bob] = [await join(), await join()];
    const a = alice.device();
    await a.client.connect();
    for (let index = 1; index <= 30; index++) await a.client.send({ to: bob.userId }, text(String(index)));
    const fresh = bob.device();
    await fresh.client.connect();
    expect(fresh.heard.messages).toEqual([]);
    const [view] = fresh.client.conversations();
    expect(view).toMatchObject({ unread: 30, lastMessage: { content: text('30') } });
    const conversationId = view?.conversationId as ConversationId;
    const newest = await fresh.client.history({ conversationId, limit: 10 });
    expect(newest.messages.map(({ seq }) => Number(seq))).toEqual([21, 22, 23, 24, 25, 26, 27, 28, 29, 30]);
    expect(newest).toMatchObject({ hasMore: true, firstSeq: 1, lastSeq: 30 });
    const beforeSeq = newest.messages[0]?.seq;
    const older = await fresh.client.history({ conversationId, ...(beforeSeq ? { beforeSeq } : {}), limit: 50 });
    expect(older.messages).toHaveLength(20);
    expect(older.hasMore).toBe(false);
  });

  test('[D7] a message goes from ack to delivered to read before the eyes of its sender', async () => {
    const [alice, bob] = [await join(), await join()];
    const [a, b] = [alice.device(), bob.device()];
    await a.client.connect();
    const { conversationId, seq } = await a.client.send({ to: bob.userId }, text('seen?'));
    const status = () => a.client.conversation(conversationId)?.lastMessage?.status;
    expect(status()).toBe('ack');
    await b.client.connect();
    await until(() => status() === 'delivered');
    if (seq !== undefined) b.client.markRead(conversationId, seq);
    await until(() => status() === 'read');
    expect(b.client.conversation(conversationId)?.unread).toBe(0);
    const where = await a.client.whereIs({ clientMsgId: a.heard.messages[0]?.clientMsgId as never });
    expect(where).toMatchObject({ status: 'read', read_count: 1, recipient_count: 1 });
  });

  test('[C5] what was read just before closing is told, and what was read offline is told by the next run', async () => {
    const [alice, bob] = [await join(), await join()];
    const a = alice.device();
    await a.client.connect();
    const { conversationId, seq } = await a.client.send({ to: bob.userId }, text('one'));
    const storage = createMemoryStorage();
    const readAt = () => a.client.conversation(conversationId)?.receipts.get(bob.userId)?.readSeq;
    const first = bob.device(storage);
    await first.client.connect();
    if (seq !== undefined) first.client.markRead(conversationId, seq);
    await first.client.close();
    await until(() => readAt() === seq);
    const second = await a.client.send({ to: bob.userId }, text('two'));
    const online = bob.device(storage);
    await online.client.connect();
    await online.client.close();
    if (second.seq !== undefined) online.client.markRead(conversationId, second.seq);
    await online.client.close();
    expect(readAt()).toBe(seq);
    await bob.device(storage).client.connect();
    await until(() => readAt() === second.seq);
  });

  test('a group: created, written to, renamed, joined and left, as each member sees it', async () => {
    const [alice, bob, carol] = [await join(), await join(), await join()];
    const [a, b, c] = [alice.device(), bob.device(), carol.device()];
    await Promise.all([a, b, c].map(({ client }) => client.connect()));
    const { conversationId } = await a.client.createGroup({
      title: 'geese',
      members: [bob.userId],
      historyVisible: true,
    });
    await a.client.send({ conversationId }, text('hello'));
    await until(() => b.heard.messages.some(({ content }) => content.text === 'hello'));
    await a.client.setTitle(conversationId, 'wild geese');
    await until(() => b.client.conversation(conversationId)?.title === 'wild geese');
    await a.client.addMember(conversationId, carol.userId);
    await until(() => c.client.conversation(conversationId)?.memberCount === 3);
    await until(() => c.heard.messages.some(({ content }) => content.text === 'hello'));
    expect((await c.client.members(conversationId)).map(({ userId, role }) => [userId, role])).toEqual(
      [alice, bob, carol].map(({ userId }, index) => [userId, index === 0 ? 'owner' : 'member']),
    );
    await a.client.removeMember(conversationId, carol.userId);
    await until(() => c.heard.left.includes(conversationId));
    expect(c.client.conversation(conversationId)).toBeUndefined();
    expect(await rejectionOf(c.client.send({ conversationId }, text('still here?')))).toBeInstanceOf(ClientError);
    expect(c.client.outbox()).toMatchObject([{ status: 'failed', error: { code: 'not_member' } }]);
  });

  test('[C2] who was removed from a group while away is told so, and does not have it any more', async () => {
    const [alice, bob] = [await join(), await join()];
    const storage = createMemoryStorage();
    const [a, b] = [alice.device(), bob.device(storage)];
    await Promise.all([a.client.connect(), b.client.connect()]);
    const [gone, stays] = await Promise.all(
      ['gone', 'stays'].map((title) => a.client.createGroup({ title, members: [bob.userId] })),
    );
    await until(() => b.client.conversations().length === 2);
    await b.client.close();
    await a.client.removeMember(gone?.conversationId as ConversationId, bob.userId);
    const back = bob.device(storage);
    await back.client.connect();
    expect(back.heard.left).toEqual([gone?.conversationId as ConversationId]);
    expect(back.client.conversations().map(({ title }) => title)).toEqual([String(stays?.title)]);
  });

  test('[C4] what is too large for a frame fails alone: what is sent after it arrives', async () => {
    const [alice, bob] = [await join(), await join()];
    const a = alice.device();
    await a.client.connect();
    const large = rejectionOf(a.client.send({ to: bob.userId }, text('鸿'.repeat(200_000))));
    await a.client.send({ to: bob.userId }, text('small'));
    expect(await large).toMatchObject({ code: 'too_large' });
    expect(a.client.state.type).toBe('online');
  });

  test('presence and typing reach who asked, also after a reconnect', async () => {
    const [alice, bob] = [await join(), await join()];
    const [a, b] = [alice.device(), bob.device()];
    await a.client.connect();
    await a.client.watchPresence([bob.userId]);
    expect(a.heard.presence.at(-1)).toMatchObject({ userId: bob.userId, online: false });
    await b.client.connect();
    await until(() => a.heard.presence.at(-1)?.online === true);
    const { conversationId } = await b.client.send({ to: alice.userId }, text('hi'));
    b.client.typing(conversationId);
    b.client.typing(conversationId);
    await until(() => a.heard.typing.length > 0);
    await b.client.close();
    await until(() => a.heard.presence.at(-1)?.online === false);
    expect(a.heard.typing).toEqual([{ conversationId, userId: bob.userId }]);
  });

  test('a second client of the same device replaces the first, which stays closed', async () => {
    const alice = await join();
    const storage = createMemoryStorage();
    const [first, second] = [alice.device(storage), alice.device(storage)];
    await first.client.connect();
    await second.client.connect();
    await until(() => first.client.state.type === 'closed');
    expect(first.client.state).toEqual({ type: 'closed', reason: 'replaced' });
    await until(() => second.client.state.type === 'online');
  });

  test('wrong passwords, taken names and forged tokens are told by their code', async () => {
    const { userId } = await join();
    const { url } = server;
    expect(await rejectionOf(login({ url, userId, password: 'wrong horse' }))).toMatchObject({ code: 'unauthorized' });
    expect(await rejectionOf(signup({ url, userId, password: 'correct horse' }))).toMatchObject({ code: 'conflict' });
    const forged = `x.${btoa(JSON.stringify({ sub: userId }))}.x`;
    const client = createClient({ url, token: () => forged });
    expect(await rejectionOf(client.connect())).toMatchObject({ code: 'unauthorized' });
    expect(client.state).toEqual({ type: 'closed', reason: 'unauthorized' });
    expect(await rejectionOf(login({ url: 'http://127.0.0.1:9', userId, password: 'x' }))).toMatchObject({
      code: 'unavailable',
    });
  });

  test('[C6] a token that expires while connected is replaced by a fresh one, without anybody noticing', async () => {
    const own = await profile.start({ HONGYAN_TOKEN_TTL_S: '2', HONGYAN_HEARTBEAT_MS: '400' });
    const alice = await join(own);
    const { url } = own;
    let count = 0;
    const token = async () => {
      count++;
      return (await login({ url, userId: alice.userId, password: 'correct horse' })).access_token;
    };
    const client = createClient({ url, token });
    const states: string[] = [];
    client.on('state', ({ type }) => states.push(type));
    await client.connect();
    await until(() => states.filter((type) => type === 'online').length === 2);
    expect(states).not.toContain('closed');
    expect(count).toBe(3);
    await client.close();
    expect(await own.stop()).toBe(0);
  });

  test('[C8] the data of one user is never used for another', async () => {
    const [alice, bob] = [await join(), await join()];
    const storage = createMemoryStorage();
    const a = alice.device(storage);
    void a.client.send({ to: bob.userId }, text('from alice')).catch(() => {});
    await until(async () => (await storage.load()).outbox.length === 1);
    const b = bob.device(storage);
    await b.client.connect();
    expect(b.client.outbox()).toEqual([]);
    expect((await storage.load()).outbox).toEqual([]);
    expect(b.client.conversations()).toEqual([]);
  });

  test('[C4][D3] the server is killed under the sends of a client: each is committed once, in order', async () => {
    const own = await profile.start();
    const [alice, bob] = [await join(own), await join(own)];
    const storage = createMemoryStorage();
    const [a, b] = [alice.device(storage), bob.device()];
    await Promise.all([a.client.connect(), b.client.connect()]);
    const send = (index: number) => a.client.send({ to: bob.userId }, text(String(index)));
    const before = Array.from({ length: 150 }, (_, index) => send(index));
    await before[20];
    await own.kill();
    const meanwhile = Array.from({ length: 50 }, (_, index) => send(150 + index));
    await until(() => a.client.state.type === 'reconnecting');
    expect(a.client.outbox().length).toBeGreaterThanOrEqual(50);
    const restarted = await profile.restart(own);
    await Promise.all([...before, ...meanwhile]);
    await until(() => b.heard.messages.length >= 200);
    const expected = Array.from({ length: 200 }, (_, index) => String(index));
    expect(b.heard.messages.map(({ content }) => content.text)).toEqual(expected);
    expect(a.heard.messages.map(({ content }) => content.text)).toEqual(expected);
    await Promise.all([a.client.close(), b.client.close()]);
    expect((await storage.load()).outbox).toEqual([]);
    expect(await restarted.stop()).toBe(0);
  }, 40_000);
});

/** What a client told its application, in order. */
function record(client: Client) {
  const messages: ClientMessage[] = [];
  const presence: ClientEvents['presence'][] = [];
  const typing: ClientEvents['typing'][] = [];
  const left: ConversationId[] = [];
  client.on('message', (message) => messages.push(message));
  client.on('presence', (state) => presence.push(state));
  client.on('typing', (one) => typing.push(one));
  client.on('left', ({ conversationId }) => left.push(conversationId));
  return { messages, presence, typing, left };
}
