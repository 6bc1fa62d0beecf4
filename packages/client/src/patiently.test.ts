import { expect, test } from 'bun:test';
import { ManualClock } from '@hongyan/testing/manual-clock';
import { rejectionOf } from '@hongyan/testing/rejection';
import { ClientError } from './client-error.ts';
import { patiently } from './patiently.ts';

const limited = (retryAfterMs?: number) =>
  new ClientError('rate_limited', 'wait', retryAfterMs === undefined ? {} : { retryAfterMs });

function rig(refusals: readonly ClientError[]) {
  const clock = new ManualClock();
  const left = [...refusals];
  let asked = 0;
  const ask = async () => {
    asked++;
    const refusal = left.shift();
    if (refusal) throw refusal;
    return 'answer';
  };
  const life = new AbortController();
  const result = patiently({ clock, random: () => 0.5, signal: life.signal }, ask);
  const pass = async (ms: number) => {
    for (let turn = 0; turn < 10; turn++) await Promise.resolve();
    clock.advance(ms);
    for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  };
  return { result, pass, asked: () => asked, life, clock };
}

test('[C12] a request that is refused for its rate is sent again when the server said, and answered', async () => {
  const { result, pass, asked } = rig([limited(200), limited(100)]);
  await pass(249);
  expect(asked()).toBe(1);
  await pass(1);
  expect(asked()).toBe(2);
  await pass(150);
  expect(await result).toBe('answer');
  expect(asked()).toBe(3);
});

test('[C12] what would have to wait over a minute, is not told how long, or was refused for another reason, rejects', async () => {
  for (const error of [limited(60_001), limited(), new ClientError('overloaded', 'busy', { retryAfterMs: 1 })]) {
    const { result, asked } = rig([error]);
    expect(await rejectionOf(result)).toBe(error);
    expect(asked()).toBe(1);
  }
});

test('a wait ends with the life that it belongs to, and leaves no timer behind', async () => {
  const { result, pass, asked, life, clock } = rig([limited(200)]);
  const rejection = rejectionOf(result);
  await pass(0);
  const reason = new ClientError('unavailable', 'the connection was lost');
  life.abort(reason);
  expect(await rejection).toBe(reason);
  expect([asked(), clock.nextInMs]).toEqual([1, undefined]);
});
