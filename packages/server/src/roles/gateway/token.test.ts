import { expect, test } from 'bun:test';
import { systemClock } from '@hongyan/base/clock';
import type { UserId } from '@hongyan/protocol/ids';
import { createTokens } from './token.ts';

const secret = new Uint8Array(32).fill(7);
let now = 1_764_000_000_000;
const clock = { ...systemClock, nowMs: () => now };
const tokens = createTokens({ secret, ttlS: 60, clock });
const alice = 'alice' as UserId;
const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

test('a token tells whose it is until it expires', async () => {
  const token = await tokens.sign(alice);
  expect(await tokens.verify(token)).toMatchObject({ type: 'ok', userId: alice, expiresAtMs: now + 60_000 });
  now += 61_000;
  expect(await tokens.verify(token)).toEqual({ type: 'invalid', reason: 'the token has expired' });
});

test('tokens of another secret, without algorithm, changed or garbage are refused', async () => {
  const claims = { sub: 'alice', jti: 'x', exp: now / 1000 + 60 };
  const [head = '', , signature = ''] = (await tokens.sign(alice)).split('.');
  const forged = [
    await createTokens({ secret: new Uint8Array(32).fill(8), ttlS: 60, clock }).sign(alice),
    `${part({ alg: 'none' })}.${part(claims)}.`,
    `${head}.${part({ ...claims, sub: 'bob' })}.${signature}`,
    'garbage',
    '',
    'a.b.c',
    `${'x'.repeat(10_000)}`,
  ];
  for (const token of forged) expect((await tokens.verify(token)).type).toBe('invalid');
});
