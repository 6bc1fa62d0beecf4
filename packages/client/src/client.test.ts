// The life of a client: connecting, closing and logging out in each other's way; users, tokens and storages that fail.

import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import type { ConversationId, Seq, UserId } from '@hongyan/protocol/ids';
import { ManualClock } from '@hongyan/testing/manual-clock';
import { rejectionOf } from '@hongyan/testing/rejection';
import { until } from '@hongyan/testing/until';
import type { Client } from './api.ts';
import { ClientError, createClient, createMemoryStorage } from './client.ts';
import type { ClientStorage } from './client-storage.ts';
import { rules } from './testing/rules.ts';
import { ScriptedServer, tokenOf } from './testing/scripted-server.ts';
import { item } from './testing/storage-contract.ts';

const you = 'you' as UserId;
const text = (value: string) => ({ type: 'text', text: value });
const g1 = {
  conversation_id: 'g:1',
  kind: 'group',
  title: 'geese',
  members: ['me', 'you'],
  member_count: 2,
  ...{ last_seq: 0, first_seq: 1, delivered_seq: 0, read_seq: 0, last_count: 0, unread: 0, unread_mentions: 0 },
  ...{ created_at: 1, history_visible: true, rules, role: 'member' },
};

let server: ScriptedServer;
let storage: ClientStorage;
let token: () => string | Promise<string>;
const open: Client[] = [];
beforeEach(() => {
  server = new ScriptedServer();
  server.heartbeatMs = 60_000;
  storage = createMemoryStorage();
  token = () => tokenOf('me');
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((client) => client.close()));
  await server.stop();
});

function create(more: { clock?: ManualClock; storage?: ClientStorage } = {}) {
  const { clock = new ManualClock() } = more;
  const client = createClient(
    { url: server.url, token: () => token(), storage: more.storage ?? storage },
    { clock, random: () => 0.5 },
  );
  open.push(client);
  return client;
}

describe('closing', () => {
  test('[C6] closed while it was still opening, it does not connect behind its back', async () => {
    const client = create();
    const connecting = rejectionOf(client.connect());
    await client.close();
    expect(await connecting).toMatchObject({ code: 'unavailable' });
    expect(client.state.type).toBe('closed');
    expect(server.connections).toEqual([]);
  });

  test('closed and opened again at once, it is online with all that was on its way', async () => {
    const client = create();
    await client.connect();
    const sent = client.send({ to: you }, text('x'), { clientMsgId: 'k' as never });
    await server.connections[0]?.next('send');
    void client.close();
    server.answer = (connection, { type, id, client_msg_id }) => {
      if (type !== 'send') return false;
      const ack = { msg_id: 'm', conversation_id: 'd:me:you', seq: 1, timestamp: 5, status: 'ack' };
      connection.send({ type: 'ack', id, client_msg_id, ...ack });
      return true;
    };
    server.http = () =>
      Response.json({ ...g1, conversation_id: 'd:me:you', kind: 'direct', last_seq: 1, last_count: 1 });
    await client.connect();
    expect(Number((await sent).seq)).toBe(1);
  });

  test('[C4] it resolves when what was sent before is kept', async () => {
    const slow: ClientStorage = {
      ...storage,
      putOutbox: (item) => Bun.sleep(20).then(() => storage.putOutbox(item)),
    };
    const client = create({ storage: slow });
    await client.connect();
    client.send({ to: you }, text('x')).catch(() => {});
    await client.close();
    expect((await storage.load()).outbox).toHaveLength(1);
  });

  test('[C8] a storage that fails does not make closing fail', async () => {
    const client = create({ storage: { ...storage, putConversations: () => Promise.reject(new Error('full')) } });
    server.http = () => Response.json(g1);
    await client.connect();
    await client.createGroup({ title: 'geese', members: [you] });
    await client.close();
  });
});

test('[C8] whoever opens a storage takes it: what a client of another account still writes is not kept there', async () => {
  server.answer = (connection, { type, token: given }) => {
    if (type !== 'hello') return false;
    const { sub } = JSON.parse(atob(String(given).split('.')[1] ?? ''));
    connection.send({ type: 'welcome', user_id: sub, heartbeat_ms: 60_000, limits: {}, node: 'n', epoch: 'e' });
    return true;
  };
  server.http = () => Response.json({ ...g1, members: ['alice', 'you'], last_seq: 0 });
  const openAs = async (userId: string) => {
    const client = createClient(
      { url: server.url, token: () => tokenOf(userId), storage },
      { clock: new ManualClock() },
    );
    open.push(client);
    await client.connect();
    return client;
  };
  const alice = await openAs('alice');
  const bob = await openAs('bob');
  const warnings: unknown[] = [];
  alice.on('warning', ({ error }) => warnings.push(error));
  alice.send({ to: you }, text('of alice')).catch(() => {});
  await alice.createGroup({ title: 'geese', members: [you] });
  alice.set('theme', 'dark').catch(() => {});
  await alice.close();
  expect(String(warnings[0])).toContain('the storage is of another user now');
  await bob.close();
  const { meta, outbox, conversations } = await storage.load();
  expect([meta.userId as string, outbox, conversations]).toEqual(['bob', [], []]);
  await alice.logout();
  expect((await storage.load()).meta).toEqual(meta);
  // A storage of the application's own may let it in.
  await storage.putOutbox({ ...item('k', 1), message: { ...item('k', 1).message, from: 'alice' as UserId } });
  expect((await openAs('bob')).outbox()).toEqual([]);
});

describe('logging out', () => {
  test('[C8] while it is still opening: nothing of the user comes after it', async () => {
    const client = create();
    const connecting = rejectionOf(client.connect());
    await client.logout();
    expect(await connecting).toMatchObject({ code: 'unavailable' });
    expect(client.userId).toBeUndefined();
    expect((await storage.load()).meta.userId).toBeUndefined();
  });

  test('[C8] an answer that arrives later is neither reported nor kept', async () => {
    const client = create();
    await client.connect();
    let answer: (response: Response) => void = () => {};
    const asked = new Promise<void>((resolve) => {
      server.http = ({ url }) => {
        if (url.endsWith('/v1/auth/logout')) return new Response(null, { status: 204 });
        resolve();
        return new Promise((resolveResponse) => {
          answer = resolveResponse;
        });
      };
    });
    const creating = client.createGroup({ title: 'geese', members: [you] });
    await asked;
    await client.logout();
    const reported: unknown[] = [];
    client.on('conversation', (view) => reported.push(view));
    answer(Response.json(g1));
    await creating;
    await Bun.sleep(0);
    expect(reported).toEqual([]);
    expect((await storage.load()).conversations).toEqual([]);
  });

  test('[C8] a call that waits for its rate is not made in the name of the next user', async () => {
    const asked: string[] = [];
    server.http = ({ url, headers }) => {
      if (url.endsWith('/v1/auth/logout')) return new Response(null, { status: 204 });
      asked.push(String(headers.get('authorization')));
      return Response.json({ code: 'rate_limited', retry_after_ms: 1_000 }, { status: 429 });
    };
    const clock = new ManualClock();
    const client = create({ clock });
    await client.connect();
    const creating = rejectionOf(client.createGroup({ title: 'geese', members: [you] }));
    await until(() => clock.nextInMs === 1_050);
    await client.logout();
    token = () => tokenOf('bob');
    await client.history({ conversationId: 'g:1' as ConversationId }).catch(() => {});
    clock.advance(60_000);
    expect(await creating).toMatchObject({ code: 'unavailable' });
    expect(asked).toEqual([`Bearer ${tokenOf('me')}`]);
  });

  test('[C8] nor is one that waits for its token, and an answer about a conversation is for the user who asked', async () => {
    const client = create();
    await client.connect();
    const answers = [Promise.withResolvers<Response>(), Promise.withResolvers<Response>()];
    const asked: string[] = [];
    server.http = ({ method, url }) => {
      if (method !== 'PATCH') return new Response(null, { status: 204 });
      asked.push(url);
      return answers[asked.length - 1]?.promise ?? new Response(null, { status: 500 });
    };
    const slow = Promise.withResolvers<string>();
    const titled = client.setTitle('g:1' as ConversationId, 'swans');
    await until(() => asked.length === 1);
    token = () => slow.promise;
    const waiting = rejectionOf(client.setTitle('g:1' as ConversationId, 'ducks'));
    token = () => tokenOf('bob');
    await client.logout();
    await client.history({ conversationId: 'g:1' as ConversationId }).catch(() => {});
    slow.resolve(tokenOf('bob'));
    expect(await waiting).toMatchObject({ code: 'unavailable' });
    answers[0]?.resolve(Response.json(g1));
    await titled;
    expect([client.userId as string | undefined, client.conversations(), asked.length]).toEqual(['bob', [], 1]);
  });

  test('[C14] the server is told once the device is cleared, and the outcome says whether it heard', async () => {
    const told: string[] = [];
    server.http = async ({ method, url, headers }) => {
      told.push(
        `${method} ${new URL(url).pathname} ${headers.get('authorization')} ${(await storage.load()).meta.userId}`,
      );
      return new Response(null, { status: 204 });
    };
    const client = create();
    await client.connect();
    expect(await client.logout()).toEqual({ isRevoked: true });
    expect(told).toEqual([`POST /v1/auth/logout Bearer ${tokenOf('me')} undefined`]);
    server.http = () => Response.json({ code: 'token_revoked', detail: '' }, { status: 401 });
    expect(await create().logout()).toEqual({ isRevoked: true });
    server.http = () => Response.json({ code: 'unavailable', detail: '' }, { status: 503 });
    expect(await create().logout()).toEqual({ isRevoked: false });
    token = () => Promise.reject(new Error('offline'));
    expect(await create().logout()).toEqual({ isRevoked: false });
  });

  test('[C14] a storage that cannot delete, or does not answer, leaves the token no longer good', async () => {
    const failures = [() => Promise.reject(new Error('locked')), () => new Promise<void>(() => {})];
    for (const clear of failures) {
      const clock = new ManualClock();
      const kept = { ...storage };
      const client = create({ clock, storage: kept });
      const told: string[] = [];
      server.http = ({ url }) => {
        told.push(new URL(url).pathname);
        return new Response(null, { status: 204 });
      };
      await client.connect();
      kept.clear = clear;
      const ended = rejectionOf(client.logout());
      clock.advance(5_000);
      expect(await ended).toMatchObject({ name: 'ClientError', code: 'unavailable' });
      expect(told).toEqual(['/v1/auth/logout']);
    }
  });

  test('[C14] all devices are logged out by the server first: without it nothing changes', async () => {
    const client = create();
    await client.connect();
    server.http = () => Response.json({ code: 'unavailable', detail: '' }, { status: 503 });
    expect(await rejectionOf(client.logoutAll())).toMatchObject({ code: 'unavailable' });
    expect(client.userId).toBeDefined();
    const told: string[] = [];
    server.http = ({ url }) => {
      told.push(new URL(url).pathname);
      return new Response(null, { status: 204 });
    };
    await client.logoutAll();
    expect(told).toEqual(['/v1/auth/logout-all', '/v1/auth/logout']);
    expect(client.userId).toBeUndefined();
  });

  test('[C8] a send of the same moment has its answer too, and is kept for no one', async () => {
    const client = create();
    await client.connect();
    const sent = rejectionOf(client.send({ to: you }, text('x')));
    await client.logout();
    expect(await sent).toMatchObject({ code: 'not_found' });
    expect((await storage.load()).outbox).toEqual([]);
  });

  test('a send that waits has its answer, and the next user begins with nothing', async () => {
    const client = create();
    await client.connect();
    const sent = rejectionOf(client.send({ to: you }, text('x')));
    await server.connections[0]?.next('send');
    await client.logout();
    expect(await sent).toMatchObject({ code: 'not_found' });
    token = () => tokenOf('you');
    server.answer = (connection, { type }) => {
      const welcome = { type: 'welcome', user_id: 'you', heartbeat_ms: 60_000, limits: {}, epoch: 'first' };
      if (type === 'hello') connection.send(welcome);
      return type === 'hello';
    };
    await client.connect();
    expect(client.userId).toBe(you);
    expect(client.outbox()).toEqual([]);
  });
});

describe('data of another user', () => {
  const keep = async () => {
    await storage.saveMeta({ userId: 'other' as UserId, deviceId: 'd' as never, cursor: 'c' });
    await storage.putConversations([{ conversationId: 'g:1' as never, state: {} }]);
  };

  test("[C8] where another user's data cannot be cleared, it is not used, and nothing is written to it", async () => {
    await keep();
    const client = create({ storage: { ...storage, clear: () => Promise.reject(new Error('locked')) } });
    await client.connect();
    expect(client.conversations()).toEqual([]);
    expect((await storage.load()).meta).toMatchObject({ userId: 'other', cursor: 'c' });
  });

  test('[C8] where its user cannot be read, nothing is written to it', async () => {
    await keep();
    const client = create({ storage: { ...storage, load: () => Promise.reject(new Error('locked')) } });
    await client.connect();
    expect((await storage.load()).meta).toMatchObject({ userId: 'other', cursor: 'c' });
  });

  test('[C8] data without a user is used for no user', async () => {
    await storage.putOutbox({ target: { to: you }, no: 1, message: { clientMsgId: 'k' } as never });
    const client = create();
    await client.connect();
    expect(client.outbox()).toEqual([]);
    expect((await storage.load()).outbox).toEqual([]);
  });

  test('[C8] a token of another user is refused before anything is sent in its name', async () => {
    const client = create();
    await client.connect();
    await client.close();
    token = () => tokenOf('other');
    expect(await rejectionOf(client.connect())).toMatchObject({ code: 'unauthorized' });
    expect(await rejectionOf(client.getUser(you))).toMatchObject({ code: 'unauthorized' });
    expect(server.connections).toHaveLength(1);
  });
});

describe("an identity provider's tokens", () => {
  const providers = (sub: string) => `x.${btoa(JSON.stringify({ iss: 'https://idp.example', sub }))}.x`;
  let asked = 0;
  beforeEach(() => {
    asked = 0;
    token = () => providers('idp|7');
    server.answer = (connection, { type }) => {
      const welcome = { user_id: 'Carol.Smith', heartbeat_ms: 60_000, limits: {}, node: 'n', epoch: 'e' };
      if (type === 'hello') connection.send({ type: 'welcome', ...welcome });
      return type === 'hello';
    };
    server.http = ({ url, headers }) => {
      if (!url.endsWith('/v1/me') || headers.get('authorization') !== `Bearer ${providers('idp|7')}`)
        return new Response('', { status: 404 });
      asked++;
      return Response.json({ user_id: 'Carol.Smith', display_name: 'Carol' });
    };
  });

  test('[A3] the user is whom the server says, and is remembered with what the device keeps', async () => {
    const client = create();
    await client.connect();
    expect(client.userId as string | undefined).toBe('Carol.Smith');
    await client.close();
    const again = create();
    await again.connect();
    expect([again.userId as string | undefined, asked]).toEqual(['Carol.Smith', 1]);
  });

  test('[A3] the next token may have the subject in another case; one of another subject is refused', async () => {
    const client = create();
    await client.connect();
    token = () => providers('IDP|7');
    await client.close();
    await client.connect();
    token = () => providers('idp|8');
    expect(await rejectionOf(client.getUser(you))).toMatchObject({ code: 'unauthorized' });
  });

  test('[A3] while the server does not say, the subject is taken for the user; its welcome then says what is wrong', async () => {
    const { http } = server;
    server.http = () => new Response('', { status: 503 });
    const client = create();
    const states: unknown[] = [];
    client.on('state', (state) => states.push(state));
    expect(await rejectionOf(client.connect())).toMatchObject({
      code: 'unauthorized',
      message: 'the token is of Carol.Smith: log idp|7 out first',
    });
    expect(states.at(-1)).toMatchObject({ type: 'closed', reason: 'unauthorized' });
    server.http = http;
    await client.connect();
    expect(client.userId as string | undefined).toBe('Carol.Smith');
  });
});

describe('tokens', () => {
  test('[C4] without a token for the moment, a device whose storage names its user continues offline', async () => {
    await create().connect();
    token = () => Promise.reject(new Error('no network'));
    const clock = new ManualClock();
    const offline = create({ clock });
    const online = offline.connect();
    const sent = offline.send({ to: you }, text('x'), { clientMsgId: 'k' as never });
    await until(async () => (await storage.load()).outbox.length === 1);
    await until(() => offline.state.type === 'reconnecting');
    token = () => tokenOf('me');
    const coming = server.connection();
    clock.advance(clock.nextInMs ?? 0);
    expect((await (await coming).next('send')).client_msg_id).toBe('k');
    await online;
    sent.catch(() => {});
  });

  test('where the storage names no user, or no user is signed in, connect rejects', async () => {
    token = () => Promise.reject(new Error('no network'));
    expect(await rejectionOf(create().connect())).toBeInstanceOf(ClientError);
    token = () => tokenOf('me');
    await create().connect();
    token = () => {
      throw new ClientError('unauthorized', 'signed out');
    };
    expect(await rejectionOf(create().connect())).toMatchObject({ code: 'unauthorized' });
  });

  test('a function that fails is named by what needed the token', async () => {
    token = () => Promise.reject(new TypeError('fetch failed'));
    const error = await rejectionOf(create().getUser(you));
    expect(error).toBeInstanceOf(ClientError);
    expect(error).toMatchObject({ code: 'unavailable', message: 'options.token failed: fetch failed' });
  });
});

test.each([['127.0.0.1:8080'], ['localhost:8080'], ['ws://localhost'], ['http://a:99999'], [''], [undefined]])(
  '%p is no address of a server, which is said at once: no attempt to connect would say it',
  (url) => {
    expect(() => createClient({ url: url as string, token: () => '' })).toThrow('options.url is the address');
  },
);

describe('a place in a conversation that is no number', () => {
  const g = 'g:1' as ConversationId;
  const bad = [undefined, Number.NaN, -1, 1.5, '1'] as unknown as Seq[];

  test('[C5] marks nothing as read', async () => {
    const client = create();
    server.http = () => Response.json({ ...g1, last_seq: 9, last_count: 9, unread: 9 });
    await client.connect();
    await client.createGroup({ title: 'geese', members: [you] });
    for (const seq of bad) {
      expect(() => client.markRead(g, seq)).toThrow('the seq is a number from 0 on');
      expect(await rejectionOf(client.markReadInPrivate(g, seq))).toMatchObject({ code: 'bad_request' });
    }
    expect(client.conversation(g)).toMatchObject({ readSeq: 0, unread: 9 });
  });

  test('has no page', async () => {
    const client = create();
    for (const seq of bad.slice(1))
      for (const request of [{ beforeSeq: seq }, { afterSeq: seq }, { limit: seq as number }])
        expect(await rejectionOf(client.history({ conversationId: g, ...request }))).toMatchObject({
          code: 'bad_request',
        });
  });
});

describe('content', () => {
  test('[C4] that JSON cannot carry is refused at once, and not kept to fail for ever', async () => {
    const client = create();
    await client.connect();
    const content = { type: 'order', amount: 10n };
    expect(await rejectionOf(client.send({ to: you }, content))).toMatchObject({ code: 'bad_request' });
    expect(client.outbox()).toEqual([]);
  });

  test('is sent as it was when it was given', async () => {
    const client = create();
    const content = text('before');
    void client.send({ to: you }, content);
    content.text = 'after';
    const coming = server.connection();
    await client.connect();
    expect((await (await coming).next('send')).content).toEqual(text('before'));
  });

  test('goes to whom the target named when it was given', async () => {
    const client = create();
    const target = { to: you };
    void client.send(target, text('for you'));
    target.to = 'other' as UserId;
    const coming = server.connection();
    await client.connect();
    expect(await (await coming).next('send')).toMatchObject({ to: 'you' });
  });
});

test('an address with a slash at its end is the same address', async () => {
  const paths: string[] = [];
  server.http = (request) => {
    paths.push(new URL(request.url).pathname);
    return Response.json({ user_id: 'you', display_name: 'You' });
  };
  const client = createClient({ url: `${server.url}/`, token: () => tokenOf('me') });
  open.push(client);
  await client.getUser(you);
  expect(paths).toEqual(['/v1/users/you']);
});

test('typing leaves at once again after a send, though typing left a moment ago', async () => {
  const client = create();
  await client.connect();
  const [connection] = server.connections;
  const id = 'd:me:you' as never;
  client.typing(id);
  client.typing(id);
  client.send({ to: you }, text('x')).catch(() => {});
  await connection?.next('send');
  client.typing(id);
  await until(() => connection?.frames.at(-1)?.type === 'typing');
  expect(connection?.frames.map(({ type }) => type)).toEqual(['hello', 'sync', 'typing', 'send', 'typing']);
});
