// Tokens of an identity provider: which are accepted, which are rejected, and which requests the provider receives. Its JWKS comes from a
// real server on loopback.

import { afterEach, beforeEach, expect, test } from 'bun:test';
import { createSign, generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LogFields, silentLog } from '@hongyan/base/log';
import { ok } from '@hongyan/base/result';
import type { UserId } from '@hongyan/protocol/ids';
import { type Result, refusal } from '@hongyan/protocol/refusals';
import { ManualClock } from '@hongyan/testing/manual-clock';
import { until } from '@hongyan/testing/until';
import { serve } from 'bun';
import { exportJWK, exportSPKI, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose';
import { IssuerTokens } from './issuer-tokens.ts';
import { Jwks } from './jwks.ts';
import { JwtTokens } from './jwt-tokens.ts';
import { KeyRing } from './key-ring.ts';
import type { VerifiedToken } from './tokens.ts';

const issuer = 'https://id.example.org';
const audience = 'chat';
const secret = new Uint8Array(32).fill(7);

interface Signer {
  readonly alg: string;
  readonly kid: string;
  readonly jwk: JWK;
  sign(claims: JWTPayload, header?: object): Promise<string>;
  readonly pem: string;
}

async function newSigner(alg: string, kid: string): Promise<Signer> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  return {
    ...{ alg, kid, jwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' }, pem: await exportSPKI(publicKey) },
    sign: (claims, header = {}) => new SignJWT(claims).setProtectedHeader({ alg, kid, ...header }).sign(privateKey),
  };
}

let clock: ManualClock;
/** `answer`: the provider's responses wait for it. */
let provider: { jwks: { keys: JWK[] }; status: number; asked: number; answer?: Promise<void> };
let server: ReturnType<typeof serve>;
let es: Signer;
beforeEach(async () => {
  clock = new ManualClock();
  es = await newSigner('ES256', 'es-1');
  const own: typeof provider = { jwks: { keys: [es.jwk] }, status: 200, asked: 0 };
  provider = own;
  server = serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: async () => {
      own.asked++;
      await own.answer;
      return Response.json(own.jwks, { status: own.status });
    },
  });
});
afterEach(() => server.stop(true));

/** `isRead`: the keys of the issuer have been read once. */
async function open({ source = `${server.url}jwks.json`, userClaim = 'sub', isRead = true } = {}) {
  const store = { read: async () => [{ bytes: secret }] as const, stamp: async () => '' };
  const keys = await KeyRing.open({ store, ttlS: 60, clock, log: silentLog });
  const own = new JwtTokens({ keys, ttlS: 60, clock });
  const jwks = new Jwks({ source, clock, log: silentLog });
  const closing = new AbortController();
  jwks.start(closing.signal);
  // An unknown key waits for the read in flight.
  const answered = () => jwks.keyFor({ alg: 'ES256', kid: 'unknown' }, { payload: '', signature: '' }).catch(() => {});
  if (isRead) await answered();
  const admitted: unknown[] = [];
  const warnings: unknown[] = [];
  const log = { ...silentLog, warn: (_line: string, fields?: LogFields) => void warnings.push(fields?.kid) };
  const tokens = new IssuerTokens({
    ...{ own, jwks, issuer, audience, userClaim, clock, log, cacheMax: 100 },
    admit: async (user) => {
      admitted.push(user);
      return user.userId === 'gone' ? refusal.noAccount(user.userId) : ok(user.userId.toLowerCase() as UserId);
    },
  });
  return { tokens, own, admitted, warnings, jwks, answered, closing };
}

const claims = (more: JWTPayload = {}): JWTPayload => ({
  sub: 'alice',
  iss: issuer,
  aud: audience,
  iat: Math.floor(clock.nowMs() / 1000),
  exp: Math.floor(clock.nowMs() / 1000) + 600,
  ...more,
});
const codeOf = (result: Result<unknown>) => (result.type === 'ok' ? 'ok' : result.code);
const accepted = (result: Result<VerifiedToken>): VerifiedToken => {
  if (result.type !== 'ok') throw new Error(result.message);
  return result.value;
};

test.each(['RS256', 'ES256', 'EdDSA'])(
  '[A3] %s of the issuer is let in, and its user by the stored id',
  async (alg) => {
    const signer = await newSigner(alg, 'k');
    provider.jwks = { keys: [signer.jwk] };
    const { tokens, admitted } = await open();
    const verified = accepted(
      await tokens.verify(await signer.sign(claims({ sub: 'Alice', name: 'Alice A', tier: 'paid' }))),
    );
    expect(verified).toMatchObject({
      userId: 'alice',
      tier: 'paid',
      issuedAtMs: Math.floor(clock.nowMs() / 1000) * 1000,
    });
    expect(admitted).toEqual([{ userId: 'Alice', displayName: 'Alice A' }]);
  },
);

test('[A3] tokens of this server are let in beside them', async () => {
  const { tokens } = await open();
  expect(codeOf(await tokens.verify((await tokens.sign('bob' as UserId)).accessToken))).toBe('ok');
  expect(provider.asked).toBe(1);
});

test('[A2] the algorithm cannot be confused: public keys as secrets, none, and algorithms of no key are refused', async () => {
  const rsa = await newSigner('RS256', 'rsa');
  provider.jwks = {
    keys: [es.jwk, rsa.jwk, { kty: 'oct', kid: 'oct', alg: 'HS256', k: Buffer.from(secret).toString('base64url') }],
  };
  const { tokens } = await open();
  const hs = (key: string | Uint8Array, kid: string) =>
    new SignJWT(claims({ jti: 'x' }))
      .setProtectedHeader({ alg: 'HS256', kid })
      .sign(typeof key === 'string' ? new TextEncoder().encode(key) : key);
  const [, body = '', signature = ''] = (await es.sign(claims())).split('.');
  const header = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const forged = [
    await hs(rsa.pem, 'rsa'),
    await hs(rsa.pem.trim(), 'rsa'),
    await hs(JSON.stringify(es.jwk), 'es-1'),
    await hs(secret, 'oct'),
    `${header({ alg: 'none', kid: 'es-1' })}.${body}.`,
    `${header({ alg: 'RS256', kid: 'es-1' })}.${body}.${signature}`,
    `${header({ alg: 'ES256', kid: 'rsa' })}.${body}.${signature}`,
    `${header({ alg: 'ES256', kid: 'es-1', jwk: (await newSigner('ES256', 'own')).jwk })}.${body}.${signature}`,
    await (await newSigner('ES256', 'es-1')).sign(claims()),
    await (await newSigner('ES512', 'es-1')).sign(claims()),
  ];
  for (const [index, token] of forged.entries())
    expect([index, codeOf(await tokens.verify(token))]).toEqual([index, 'unauthorized']);
  expect(codeOf(await tokens.verify(await es.sign(claims())))).toBe('ok');
});

test('[A3] issuer, audience, times and user are checked', async () => {
  const { tokens } = await open();
  const nowS = Math.floor(clock.nowMs() / 1000);
  const bad: JWTPayload[] = [
    claims({ iss: 'https://other.example.org' }),
    claims({ aud: 'another service' }),
    claims({ aud: ['a', 'b'] }),
    claims({ exp: nowS + 400 * 86_400 }),
    claims({ sub: 'no spaces' }),
    claims({ sub: 'gone' }),
  ];
  for (const [name] of Object.entries({ iss: 0, aud: 0, exp: 0, sub: 0 })) {
    const { [name]: _left, ...rest } = claims();
    bad.push(rest);
  }
  for (const each of bad)
    expect([each, codeOf(await tokens.verify(await es.sign(each)))]).toEqual([each, 'unauthorized']);
  expect(codeOf(await tokens.verify(await es.sign(claims({ aud: ['a', audience] }))))).toBe('ok');
});

test('[A3] clocks may differ by half a minute, and no more', async () => {
  const { tokens } = await open();
  const nowS = Math.floor(clock.nowMs() / 1000);
  const codes = async (...all: JWTPayload[]) =>
    Promise.all(all.map(async (each) => codeOf(await tokens.verify(await es.sign(claims(each))))));
  expect(await codes({ exp: nowS - 29 }, { nbf: nowS + 29 }, { iat: nowS + 29 })).toEqual(['ok', 'ok', 'ok']);
  const beyond = await codes({ exp: nowS - 31 }, { nbf: nowS + 31 }, { iat: nowS + 31 });
  expect(beyond).toEqual(['unauthorized', 'unauthorized', 'unauthorized']);
});

test('[A2] a token that names an invalid or too weak key is rejected, and the key is logged once', async () => {
  const weak = generateKeyPairSync('rsa', { modulusLength: 1024 });
  provider.jwks = {
    keys: [
      { ...(weak.publicKey.export({ format: 'jwk' }) as JWK), kid: 'weak' },
      { kty: 'EC', crv: 'P-256', kid: 'none', x: 'AA', y: 'AA' },
    ],
  };
  const { tokens, warnings } = await open();
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  for (const header of [
    { alg: 'RS256', kid: 'weak' },
    { alg: 'ES256', kid: 'none' },
    { alg: 'RS256', kid: 'weak' },
  ]) {
    const text = `${part(header)}.${part(claims())}`;
    const signature = createSign('sha256').update(text).sign(weak.privateKey).toString('base64url');
    expect(codeOf(await tokens.verify(`${text}.${signature}`))).toBe('unauthorized');
  }
  expect(warnings).toEqual(['weak', 'none']);
});

test('the user id may be in another claim', async () => {
  const { tokens } = await open({ userClaim: 'preferred_username' });
  const signed = await es.sign(claims({ sub: '8a7f|x', preferred_username: 'carol' }));
  expect(accepted(await tokens.verify(signed)).userId).toBe('carol' as UserId);
});

test('[A10] the id of a token stays the same with another signature for the same text', async () => {
  const { tokens } = await open();
  const token = await es.sign(claims());
  const [header, body, signature = ''] = token.split('.');
  const bytes = Buffer.from(signature, 'base64url');
  const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
  const other = (order - BigInt(`0x${bytes.subarray(32).toString('hex')}`)).toString(16).padStart(64, '0');
  const twin = [
    header,
    body,
    Buffer.concat([bytes.subarray(0, 32), Buffer.from(other, 'hex')]).toString('base64url'),
  ].join('.');
  expect(twin).not.toBe(token);
  expect(accepted(await tokens.verify(twin)).tokenId).toBe(accepted(await tokens.verify(token)).tokenId);
  expect(accepted(await tokens.verify(await es.sign(claims({ jti: 'b' })))).tokenId).not.toBe(
    accepted(await tokens.verify(token)).tokenId,
  );
});

test('[A5] a key that the issuer adds is found when a token names it', async () => {
  const { tokens } = await open();
  const next = await newSigner('ES256', 'es-2');
  provider.jwks = { keys: [es.jwk, next.jwk] };
  await clock.advance(30_000);
  expect(codeOf(await tokens.verify(await next.sign(claims())))).toBe('ok');
  expect(provider.asked).toBe(2);
});

test('[A5] unknown keys do not make this server ask the issuer again and again', async () => {
  const { tokens } = await open();
  const forger = await newSigner('ES256', 'x');
  await clock.advance(30_000);
  const tries = Array.from({ length: 100 }, async (_, index) =>
    tokens.verify(await forger.sign(claims(), { kid: `x-${index}` })),
  );
  expect(new Set((await Promise.all(tries)).map(codeOf))).toEqual(new Set(['unauthorized']));
  for (let second = 0; second < 29; second++) {
    await clock.advance(1_000);
    await tokens.verify(await forger.sign(claims()));
  }
  expect(provider.asked).toBe(2);
});

test('[A5] while the issuer is down known keys work, unknown ones wait for it, and it is queried at most every five seconds', async () => {
  const { tokens } = await open();
  const next = await newSigner('ES256', 'es-2');
  provider.status = 503;
  await clock.advance(11 * 60_000);
  expect(codeOf(await tokens.verify(await es.sign(claims())))).toBe('ok');
  await until(() => provider.asked === 2);
  for (let index = 0; index < 20; index++)
    expect(codeOf(await tokens.verify(await next.sign(claims({ jti: `${index}` }))))).toBe('unavailable');
  expect(provider.asked).toBe(2);
  provider.status = 200;
  provider.jwks = { keys: [next.jwk] };
  await clock.advance(5_000);
  expect(codeOf(await tokens.verify(await next.sign(claims())))).toBe('ok');
});

test('[A5] a key that the issuer took away is refused after ten minutes, for tokens verified before too', async () => {
  const { tokens } = await open();
  const exp = Math.floor(clock.nowMs() / 1000) + 3_600;
  const token = await es.sign(claims({ exp }));
  expect(codeOf(await tokens.verify(token))).toBe('ok');
  provider.jwks = { keys: [(await newSigner('ES256', 'es-2')).jwk] };
  await clock.advance(10 * 60_000 + 1);
  const other = await es.sign(claims({ exp, jti: 'other' }));
  const results = await Promise.all([token, other, token].map((each) => tokens.verify(each)));
  expect(results.map(codeOf)).toEqual(['unauthorized', 'unauthorized', 'unauthorized']);
  expect(provider.asked).toBe(2);
});

test('[A5] so is a key that was removed while the issuer was down', async () => {
  const { tokens } = await open();
  const token = await es.sign(claims({ exp: Math.floor(clock.nowMs() / 1000) + 7_200 }));
  provider.status = 503;
  await clock.advance(10 * 60_000 + 1);
  expect(codeOf(await tokens.verify(token))).toBe('ok');
  provider.status = 200;
  provider.jwks = { keys: [(await newSigner('ES256', 'es-2')).jwk] };
  await clock.advance(3_600_000);
  const results = await Promise.all([token, token].map((each) => tokens.verify(each)));
  expect(results.map(codeOf)).toEqual(['unauthorized', 'unauthorized']);
});

test('[A5] while the issuer is down known keys do not wait for each attempt', async () => {
  const { tokens } = await open();
  const token = await es.sign(claims({ exp: Math.floor(clock.nowMs() / 1000) + 3_600 }));
  provider.status = 503;
  await clock.advance(10 * 60_000 + 1);
  expect(codeOf(await tokens.verify(token))).toBe('ok');
  const held = Promise.withResolvers<void>();
  provider.answer = held.promise;
  await clock.advance(5_000);
  expect(codeOf(await tokens.verify(token))).toBe('ok');
  await until(() => provider.asked === 3);
  held.resolve();
});

test('[A5] before the issuer has answered its tokens are rejected as unavailable, and it is queried again and again', async () => {
  provider.status = 500;
  const { tokens, jwks, answered } = await open();
  const token = await es.sign(claims());
  expect(codeOf(await tokens.verify(token))).toBe('unavailable');
  for (const [index, pauseMs] of [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000].entries()) {
    await clock.advance(pauseMs - 1);
    expect(provider.asked).toBe(index + 1);
    await clock.advance(1);
    await until(() => provider.asked === index + 2);
    await answered();
  }
  expect(jwks.keyCount).toBe(0);
  provider.status = 200;
  await clock.advance(30_000);
  await until(() => jwks.keyCount === 1);
  expect(codeOf(await tokens.verify(token))).toBe('ok');
  await clock.advance(60_000);
  expect(provider.asked).toBe(9);
});

test('[A5] a token that arrives during the first read of the keys waits for it', async () => {
  const { tokens } = await open({ isRead: false });
  expect(codeOf(await tokens.verify(await es.sign(claims())))).toBe('ok');
  expect(provider.asked).toBe(1);
});

test('[A5] a closing server does not query its issuer', async () => {
  provider.status = 500;
  const { closing } = await open();
  closing.abort();
  await clock.advance(60_000);
  expect(provider.asked).toBe(1);
});

test('[A3] the keys may be in a file, which is read again like a URL', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'hongyan-jwks-'));
  const source = join(folder, 'jwks.json');
  await Bun.write(source, JSON.stringify(provider.jwks));
  const { tokens } = await open({ source });
  expect(codeOf(await tokens.verify(await es.sign(claims())))).toBe('ok');
  const next = await newSigner('EdDSA', 'ed');
  await Bun.write(source, JSON.stringify({ keys: [next.jwk] }));
  await clock.advance(30_000);
  expect(codeOf(await tokens.verify(await next.sign(claims())))).toBe('ok');
  rmSync(folder, { recursive: true });
});
