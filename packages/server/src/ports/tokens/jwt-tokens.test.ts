import { beforeEach, expect, test } from 'bun:test';
import { silentLog } from '@hongyan/base/log';
import type { UserId } from '@hongyan/protocol/ids';
import type { Result } from '@hongyan/protocol/refusals';
import { ManualClock } from '@hongyan/testing/manual-clock';
import { SignJWT } from 'jose';
import { JwtTokens } from './jwt-tokens.ts';
import { KeyRing, type KeySource, type KeyStore } from './key-ring.ts';

const bytesOf = (fill: number) => new Uint8Array(32).fill(fill);
const alice = 'alice' as UserId;
const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
const ttlS = 60;

let clock: ManualClock;
let sources: [KeySource, ...KeySource[]];
let reads: number;
let store: KeyStore;
let tokens: JwtTokens;
beforeEach(async () => {
  clock = new ManualClock();
  sources = [{ bytes: bytesOf(7) }];
  reads = 0;
  store = {
    read: async () => {
      reads++;
      return sources;
    },
    stamp: async () => sources.map(({ bytes }) => bytes[0]).join(),
  };
  tokens = await open();
});

/** As each process of a server has them. */
async function open(): Promise<JwtTokens> {
  return new JwtTokens({ keys: await KeyRing.open({ store, ttlS, clock, log: silentLog }), ttlS, clock });
}

function rotate(): void {
  const [{ bytes }, ...older] = sources;
  sources = [{ bytes: bytesOf(sources.length + 100) }, { bytes, retiredAtMs: clock.nowMs() }, ...older];
}

/** Each names another key that is not known. */
const forgedToken = (number: number) =>
  `${part({ alg: 'HS256', kid: `forged ${number}` })}.${part({ sub: 'alice', jti: 'x', exp: 9e9 })}.AAAA`;
const signed = async () => (await tokens.sign(alice)).accessToken;
const codeOf = (result: Result<unknown>) => (result.type === 'ok' ? 'ok' : result.code);

test('[A1] a token names its user, itself and the time of its issue, until it expires', async () => {
  const issuedAtMs = clock.nowMs();
  const { accessToken, expiresInS } = await tokens.sign(alice);
  expect(expiresInS).toBe(ttlS);
  const verified = await tokens.verify(accessToken);
  const expiresAtMs = Math.ceil(issuedAtMs / 1000 + ttlS) * 1000;
  expect(verified).toMatchObject({ type: 'ok', value: { userId: alice, issuedAtMs, expiresAtMs } });
  expect(await tokens.verify(accessToken)).toEqual(verified);
  await clock.advance(61_000);
  const expired = await tokens.verify(accessToken);
  expect(expired).toMatchObject({ type: 'refused', code: 'unauthorized' });
  expect(expired).toHaveProperty('message', expect.stringContaining('expired'));
});

test('two tokens of one user have two ids', async () => {
  const ids = await Promise.all(
    [1, 2].map(async () => {
      const verified = await tokens.verify(await signed());
      return verified.type === 'ok' ? verified.value.tokenId : '';
    }),
  );
  expect(new Set([...ids, '']).size).toBe(3);
});

test('[A11] a token is issued no earlier than issuedFromMs', async () => {
  const issuedFromMs = clock.nowMs() + 5_001;
  const verified = await tokens.verify((await tokens.sign(alice, { issuedFromMs })).accessToken);
  expect(verified).toMatchObject({ value: { issuedAtMs: issuedFromMs } });
});

test('a token may have a tier and a separate lifetime', async () => {
  const verified = await tokens.verify((await tokens.sign(alice, { tier: 'paid', ttlS: 5 })).accessToken);
  expect(verified).toMatchObject({ value: { tier: 'paid', expiresAtMs: Math.ceil(clock.nowMs() / 1000 + 5) * 1000 } });
});

test('[A2] tokens of another secret, without algorithm, changed or garbage are refused', async () => {
  const claims = { sub: 'alice', jti: 'x', exp: clock.nowMs() / 1000 + 60 };
  const [head = '', , signature = ''] = (await signed()).split('.');
  const hs = (alg: string, fill: number, more: object = {}) =>
    new SignJWT({ ...claims, ...more }).setProtectedHeader({ alg }).sign(new Uint8Array(64).fill(fill));
  const forged = [
    await hs('HS256', 8),
    await hs('HS512', 7),
    `${part({ alg: 'none' })}.${part(claims)}.`,
    `${part({ alg: 'None', typ: 'JWT' })}.${part(claims)}.${signature}`,
    `${head}.${part({ ...claims, sub: 'bob' })}.${signature}`,
    `${part({ alg: 'HS256', kid: '../../dev/null' })}.${part(claims)}.${signature}`,
    `${part({ alg: 'HS256', kid: 7 })}.${part(claims)}.${signature}`,
    `${part({ alg: 'HS256', jwk: { kty: 'oct', k: 'AAAA' } })}.${part(claims)}.${signature}`,
    'garbage',
    '',
    'a.b.c',
    `${'x'.repeat(10_000)}`,
  ];
  for (const token of forged)
    expect([token.slice(0, 60), codeOf(await tokens.verify(token))]).toEqual([token.slice(0, 60), 'unauthorized']);
});

test('[A2] signed with the right secret, but of no user, without an end, or of too long a life', async () => {
  const sign = (claims: object) => new SignJWT({ ...claims }).setProtectedHeader({ alg: 'HS256' }).sign(bytesOf(7));
  const nowS = Math.floor(clock.nowMs() / 1000);
  const good = { sub: 'alice', jti: 'x', exp: nowS + 60 };
  expect(codeOf(await tokens.verify(await sign(good)))).toBe('ok');
  const bad = [
    { ...good, sub: 'no spaces' },
    { ...good, exp: nowS + 400 * 86_400 },
    { ...good, nbf: nowS + 60 },
    { sub: 'alice', jti: 'x' },
    { sub: 'alice', exp: nowS + 60 },
    { jti: 'x', exp: nowS + 60 },
  ];
  for (const claims of bad)
    expect([claims, codeOf(await tokens.verify(await sign(claims)))]).toEqual([claims, 'unauthorized']);
});

test('[A6] after a rotation tokens of before are good until they expire, and new ones are signed with the new key', async () => {
  const before = await signed();
  rotate();
  const after = await signed();
  expect([codeOf(await tokens.verify(before)), codeOf(await tokens.verify(after))]).toEqual(['ok', 'ok']);
  sources = [sources[0]];
  const fresh = await open();
  expect([codeOf(await fresh.verify(before)), codeOf(await fresh.verify(after))]).toEqual(['unauthorized', 'ok']);
});

test('[A6] a process that has not read the new key yet reads it for the first token that names it', async () => {
  const gateway = await open();
  for (let turn = 0; turn < 5; turn++) {
    rotate();
    expect(codeOf(await gateway.verify(await signed()))).toBe('ok');
  }
});

test('[A6] a look at the store that began before the rotation does not hide its key', async () => {
  const gateway = await open();
  const begun = Promise.withResolvers<string>();
  const { stamp } = store;
  const before = await stamp();
  store.stamp = () => begun.promise;
  const forged = gateway.verify(forgedToken(0));
  store.stamp = stamp;
  rotate();
  const fresh = gateway.verify(await signed());
  begun.resolve(before);
  expect([codeOf(await forged), codeOf(await fresh)]).toEqual(['unauthorized', 'ok']);
});

test('[A6] while the store cannot be read the known keys verify, and tokens that name unknown ones ask it once a second at most', async () => {
  const before = await signed();
  let asked = 0;
  const { stamp } = store;
  store.stamp = () => Promise.reject(new Error(`asked ${++asked} times`));
  for (let index = 0; index < 50; index++) expect(codeOf(await tokens.verify(forgedToken(index)))).toBe('unauthorized');
  expect([asked, codeOf(await tokens.verify(before))]).toEqual([1, 'ok']);
  store.stamp = stamp;
  rotate();
  await clock.advance(1_000);
  expect(codeOf(await tokens.verify(await signed()))).toBe('ok');
});

test('[A6] a key that was rotated out verifies nothing that was signed after its tokens have expired', async () => {
  rotate();
  const old = await new SignJWT({ sub: 'alice', jti: 'x' })
    .setProtectedHeader({ alg: 'HS256' })
    .setExpirationTime(Math.floor(clock.nowMs() / 1000) + 86_400)
    .sign(bytesOf(7));
  expect(codeOf(await tokens.verify(old, { isOnce: true }))).toBe('ok');
  await clock.advance((ttlS + 61) * 1000);
  expect(codeOf(await tokens.verify(old, { isOnce: true }))).toBe('unauthorized');
});

test('[A2] tokens that name unknown keys make the file be read only when it has changed', async () => {
  reads = 0;
  for (let index = 0; index < 50; index++) await tokens.verify(forgedToken(index));
  expect(reads).toBe(0);
  rotate();
  for (let index = 0; index < 50; index++) await tokens.verify(forgedToken(index));
  expect(reads).toBe(1);
});

test('[A2] a token of the longest life is good from the moment it is issued', async () => {
  const keys = await KeyRing.open({ store, ttlS, clock, log: silentLog });
  const longest = new JwtTokens({ keys, ttlS: 31_536_000, clock });
  for (let count = 0; count < 10; count++) {
    expect((await longest.verify((await longest.sign(alice)).accessToken)).type).toBe('ok');
    clock.advance(137);
  }
  const { accessToken } = await longest.sign(alice);
  clock.step(-3_600_000);
  expect((await longest.verify(accessToken)).type).toBe('ok');
});
