// Everything a client can get wrong or do on purpose, over real sockets: the stated code, and a server that does not mind.

import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { type Account, call, createGroup, logIn, openDirect, readFully, signUp } from '@hongyan/testing/http-client';
import { encodeFrame, opcode, RawSocket } from '@hongyan/testing/raw-socket';
import { WireClient } from '@hongyan/testing/wire-client';
import { dataFolder, killServers, removeDataFolders, type ServerProcess, startServer } from '../server-process.ts';

const helloTimeoutMs = 300;
const rssGrowthBytesMax = 96 * 1024 * 1024;
let server: ServerProcess;
let ann: Account;
let bob: Account;
let group: string;
let direct: string;
/** A group that ann is not in. */
let foreign: string;
let wire: WireClient;
let rssBefore: number;

beforeAll(async () => {
  server = await startServer({
    dataDir: await dataFolder('bad-input'),
    args: ['--hello-timeout-ms', String(helloTimeoutMs)],
  });
  ann = await signUp(server.url, 'ann');
  bob = await signUp(server.url, 'bob');
  group = await createGroup(server.url, ann, ['bob']);
  foreign = await createGroup(server.url, bob, []);
  direct = await openDirect(server.url, ann, 'bob');
  wire = await connect();
  await wire.send({ conversationId: group, clientMsgId: 'first', content: { type: 'text', text: 'hello' } });
  rssBefore = await server.rssBytes();
}, 30_000);

afterAll(async () => {
  await killServers();
  await removeDataFolders();
});

const connect = (token = ann.token) =>
  WireClient.open({ url: server.url, token, userId: 'ann', deviceId: `d${Math.random()}` });
const frame = (fields: object) => JSON.stringify(fields);
const send = (fields: object) => {
  const whole = { type: 'send', id: 1, client_msg_id: 'bad', content: { type: 'text', text: 'x' }, ...fields };
  return frame(whole);
};
const change = (type: string, fields: object) =>
  frame({ type, id: 1, conversation_id: group, client_msg_id: `bad ${type}`, ...fields });
const deep = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
const sql = `'; DROP TABLE entries; DELETE FROM users; --"\\ OR 1=1`;

/** Told by an error frame; the connection stays usable. Built late: the ids are known after the start. */
const refusedFrames: readonly [name: string, text: () => string, code: string][] = [
  ['malformed JSON', () => '{"type":"ping"', 'bad_request'],
  ['an empty frame', () => '', 'bad_request'],
  ['null', () => 'null', 'bad_request'],
  ['a number', () => '42', 'bad_request'],
  ['an array', () => '[]', 'bad_request'],
  ['no type', () => '{"id":1}', 'bad_request'],
  ['a numeric type', () => '{"type":1}', 'bad_request'],
  ['an unknown type', () => '{"type":"teleport","id":1}', 'bad_request'],
  ['a type from the prototype', () => '{"type":"__proto__","id":1}', 'bad_request'],
  ['a down frame sent up', () => '{"type":"welcome","id":1}', 'bad_request'],
  ['a second hello', () => frame({ type: 'hello', token: ann.token, device_id: 'x' }), 'bad_request'],
  ['nesting of 20,000', () => deep(20_000), 'bad_request'],
  ['nesting of 60,000', () => deep(60_000), 'too_large'],
  [
    'content nested 5,000 deep',
    () => `{"type":"send","id":1,"to":"bob","client_msg_id":"deep","content":{"type":"x","a":${deep(5000)}}}`,
    'bad_request',
  ],
  ['a frame over 64 KiB', () => send({ to: 'bob', content: { type: 'text', text: 'x'.repeat(70_000) } }), 'too_large'],
  [
    'a content over 32 KiB',
    () => send({ to: 'bob', content: { type: 'text', text: 'x'.repeat(33_000) } }),
    'too_large',
  ],
  [
    'a content over 32 KiB in bytes, not in characters',
    () => send({ to: 'bob', content: { type: 'text', text: '鸿'.repeat(12_000) } }),
    'too_large',
  ],
  ['a send to nobody', () => send({}), 'bad_request'],
  ['a send to two targets', () => send({ to: 'bob', conversation_id: group }), 'bad_request'],
  ['a send to a user that does not exist', () => send({ to: 'nobody' }), 'not_found'],
  ['a send without a key', () => send({ to: 'bob', client_msg_id: undefined }), 'bad_request'],
  ['a send with an empty key', () => send({ to: 'bob', client_msg_id: '' }), 'bad_request'],
  ['a send with a key too long', () => send({ to: 'bob', client_msg_id: 'k'.repeat(65) }), 'bad_request'],
  ['a send with a key that is an object', () => send({ to: 'bob', client_msg_id: {} }), 'bad_request'],
  ['a send without content', () => send({ to: 'bob', content: undefined }), 'bad_request'],
  ['a send with null content', () => send({ to: 'bob', content: null }), 'bad_request'],
  ['a text without text', () => send({ to: 'bob', content: { type: 'text' } }), 'bad_request'],
  ['a text that is a number', () => send({ to: 'bob', content: { type: 'text', text: 5 } }), 'bad_request'],
  ['a forged entry of the server', () => send({ to: 'bob', content: { type: 'hongyan.members' } }), 'forbidden'],
  ['SQL as recipient', () => send({ to: sql }), 'bad_request'],
  ['SQL as conversation', () => send({ conversation_id: sql }), 'bad_request'],
  ['SQL as cursor', () => frame({ type: 'sync', id: 1, cursor: sql }), 'bad_request'],
  ['SQL as user id of presence', () => frame({ type: 'presence', id: 1, user_ids: [sql] }), 'bad_request'],
  ['a send to a group one is not in', () => send({ conversation_id: foreign }), 'not_member'],
  ['a send to a group that does not exist', () => send({ conversation_id: 'g:none' }), 'not_member'],
  ['a send to a direct conversation of others', () => send({ conversation_id: 'd:bob:carl' }), 'not_member'],
  ['a direct conversation in the wrong order', () => send({ conversation_id: 'd:bob:ann' }), 'bad_request'],
  ['history of a group one is not in', () => frame({ type: 'history', id: 1, conversation_id: foreign }), 'not_member'],
  ['an edit without a target', () => change('edit', { content: { type: 'x' } }), 'bad_request'],
  [
    'an edit of a message that does not exist',
    () => change('edit', { target_seq: 99, content: { type: 'x' } }),
    'not_found',
  ],
  ['an edit of a state entry', () => change('edit', { target_seq: 1, content: { type: 'x' } }), 'not_found'],
  ['a forged edit', () => change('edit', { target_seq: 2, content: { type: 'hongyan.title' } }), 'forbidden'],
  [
    'a recall in a group one is not in',
    () => change('recall', { target_seq: 2, conversation_id: foreign }),
    'not_member',
  ],
  ['a reaction that shows nothing', () => change('react', { target_seq: 2, key: '\uFE0F', op: 'add' }), 'bad_request'],
  ['a reaction that toggles', () => change('react', { target_seq: 2, key: '👍', op: 'toggle' }), 'bad_request'],
  [
    'a reaction of half a surrogate pair',
    () => change('react', { target_seq: 2, key: '\ud83d', op: 'add' }),
    'bad_request',
  ],
  ['a pin of a message that does not exist', () => change('pin', { target_seq: 99 }), 'not_found'],
  ['a pin of a state entry', () => change('pin', { target_seq: 1 }), 'not_found'],
  ['an answer to nothing', () => send({ to: 'bob', reply_to: { seq: 99 } }), 'not_found'],
  ['an answer to a state entry', () => send({ conversation_id: group, reply_to: { seq: 1 } }), 'not_found'],
  ['an answer to a list', () => send({ to: 'bob', reply_to: [1] }), 'bad_request'],
  ['a mention of a stranger', () => send({ conversation_id: group, mentions: ['carl'] }), 'not_found'],
  ['a mention of nobody', () => send({ to: 'bob', mentions: [] }), 'bad_request'],
  ['a mention of everyone in the world', () => send({ to: 'bob', mentions: 'world' }), 'bad_request'],
  ['more mentions than a message has', () => send({ to: 'bob', mentions: Array(51).fill('bob') }), 'bad_request'],
  [
    'catching up before the first',
    () => frame({ type: 'catch_up', id: 1, conversation_id: group, after_seq: -1 }),
    'bad_request',
  ],
  [
    'delivered in a group one is not in',
    () => frame({ type: 'delivered', conversation_id: foreign, seq: 1 }),
    'not_member',
  ],
  ['typing in a group one is not in', () => frame({ type: 'typing', conversation_id: foreign }), 'not_member'],
  [
    'delivered beyond the last',
    () => frame({ type: 'delivered', conversation_id: group, seq: 1_000_000 }),
    'bad_request',
  ],
  [
    'read beyond the last',
    () => frame({ type: 'read', conversation_id: group, seq: Number.MAX_SAFE_INTEGER }),
    'bad_request',
  ],
  ['a negative seq', () => frame({ type: 'read', conversation_id: group, seq: -1 }), 'bad_request'],
  ['a fraction of a seq', () => frame({ type: 'read', conversation_id: group, seq: 0.5 }), 'bad_request'],
  ['a seq as text', () => frame({ type: 'read', conversation_id: group, seq: '1' }), 'bad_request'],
  ['a seq beyond integers', () => `{"type":"read","conversation_id":"${group}","seq":1e400}`, 'bad_request'],
  ['a negative limit', () => frame({ type: 'history', id: 1, conversation_id: group, limit: -1 }), 'bad_request'],
  ['a limit of zero', () => frame({ type: 'sync', id: 1, limit: 0 }), 'bad_request'],
  ['a limit beyond the largest', () => frame({ type: 'sync', id: 1, limit: 1e9 }), 'bad_request'],
  [
    'a page in both directions',
    () => frame({ type: 'history', id: 1, conversation_id: group, after_seq: 0, before_seq: 9 }),
    'bad_request',
  ],
  [
    'a negative after_seq',
    () => frame({ type: 'history', id: 1, conversation_id: group, after_seq: -5 }),
    'bad_request',
  ],
  ['too many presence ids', () => frame({ type: 'presence', id: 1, user_ids: Array(501).fill('a') }), 'bad_request'],
];

test.each(refusedFrames)('%s is refused and the connection stays', async (_name, text, code) => {
  wire.raw(text());
  const error = await wire.next(({ type }) => type === 'error');
  expect(error.code).toBe(code);
  expect(String(error.message).length).toBeLessThan(500);
  expect(await wire.ping()).toBe(true);
});

describe('what ends the connection', () => {
  test('a binary frame closes with protocol_error', async () => {
    const client = await connect();
    client.raw(new Uint8Array([1, 2, 3]));
    expect((await client.closed).code).toBe(4202);
  });

  test.each([
    ['malformed JSON', '{'],
    ['another frame', '{"type":"ping"}'],
    ['a hello without a device', '{"type":"hello","token":"x"}'],
    ['a hello with SQL as device', frame({ type: 'hello', token: 'x', device_id: sql })],
    ['100,000-deep JSON', deep(30_000)],
  ])('%s instead of a hello closes with protocol_error', async (_name, text) => {
    const client = await WireClient.connect({ url: server.url, token: '', userId: 'ann', deviceId: 'x' });
    client.raw(text);
    expect((await client.closed).code).toBe(4202);
  });

  test('a hello that never comes closes with protocol_error', async () => {
    const client = await WireClient.connect({ url: server.url, token: '', userId: 'ann', deviceId: 'x' });
    expect((await client.closed).code).toBe(4202);
  });

  test('a hello that never comes closes with protocol_error, whatever comes instead', async () => {
    const raw = await RawSocket.open(server.url);
    const pinging = setInterval(() => raw.write(encodeFrame(opcode.ping, '')), helloTimeoutMs / 3);
    try {
      expect(await raw.closeCode()).toBe(4202);
    } finally {
      clearInterval(pinging);
      raw.cut();
    }
  });

  test('a frame far over the limit is cut by the socket layer', async () => {
    const client = await connect();
    client.raw('x'.repeat(2 * 1024 * 1024));
    expect((await client.closed).code).toBeGreaterThan(1000);
  });

  test('invalid UTF-8 ends the connection and stores nothing', async () => {
    const before = (await readFully(server.url, ann, group)).lastSeq;
    const raw = await RawSocket.open(server.url);
    raw.text(frame({ type: 'hello', token: ann.token, device_id: 'raw' }));
    await raw.nextOfType('welcome');
    const [head, tail] = send({ conversation_id: group, content: { type: 'text', text: '@' } }).split('@');
    raw.text(Buffer.concat([Buffer.from(head ?? ''), Buffer.from([0xc3, 0x28, 0xff]), Buffer.from(tail ?? '')]));
    await raw.closed;
    expect((await readFully(server.url, ann, group)).lastSeq).toBe(before);
  });

  test.each([
    ['an unmasked frame', Buffer.from([0x81, 0x02, 0x7b, 0x7d])],
    ['a reserved opcode', encodeFrame(5, 'x')],
    ['a reserved bit', Buffer.from([0xf1, 0x80, 0, 0, 0, 0])],
    ['a frame that claims 2^62 bytes', Buffer.from([0x81, 0xff, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])],
    [
      'an oversized control frame',
      Buffer.concat([Buffer.from([0x80 | opcode.ping, 0xfe, 0x01, 0, 0, 0, 0, 0]), Buffer.alloc(256)]),
    ],
  ])('%s ends the connection', async (_name, bytes) => {
    const raw = await RawSocket.open(server.url);
    raw.write(bytes);
    await raw.closed;
    expect(server.isAlive()).toBe(true);
  });
});

describe('tokens', () => {
  const segment = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const forgeries: readonly [name: string, make: (parts: readonly string[]) => string][] = [
    ['none at all', () => ''],
    ['no token but words', () => 'let me in'],
    ['SQL', () => sql],
    [
      'a changed signature',
      ([head, body, sign = '']) => `${head}.${body}.${sign.startsWith('A') ? 'B' : 'A'}${sign.slice(1)}`,
    ],
    ['no signature', ([head, body]) => `${head}.${body}.`],
    ['alg none', ([, body]) => `${segment({ alg: 'none', typ: 'JWT' })}.${body}.`],
    ['alg none with a signature', ([, body, sign]) => `${segment({ alg: 'none', typ: 'JWT' })}.${body}.${sign}`],
    [
      'another user under the same signature',
      ([head, , sign]) => `${head}.${segment({ sub: 'bob', exp: 9e9 })}.${sign}`,
    ],
    ['parts that are no JSON', () => 'AAAA.BBBB.CCCC'],
  ];

  test.each(forgeries)('%s: 4200 unauthorized on the socket, 401 over HTTP', async (_name, make) => {
    const forged = make(ann.token.split('.'));
    const client = await WireClient.connect({ url: server.url, token: '', userId: 'ann', deviceId: 'x' });
    client.raw(frame({ type: 'hello', token: forged, device_id: 'x' }));
    const error = await client.next(({ type }) => type === 'error');
    expect(error.code).toBe('unauthorized');
    expect((await client.closed).code).toBe(4200);
    const { status, body } = await call(server.url, '/v1/me', { token: forged });
    expect({ status, code: body.code }).toEqual({ status: 401, code: 'unauthorized' });
  });

  test('an expired token is refused, and a session does not outlive its token', async () => {
    const args = ['--token-ttl-s', '2', '--heartbeat-ms', '200'];
    const short = await startServer({ dataDir: await dataFolder('expiry'), args });
    const { token } = await signUp(short.url, 'eve');
    const options = { url: short.url, token, userId: 'eve', deviceId: 'x' };
    const session = await WireClient.open(options);
    expect((await session.closed).code).toBe(4200);
    const late = await WireClient.connect(options);
    late.raw(frame({ type: 'hello', token, device_id: 'x' }));
    expect((await late.closed).code).toBe(4200);
    expect((await call(short.url, '/v1/me', { token })).status).toBe(401);
    await short.stop();
  }, 20_000);
});

describe('HTTP', () => {
  const post = (path: string, body: unknown) => () =>
    call(server.url, path, { method: 'POST', token: ann.token, body });
  const get = (path: () => string) => () => call(server.url, path(), { token: ann.token });
  test.each([
    ['a body of the wrong shape', post('/v1/messages', { to: 'bob' }), 400, 'bad_request'],
    [
      'a message to a foreign group',
      () => post('/v1/messages', { conversation_id: foreign, client_msg_id: 'x', content: { type: 'x' } })(),
      403,
      'not_member',
    ],
    [
      'a content too large',
      post('/v1/messages', { to: 'bob', client_msg_id: 'x', content: { type: 'text', text: 'x'.repeat(33_000) } }),
      413,
      'too_large',
    ],
    [
      'a body too large',
      post('/v1/messages', { to: 'bob', client_msg_id: 'x', content: { type: 'text', text: 'x'.repeat(70_000) } }),
      413,
      'too_large',
    ],
    [
      'a content nested too deep',
      () =>
        post('/v1/messages', { to: 'bob', client_msg_id: 'x', content: { type: 'x', a: JSON.parse(deep(1_000)) } })(),
      400,
      'bad_request',
    ],
    [
      'a group with SQL as member',
      post('/v1/conversations', { kind: 'group', title: 'x', members: [sql] }),
      400,
      'bad_request',
    ],
    ['a user id with SQL', post('/v1/auth/signup', { user_id: sql, password: 'long enough' }), 400, 'bad_request'],
    ['a login with SQL as password', post('/v1/auth/login', { user_id: 'bob', password: sql }), 401, 'unauthorized'],
    ['a taken user id', post('/v1/auth/signup', { user_id: 'bob', password: 'long enough' }), 409, 'conflict'],
    ['a negative limit', get(() => `/v1/conversations/${group}/messages?limit=-1`), 400, 'bad_request'],
    ['a limit that is text', get(() => `/v1/conversations/${group}/messages?limit=many`), 400, 'bad_request'],
    ['a negative after_seq', get(() => `/v1/conversations/${group}/messages?after_seq=-1`), 400, 'bad_request'],
    ['messages of a foreign group', get(() => `/v1/conversations/${foreign}/messages`), 403, 'not_member'],
    ['SQL as conversation', get(() => `/v1/conversations/${encodeURIComponent(sql)}/messages`), 400, 'bad_request'],
    ['SQL as message id', get(() => `/v1/messages/${encodeURIComponent(sql)}`), 400, 'bad_request'],
    ['SQL as client message id', get(() => `/v1/messages/by-client-id/${encodeURIComponent(sql)}`), 404, 'not_found'],
    ['bytes that are no UTF-8 in the path', get(() => '/v1/users/%ff%fe'), 400, 'bad_request'],
    ['a route that does not exist', get(() => '/v1/nothing'), 404, 'not_found'],
    ['a path that climbs', get(() => '/..%2f..%2f..%2fetc/passwd'), 404, 'not_found'],
  ] as const)('%s', async (_name, ask, status, code) => {
    const answer = await ask();
    expect({ status: answer.status, code: answer.body.code }).toEqual({ status, code });
  });

  test.each([
    ['malformed JSON', '{', 400],
    ['100,000-deep JSON', deep(30_000), 400],
    ['nothing', '', 400],
  ])('a body of %s is a bad_request', async (_name, body, status) => {
    const headers = { authorization: `Bearer ${ann.token}` };
    const response = await fetch(`${server.url}/v1/messages`, { method: 'POST', headers, body });
    expect(response.status).toBe(status);
    expect(((await response.json()) as { code: string }).code).toBe('bad_request');
  });
});

test('[D1] SQL in strings that may hold anything is stored as it is', async () => {
  const content = { type: 'text', text: sql, [sql]: sql };
  const outcome = await wire.send({ conversationId: direct, clientMsgId: sql.slice(0, 64), content });
  expect(outcome.type).toBe('acked');
  const { entries } = await readFully(server.url, bob, direct);
  expect(entries.at(-1)).toMatchObject({ content, client_msg_id: sql.slice(0, 64), from: 'ann' });
  const body = { kind: 'group', title: sql, members: ['bob'] };
  const created = await call(server.url, '/v1/conversations', { method: 'POST', token: ann.token, body });
  expect(created.body.title).toBe(sql);
  const found = await call(server.url, `/v1/users?query=${encodeURIComponent("%' OR 1=1 --")}`, { token: ann.token });
  expect(found.body.users).toEqual([]);
  expect((await logIn(server.url, 'bob')).userId).toBe('bob');
});

test('[D3] keys of odd characters are keys of their own, or refused; never taken for one another', async () => {
  const keys = [
    'a',
    'A',
    'a ',
    ' a',
    'a\u0000',
    'a\u0000b',
    '\u0000',
    'é',
    'e\u0301',
    '😀',
    '\ufffd',
    '\ud800',
    '\udfff',
    '%',
    '_',
  ];
  for (const attempt of [1, 2]) {
    for (const [index, clientMsgId] of keys.entries()) {
      const content = { type: 'text', text: `odd ${index}` };
      const outcome = await wire.send({ conversationId: direct, clientMsgId, content });
      if (outcome.type === 'refused')
        expect({ clientMsgId, code: outcome.code }).toEqual({ clientMsgId, code: 'bad_request' });
      else if (outcome.type === 'acked') {
        const { entries } = await readFully(server.url, bob, direct);
        const stored = entries.filter((entry) => Bun.deepEquals(entry.content, content));
        expect(stored.map((entry) => [attempt, entry.client_msg_id, entry.seq])).toEqual([
          [attempt, clientMsgId, outcome.seq],
        ]);
      } else throw new Error('the connection ended');
    }
  }
});

test('100,000-deep JSON within a raised frame limit is a bad_request', async () => {
  const args = ['--frame-bytes-max', String(1024 * 1024), '--content-bytes-max', String(512 * 1024)];
  const wide = await startServer({ dataDir: await dataFolder('deep'), args });
  const eve = await signUp(wide.url, 'eve');
  const client = await WireClient.open({ url: wide.url, token: eve.token, userId: 'eve', deviceId: 'x' });
  const nested = `{"type":"send","id":1,"to":"eve","client_msg_id":"k","content":{"type":"x","a":${deep(100_000)}}}`;
  for (const text of [deep(100_000), '{"a":'.repeat(100_000), nested]) {
    client.raw(text);
    expect((await client.next(({ type }) => type === 'error')).code).toBe('bad_request');
  }
  expect(await client.ping()).toBe(true);
  expect(wide.isAlive()).toBe(true);
  await wide.stop();
}, 20_000);

test('a thousand bad frames and a hundred bad connections later the server is the same process of about the same size', async () => {
  const nasty = ['{', deep(30_000), send({ to: 'bob', content: { type: 'text', text: 'x'.repeat(60_000) } })];
  // A connection that goes on for longer than this is closed with 4101 [L2].
  const roundsOfOne = 33;
  for (let connection = 0; connection < 10; connection++) {
    const client = await connect();
    for (let round = 0; round < roundsOfOne; round++) {
      for (const text of nasty) client.raw(text);
      for (const _ of nasty) await client.next(({ type }) => type === 'error');
    }
    client.close();
  }
  for (let round = 0; round < 100; round++) {
    const client = await connect();
    client.raw(new Uint8Array(1000));
    await client.closed;
  }
  expect(server.isAlive()).toBe(true);
  expect((await call(server.url, '/readyz')).status).toBe(200);
  expect(await server.rssBytes()).toBeLessThan(rssBefore + rssGrowthBytesMax);
  expect(server.output()).not.toContain('request failed');
  const { entries, lastSeq } = await readFully(server.url, ann, group);
  expect(entries.map((entry) => entry.seq)).toEqual(Array.from({ length: lastSeq }, (_, index) => index + 1));
}, 60_000);
