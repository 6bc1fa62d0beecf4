import { expect, test } from 'bun:test';
import { systemClock } from '@hongyan/base/clock';
import type { UserId } from '@hongyan/protocol/ids';
import { JwtTokens } from './jwt-tokens.ts';

const secret = new Uint8Array(32).fill(7);
let now = 1_764_000_000_000;
const clock = { ...systemClock, nowMs: () => now };
const tokens = new JwtTokens({ secret, ttlS: 60, clock });
const alice = 'alice' as UserId;
const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

test('a token names its user and itself until it expires', async () => {
  const { accessToken, expiresInS } = await tokens.sign(alice);
  expect(expiresInS).toBe(60);
  const verified = await tokens.verify(accessToken);
  expect(verified).toMatchObject({ type: 'ok', value: { userId: alice, expiresAtMs: now + 60_000 } });
  expect(await tokens.verify(accessToken)).toEqual(verified);
  now += 61_000;
  expect(await tokens.verify(accessToken)).toMatchObject({ type: 'refused', code: 'unauthorized' });
});

test('two tokens of one user have two ids', async () => {
  const ids = await Promise.all(
    [1, 2].map(async () => {
      const verified = await tokens.verify((await tokens.sign(alice)).accessToken);
      return verified.type === 'ok' ? verified.value.tokenId : '';
    }),
  );
  expect(new Set([...ids, '']).size).toBe(3);
});

test('tokens of another secret, without algorithm, changed or garbage are refused', async () => {
  const claims = { sub: 'alice', jti: 'x', exp: now / 1000 + 60 };
  const [head = '', , signature = ''] = (await tokens.sign(alice)).accessToken.split('.');
  const other = new JwtTokens({ secret: new Uint8Array(32).fill(8), ttlS: 60, clock });
  const forged = [
    (await other.sign(alice)).accessToken,
    `${part({ alg: 'none' })}.${part(claims)}.`,
    `${head}.${part({ ...claims, sub: 'bob' })}.${signature}`,
    'garbage',
    '',
    'a.b.c',
    `${'x'.repeat(10_000)}`,
  ];
  for (const token of forged)
    expect(await tokens.verify(token)).toMatchObject({ type: 'refused', code: 'unauthorized' });
});
