import { expect, test } from 'bun:test';
import { systemClock } from '@hongyan/base/clock';
import { createLog } from '@hongyan/base/log';
import { done, ok, StoreFailure } from '@hongyan/base/result';
import type { DeviceId, UserId } from '@hongyan/protocol/ids';
import { type Result, refusal } from '@hongyan/protocol/refusals';
import type { Core } from '../../ports/core/core.ts';
import type { Tokens } from '../../ports/tokens/tokens.ts';
import { createHandlers } from './handlers.ts';
import { Pipeline, type PipelineOptions } from './pipeline.ts';
import type { ConnectionSender, HelloSender, HttpSender } from './sender.ts';
import { fakeApiKey, fakeCore } from './testing/fake-core.ts';

const tokens: Tokens = {
  sign: async () => ({ accessToken: '', expiresInS: 1, issuedAtMs: 0 }),
  verify: async (token) =>
    token === ''
      ? refusal.badToken()
      : ok({ userId: token as UserId, tokenId: `t-${token}`, issuedAtMs: 0, expiresAtMs: 1e15 }),
};

type Steps = Pick<PipelineOptions, 'revoked' | 'limit' | 'limitAnonymous' | 'measure'>;

function start({ inFlightMax = 2, ...overrides }: Partial<Core> & { inFlightMax?: number } = {}, steps: Steps = {}) {
  const lines: string[] = [];
  const fake = fakeCore(overrides);
  const handlers = createHandlers({
    core: fake.core,
    publicUrl: '',
    listenAddress: () => ({ hostname: '0.0.0.0', port: 8080, isTls: false }),
  });
  const log = createLog({ level: 'error', write: (line) => lines.push(line) });
  return {
    ...fake,
    lines,
    pipeline: new Pipeline({
      ...{ handlers, tokens, identifyKey: fake.core.identifyKey, clock: systemClock, log, inFlightMax },
      ...steps,
    }),
  };
}

const http = (token: string | undefined, fields: Partial<HttpSender> = {}): HttpSender => ({
  ...{ type: 'http', address: '10.0.0.1', limitKey: '10.0.0.1', token, asUser: null },
  ...{ signature: undefined, host: null, traceparent: undefined, ...fields },
});
const hello = (token: string): HelloSender => ({
  ...{ type: 'hello', address: '10.0.0.1', limitKey: '10.0.0.1', token },
});
const device = (): ConnectionSender => ({
  type: 'connection',
  address: '10.0.0.1',
  limitKey: '10.0.0.1',
  number: 1,
  inFlight: 0,
  caller: {
    address: '10.0.0.1',
    userId: 'ann' as UserId,
    tokenId: 't',
    deviceId: 'd' as DeviceId,
    sessionId: 's',
  },
});
const codeOf = (answer: { readonly type: string; readonly code?: string }) => answer.code ?? answer.type;
const none = {};

test('a bearer of a good token is the caller of the core, and one without is refused before the input is read', async () => {
  const { pipeline, asked } = start();
  expect(codeOf(await pipeline.run('getMe', http('ann'), none))).toBe('ok');
  expect(asked).toMatchObject([{ name: 'getMe', caller: { userId: 'ann', tokenId: 't-ann', address: '10.0.0.1' } }]);
  const reader = () => Promise.reject(new Error('must not be read'));
  expect(codeOf(await pipeline.run('getMe', http(''), reader))).toBe('unauthorized');
  expect(asked).toHaveLength(1);
});

test('an operation without a token has its address as caller', async () => {
  const { pipeline, asked } = start();
  const input = { user_id: 'ann' as UserId, password: 'x' };
  expect(codeOf(await pipeline.run('login', http(''), input))).toBe('ok');
  expect(asked).toMatchObject([{ caller: { address: '10.0.0.1' } }]);
});

test('requests of a connection reach the core in their order, before run returns', () => {
  const { pipeline, asked } = start({ inFlightMax: 10 });
  const sender = device();
  const names = ['sync', 'presence', 'sync'] as const;
  void pipeline.run('sync', sender, none);
  void pipeline.run('presence', sender, { user_ids: [] });
  void pipeline.run('sync', sender, none);
  expect(asked.map(({ name }) => name)).toEqual([...names]);
});

test('beyond the bound of requests in flight the next is overloaded, and there is room again after an answer', async () => {
  const held = Promise.withResolvers<void>();
  const { pipeline } = start({ sync: () => held.promise.then(() => refusal.foreignCursor()) });
  const sender = device();
  const first = [pipeline.run('sync', sender, none), pipeline.run('sync', sender, none)];
  expect(await pipeline.run('sync', sender, none)).toMatchObject({ code: 'overloaded', retryAfterMs: 100 });
  held.resolve();
  await Promise.all(first);
  expect(sender.inFlight).toBe(0);
  expect(codeOf(await pipeline.run('sync', sender, none))).toBe('bad_request');
});

test('over HTTP the bound is for the requests of one user together', async () => {
  const held = Promise.withResolvers<void>();
  const { pipeline } = start({ getMe: () => held.promise.then(() => refusal.noSuch('user')) });
  const first = [pipeline.run('getMe', http('ann'), none), pipeline.run('getMe', http('ann'), none)];
  await Bun.sleep(0);
  expect(codeOf(await pipeline.run('getMe', http('ann'), none))).toBe('overloaded');
  const other = pipeline.run('getMe', http('bob'), none);
  held.resolve();
  expect((await Promise.all([...first, other])).map(codeOf)).toEqual(['not_found', 'not_found', 'not_found']);
  expect(codeOf(await pipeline.run('getMe', http('ann'), none))).toBe('not_found');
});

test('while draining new requests are refused and those in flight are answered', async () => {
  const held = Promise.withResolvers<void>();
  const { pipeline } = start({ getMe: () => held.promise.then(() => refusal.noSuch('user')) });
  const before = pipeline.run('getMe', device(), none);
  pipeline.drain();
  for (const name of ['getMe', 'route'] as const)
    expect(await pipeline.run(name, http('ann'), none)).toMatchObject({ code: 'unavailable', retryAfterMs: 1000 });
  held.resolve();
  expect(codeOf(await before)).toBe('not_found');
});

test('a bug of a handler is answered as internal and logged, a failure of a store is answered by its code', async () => {
  let thrown: Error = new Error('boom');
  const { pipeline, lines } = start({ getMe: () => Promise.reject(thrown) });
  expect(await pipeline.run('getMe', device(), none)).toMatchObject({ type: 'bug', code: 'internal' });
  expect(lines.join()).toContain('boom');
  thrown = new StoreFailure('unknown_outcome', 'cut');
  expect(codeOf(await pipeline.run('getMe', device(), none))).toBe('unknown_outcome');
  expect(lines).toHaveLength(1);
});

test('route returns an address to connect to: that of the request, else that of the listener', async () => {
  const { pipeline } = start();
  const urlFor = async (host: string | null) => {
    const answer = await pipeline.run('route', http(undefined, { host }), none);
    return answer.type === 'ok' ? answer.value.addresses[0]?.url : answer.code;
  };
  expect(await urlFor('im.example.org:8080')).toBe('http://im.example.org:8080');
  expect(await urlFor('"><script>')).toBe('http://127.0.0.1:8080');
  expect(await urlFor(null)).toBe('http://127.0.0.1:8080');
});

test('[L1] steps run in order, each for its group of operations, and the first refusal is the answer', async () => {
  const passed: string[] = [];
  let revoked: Result<undefined> = done;
  const { pipeline, asked } = start(
    {},
    {
      revoked: ({ tokenId }) => {
        passed.push(`revoked ${tokenId}`);
        return revoked;
      },
      limitAnonymous: ({ address }) => {
        passed.push(`limit ${address}`);
        return done;
      },
      limit: (name, { userId }) => {
        passed.push(`limit ${name} ${userId}`);
        return name === 'searchUsers' ? refusal.invalid('no') : done;
      },
    },
  );
  await pipeline.run('getMe', http('ann'), none);
  await pipeline.run('getMe', device(), none);
  await pipeline.run('route', http(''), none);
  expect(codeOf(await pipeline.run('getMe', http(''), none))).toBe('unauthorized');
  expect(codeOf(await pipeline.run('searchUsers', http('ann'), { query: 'a' }))).toBe('bad_request');
  expect(passed.splice(0)).toEqual([
    ...['revoked t-ann', 'limit getMe ann', 'revoked t', 'limit getMe ann', 'limit 10.0.0.1'],
    'limit 10.0.0.1',
    ...['revoked t-ann', 'limit searchUsers ann'],
  ]);
  expect(asked).toHaveLength(2);
  revoked = refusal.badToken();
  expect(codeOf(await pipeline.run('getMe', device(), none))).toBe('unauthorized');
  expect(passed).toEqual(['revoked t']);
});

test('[L1] a hello passes the steps of its group and returns the verified token', async () => {
  const names: string[] = [];
  const { pipeline } = start(
    {},
    {
      limit: (name) => {
        names.push(name);
        return done;
      },
    },
  );
  expect(await pipeline.authenticateHello(hello('ann'))).toMatchObject({ value: { userId: 'ann' } });
  expect(codeOf(await pipeline.authenticateHello(hello('')))).toBe('unauthorized');
  pipeline.drain();
  expect(codeOf(await pipeline.authenticateHello(hello('ann')))).toBe('unavailable');
  expect(names).toEqual(['hello']);
});

test('[L1] a limit that has to wait keeps the order of a connection', async () => {
  const waiting = Promise.withResolvers<Result<undefined>>();
  const { pipeline, asked } = start({ inFlightMax: 10 }, { limit: () => waiting.promise });
  const sender = device();
  const runs = [pipeline.run('sync', sender, none), pipeline.run('presence', sender, { user_ids: [] })];
  expect(asked).toEqual([]);
  waiting.resolve(done);
  await Promise.all(runs);
  expect(asked.map(({ name }) => name)).toEqual(['sync', 'presence']);
});

test('[L1] each operation is measured when it is answered, whatever the answer', async () => {
  const measured: string[] = [];
  const { pipeline } = start({}, { measure: (...one) => measured.push(one.slice(0, 2).join(' ')) });
  await pipeline.run('getMe', http('ann'), none);
  await pipeline.run('getMe', http(''), none);
  expect(measured).toEqual(['getMe ok', 'getMe unauthorized']);
});

test('[A23] a back end acts with its key as the system, or for the user that it names, where its scope allows it', async () => {
  const revoked = () => refusal.revokedToken();
  const { pipeline, asked } = start({}, { revoked });
  const run = async (
    sender: Partial<HttpSender>,
    name: 'listConversations' | 'getMe' | 'putUser' = 'listConversations',
  ) => codeOf(await pipeline.run(name, http(fakeApiKey, sender), { user_id: 'ann' as UserId }));
  expect(await run({})).toBe('ok');
  expect(asked.at(-1)?.caller).toMatchObject({ userId: 'system', keyId: 'k1', address: '10.0.0.1' });
  expect(await run({ asUser: 'ann' })).toBe('ok');
  expect(asked.at(-1)?.caller).toMatchObject({ userId: 'ann', keyId: 'k1' });
  expect(await run({}, 'putUser')).toBe('ok');
  const count = asked.length;
  expect(await run({ asUser: 'no spaces' })).toBe('bad_request');
  expect(await run({}, 'getMe')).toBe('forbidden');
  expect(await run({ token: 'ann' }, 'putUser')).toBe('forbidden');
  expect(await run({ token: `${fakeApiKey}x` })).toBe('unauthorized');
  expect(asked).toHaveLength(count);
  expect(codeOf(await pipeline.authenticateHello(hello(fakeApiKey)))).toBe('forbidden');
});

test('[A23] a key without the scope that an operation needs is refused', async () => {
  const identifyKey = async () => ok({ keyId: 'k2', scopes: ['tokens:mint'] as const, userId: 'system' as UserId });
  const { pipeline, asked } = start({ identifyKey });
  const sender = http('hy_k2_0123456789abcdef');
  expect(codeOf(await pipeline.run('listConversations', sender, none))).toBe('forbidden');
  expect(codeOf(await pipeline.run('mintToken', { ...sender }, { user_id: 'ann' as UserId }))).toBe('ok');
  expect(asked).toHaveLength(1);
});

test('[L5] only an invalid key counts against its address, whatever else is wrong with the request', async () => {
  let anonymousCount = 0;
  const limitAnonymous = () => {
    anonymousCount++;
    return done;
  };
  const identifyKey: Core['identifyKey'] = async ({ key, asUser }) => {
    if (key !== fakeApiKey) return refusal.badApiKey();
    return asUser === 'gone' ? refusal.noSuch('user gone') : refusal.disabledUser(asUser as UserId);
  };
  const { pipeline } = start({ identifyKey }, { limitAnonymous });
  const ask = async (token: string, asUser: string, name: 'listConversations' | 'getMe' = 'listConversations') => {
    const code = codeOf(await pipeline.run(name, http(token, { asUser }), none));
    return [code, anonymousCount];
  };
  expect(await ask(fakeApiKey, 'gone')).toEqual(['not_found', 0]);
  expect((await ask(fakeApiKey, 'off')).at(-1)).toBe(0);
  expect(await ask(`${fakeApiKey}x`, 'ann')).toEqual(['unauthorized', 1]);
  expect(await ask(`${fakeApiKey}x`, 'no spaces')).toEqual(['bad_request', 2]);
  expect(await ask(`${fakeApiKey}x`, 'ann', 'getMe')).toEqual(['forbidden', 3]);
});

test('[L5] an address with too many bad signatures is refused before its body is read, until it sends a good one', async () => {
  let left = 1;
  let drawn = 0;
  let read = 0;
  const limitAnonymous = () => {
    drawn++;
    return left-- > 0 ? done : refusal.rateLimited({ retryAfterMs: 50 });
  };
  const registerDevices: Core['registerDevices'] = async ({ signature }) => {
    if (signature === 'unscoped') return refusal.noScope('devices:register');
    return signature === 'good' ? ok({ accepted: 1, refused: [] }) : refusal.badSignature();
  };
  const { pipeline } = start({ registerDevices }, { limitAnonymous });
  const ask = async (signature: string, limitKey = '192.0.2.1') => {
    const signed = { keyId: 'k', signedAtMs: 1, signature, body: '' };
    const sender = http(undefined, { address: limitKey, limitKey, signature: signed });
    const code = await pipeline.run('registerDevices', sender, async () => {
      read++;
      return ok({ devices: [{}] });
    });
    return [codeOf(code), drawn, read];
  };
  expect(await ask('good')).toEqual(['ok', 0, 1]);
  expect(await ask('unscoped')).toEqual(['forbidden', 0, 2]);
  expect(await ask('bad')).toEqual(['unauthorized', 1, 3]);
  expect(await ask('bad')).toEqual(['rate_limited', 2, 4]);
  expect(await ask('bad')).toEqual(['rate_limited', 3, 4]);
  expect(await ask('good', '192.0.2.2')).toEqual(['ok', 3, 5]);
  left = 1;
  // Counted once, before the body is read.
  expect(await ask('bad')).toEqual(['unauthorized', 4, 6]);
  left = 1;
  expect(await ask('good')).toEqual(['ok', 5, 7]);
  expect(await ask('good')).toEqual(['ok', 5, 8]);
});

test('[A23] requests in flight are counted by API key, whichever user they are for', async () => {
  const held = Promise.withResolvers<void>();
  const { pipeline } = start({ inFlightMax: 2, listConversations: () => held.promise.then(() => refusal.notMember()) });
  const ask = (asUser: string) => pipeline.run('listConversations', http(fakeApiKey, { asUser }), none);
  const [first, second] = [ask('ann'), ask('bob')];
  expect(codeOf(await ask('carl'))).toBe('overloaded');
  held.resolve();
  expect([codeOf(await first), codeOf(await second)]).toEqual(['not_member', 'not_member']);
});
