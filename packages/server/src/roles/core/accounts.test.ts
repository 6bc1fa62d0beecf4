// Accounts through the core: names, passwords, and ids that differ in case alone.

import { afterEach, beforeEach, expect, spyOn, test } from 'bun:test';
import { rejectionOf } from '@hongyan/testing/rejection';
import { accepted, caller, codeOf, openWorld, user, type World } from './testing/world.ts';

let world: World;
beforeEach(async () => {
  world = await openWorld({ pageMax: 3 });
});
afterEach(() => world.close());

const anyone = { address: '127.0.0.1' };
const password = 'correct horse battery';
const signup = (id: string, more: { readonly password?: string; readonly display_name?: string } = {}) =>
  world.core.signup(anyone, { user_id: user(id), password, ...more });
const login = (id: string, typed = password) => world.core.login(anyone, { user_id: user(id), password: typed });

test('an account is granted a token at once, and its name is its id where none is given', async () => {
  const granted = { token_type: 'Bearer', access_token: 'token of ann', expires_in: 60 };
  expect(accepted(await signup('ann'))).toEqual({
    ...granted,
    token_type: 'Bearer',
    user: { user_id: user('ann'), display_name: 'ann' },
  });
  expect(accepted(await login('ann'))).toMatchObject(granted);
  expect(accepted(await world.core.getMe(caller('ann'), {}))).toMatchObject({ display_name: 'ann' });
});

test('ids that differ in case alone are one account: taken once, and opened by either', async () => {
  accepted(await signup('Ann'));
  expect(await signup('ANN')).toMatchObject({ type: 'refused', code: 'conflict' });
  expect(accepted(await login('ann')).user.user_id).toBe(user('Ann'));
  expect(accepted(await world.core.getUser(caller('Ann'), { user_id: user('aNN') })).user_id).toBe(user('Ann'));
});

test('of sign-ups with the same id at once, one is granted', async () => {
  const codes = (await Promise.all(['bob', 'Bob', 'BOB'].map((id) => signup(id)))).map(codeOf);
  expect(codes.toSorted()).toEqual(['conflict', 'conflict', 'ok']);
});

test('a name is trimmed and composed, and refused where it shows nothing or disturbs other text', async () => {
  const named = accepted(await signup('ann', { display_name: '  Zoe\u0301 雁  ' }));
  expect(named.user.display_name).toBe('Zo\u00e9 雁');
  for (const name of ['', '   ', '\u2800', 'a\u202eb', 'a\u0000b', 'a\ud800'])
    expect({ name, code: codeOf(await signup('bob', { display_name: name })) }).toEqual({ name, code: 'bad_request' });
  expect(codeOf(await signup('bob', { display_name: 'x'.repeat(65) }))).toBe('too_large');
  expect(codeOf(await world.core.getUser(caller('ann'), { user_id: user('bob') }))).toBe('not_found');
});

test('a password that guessing tries first is refused, and forms of Unicode that look alike are one', async () => {
  for (const bad of ['short', 'password', 'aaaaaaaaaa', 'a\u0000bcdefghi'])
    expect({ bad, code: codeOf(await signup('ann', { password: bad })) }).toEqual({ bad, code: 'bad_request' });
  expect(codeOf(await signup('longenough', { password: 'LongEnough' }))).toBe('bad_request');
  accepted(await signup('ann', { password: 'cafe\u0301 au lait' }));
  expect(codeOf(await login('ann', 'caf\u00e9\u00a0au lait'))).toBe('ok');
  expect(codeOf(await login('ann', 'Caf\u00e9 au lait'))).toBe('unauthorized');
});

test('a wrong password and an unknown user are refused alike, at the cost of one hash each', async () => {
  accepted(await signup('ann'));
  const verify = spyOn(Bun.password, 'verify');
  try {
    const [wrong, unknown] = [await login('ann', 'wrong horse battery'), await login('nobody')];
    expect(wrong).toEqual(unknown);
    expect(codeOf(wrong)).toBe('unauthorized');
    expect(verify).toHaveBeenCalledTimes(2);
  } finally {
    verify.mockRestore();
  }
});

test('a hash that failed for an unknown user is computed again by the next login', async () => {
  const hash = spyOn(Bun.password, 'hash').mockImplementationOnce(() => Promise.reject(new Error('no memory')));
  try {
    expect(await rejectionOf(login('nobody'))).toBeInstanceOf(Error);
    expect(codeOf(await login('nobody'))).toBe('unauthorized');
    expect(codeOf(await login('nobody'))).toBe('unauthorized');
    expect(hash).toHaveBeenCalledTimes(2);
  } finally {
    hash.mockRestore();
  }
});

test('[D8] attempts on one account from one address wait in a short line; another account is served', async () => {
  accepted(await signup('ann'));
  const attempts = Array.from({ length: 20 }, () => login('ann', 'wrong horse battery'));
  const other = login('nobody');
  const codes = (await Promise.all(attempts)).map(codeOf);
  expect(new Set(codes)).toEqual(new Set(['unauthorized', 'overloaded']));
  expect(codeOf(await other)).toBe('unauthorized');
});

test('where sign-up is disabled it is refused, and log-in works', async () => {
  await world.close();
  world = await openWorld({ isSignupEnabled: false });
  await world.people('ann');
  expect(codeOf(await signup('bob'))).toBe('forbidden');
  expect(codeOf(await login('bob'))).toBe('unauthorized');
});

test('a search finds users by the start of their id or of a word of their name, no more than a page', async () => {
  await world.people('ann', 'anna', 'annika', 'anton', 'bob');
  const search = async (query: string, limit?: number) =>
    accepted(await world.core.searchUsers(caller('ann'), { query, ...(limit ? { limit } : {}) })).users.map(
      ({ user_id }) => String(user_id),
    );
  expect(await search('BO')).toEqual(['bob']);
  expect(await search('an', 2)).toHaveLength(2);
  expect(await search('an', 500)).toHaveLength(3);
  expect(await search('nn')).toEqual([]);
});
