// Accounts through the core: ids, names and passwords in any form, limits of guesses, and fair turns.

import { afterEach, expect, spyOn, test } from 'bun:test';
import { StoreFailure } from '@hongyan/base/result';
import type { AnonymousCaller } from '../../ports/core/core.ts';
import { hashPassword } from './accounts.ts';
import { failing } from './testing/faulty-port.ts';
import { accepted, caller, codeOf, openWorld, user, type World, type WorldOptions } from './testing/world.ts';

let world: World;
afterEach(() => world.close());
const open = async (options?: WorldOptions) => {
  world = await openWorld(options);
};

const here: AnonymousCaller = { address: '127.0.0.1' };
const there: AnonymousCaller = { address: '127.0.0.2' };
const good = 'correct horse battery';
const signup = (
  user_id: string,
  { password = good, display_name }: { password?: string; display_name?: string } = {},
) =>
  world.core.signup(here, {
    user_id: user(user_id),
    password,
    ...(display_name === undefined ? {} : { display_name }),
  });
const login = (user_id: string, password = good, from = here) =>
  world.core.login(from, { user_id: user(user_id), password });

test('an account is created once, and only its password opens it', async () => {
  await open();
  const granted = {
    ...{ access_token: 'token of ann', token_type: 'Bearer', expires_in: 60 },
    user: { user_id: 'ann', display_name: 'Ann 雁' },
  };
  expect(accepted(await signup('ann', { display_name: ' Ann 雁 ' }))).toEqual(granted as never);
  expect(accepted(await login('ann'))).toEqual(granted as never);
  expect(codeOf(await signup('ann'))).toBe('conflict');
  const [wrong, unknown] = [await login('ann', 'wrong horse battery'), await login('nobody')];
  expect(codeOf(wrong)).toBe('unauthorized');
  // Neither the message nor the code reveals which ids exist.
  expect(unknown).toEqual(wrong);
  expect(accepted(await world.core.getMe(caller('ann'), {}))).toEqual(granted.user as never);
  expect(codeOf(await world.core.getMe(caller('nobody'), {}))).toBe('not_found');
});

test('of several concurrent sign-ups with one id, one succeeds', async () => {
  await open();
  const outcomes = await Promise.all(['ann', 'Ann', 'ANN'].map((id) => signup(id)));
  expect(outcomes.map(codeOf).toSorted()).toEqual(['conflict', 'conflict', 'ok']);
});

test('ids are case-insensitive, and shown in the spelling of their creation', async () => {
  await open();
  accepted(await signup('Ann'));
  expect(codeOf(await signup('aNN'))).toBe('conflict');
  expect(accepted(await login('ANN'))).toMatchObject({ access_token: 'token of Ann', user: { user_id: 'Ann' } });
  expect(accepted(await world.core.getUser(caller('Ann'), { user_id: user('ann') }))).toMatchObject({ user_id: 'Ann' });
});

test('without a display name the id is shown', async () => {
  await open();
  expect(accepted(await signup('ann')).user.display_name).toBe('ann');
});

test.each(['   ', '\u200b', '\u2060\u200d', '\u0000', '\n', 'a\u0007b', '\u202Ebob', 'half \ud83d', 'x'.repeat(65)])(
  'the display name %j is refused',
  async (display_name) => {
    await open();
    expect(['bad_request', 'too_large']).toContain(codeOf(await signup('ann', { display_name })));
    expect(codeOf(await world.core.getUser(caller('x'), { user_id: user('ann') }))).toBe('not_found');
  },
);

test.each([
  ['Alice', 'ali'],
  ['Иван Петров', 'иван'],
  ['Élise', 'élise'],
  ['ÅNGSTRÖM', 'ång'],
  ['Ωmega', 'ωmega'],
  ['Rene\u0301', 'Ren\u00e9'],
  ['Ren\u00e9e', 'rene\u0301e'],
  ['鸿雁', '雁'],
])('%s is found by %s', async (display_name, query) => {
  await open();
  accepted(await signup('p1', { display_name }));
  const { users } = accepted(await world.core.searchUsers(caller('p1'), { query }));
  expect(users.map(({ user_id }) => String(user_id))).toEqual(['p1']);
});

test('a search lists no more users than the page allows', async () => {
  await open({ pageMax: 2 });
  await world.people('ann', 'anna', 'anne', 'bob');
  const found = async (limit?: number) =>
    accepted(await world.core.searchUsers(caller('bob'), { query: 'an', ...(limit === undefined ? {} : { limit }) }))
      .users.length;
  expect([await found(), await found(1), await found(500)]).toEqual([2, 1, 2]);
});

test.each([
  ['short', 'seven77'],
  ['common', 'password'],
  ['common', '12345678'],
  ['common in capitals', 'PASSWORD'],
  ['spaces alone', ' '.repeat(8)],
  ['one letter', 'aaaaaaaa'],
  ['the user id', 'some.user.id'],
  ['seven letters in fourteen units', '😀😁😂🤣😃😄😅'],
  ['a control character', 'correct\u0000horse'],
  ['half a surrogate pair', 'correct \ud83d horse'],
])('a password that is %s is refused', async (_what, password) => {
  await open();
  expect(codeOf(await signup('some.user.id', { password }))).toBe('bad_request');
  expect(codeOf(await login('some.user.id', password))).toBe('unauthorized');
});

test('a password matches in any Unicode composition', async () => {
  await open();
  const [composed, decomposed] = ['caf\u00e9 ma\u00f1ana', 'cafe\u0301 man\u0303ana'];
  accepted(await signup('a', { password: composed }));
  accepted(await signup('b', { password: decomposed }));
  for (const id of ['a', 'b'])
    for (const password of [composed, decomposed]) expect(codeOf(await login(id, password))).toBe('ok');
  expect(codeOf(await login('a', 'cafe manana'))).toBe('unauthorized');
});

test('a password stored before normalisation was introduced still matches as typed', async () => {
  await open();
  const typed = 'cafe\u0301 man\u0303ana';
  const old = { userId: user('old'), displayName: 'old', createdAtMs: 1, passwordHash: await hashPassword(typed) };
  await world.directory.createUser(old);
  expect(codeOf(await login('old', typed))).toBe('ok');
  expect(codeOf(await login('old', typed.normalize('NFC')))).toBe('unauthorized');
  expect(codeOf(await login('old', ''))).toBe('unauthorized');
});

test('guesses at one account from one address wait in a short queue, and delay no other account or address', async () => {
  await open();
  accepted(await signup('ann'));
  accepted(await signup('bob'));
  const guesses = Array.from({ length: 40 }, (_, number) => login('ANN', `guess number ${number}`));
  const honest = [login('bob'), login('ann', good, there)];
  expect((await Promise.all(honest)).map(codeOf)).toEqual(['ok', 'ok']);
  const codes = (await Promise.all(guesses)).map(codeOf);
  expect(new Set(codes)).toEqual(new Set(['unauthorized', 'overloaded', 'rate_limited']));
  expect(codes.filter((code) => code === 'unauthorized')).toHaveLength(5);
  expect(codeOf(await login('ann', good, there))).toBe('ok');
});

test('a hash that could not be computed is computed again for the next login of an unknown user', async () => {
  await open();
  const hashing = spyOn(Bun.password, 'hash').mockRejectedValueOnce(new Error('no memory'));
  try {
    expect(await login('nobody').catch((error: Error) => error.message)).toBe('no memory');
    expect(codeOf((await login('nobody')) as never)).toBe('unauthorized');
    expect(codeOf((await login('nobody')) as never)).toBe('unauthorized');
    expect(hashing).toHaveBeenCalledTimes(2);
  } finally {
    hashing.mockRestore();
  }
});

test('with sign-up disabled no account is created, and existing users can log in', async () => {
  await open({ isSignupEnabled: false });
  expect(codeOf(await signup('ann'))).toBe('forbidden');
  const passwordHash = await hashPassword(good);
  await world.directory.createUser({ userId: user('bob'), displayName: 'bob', createdAtMs: 1, passwordHash });
  expect(codeOf(await login('bob'))).toBe('ok');
});

test('[A4] a user authenticated by an issuer is created once, in one spelling, without a password', async () => {
  await open();
  const admit = (userId: string, displayName?: string) =>
    world.core.admitUser({ userId: user(userId), ...(displayName === undefined ? {} : { displayName }) });
  const all = await Promise.all([admit('Ann', 'Ann A'), admit('ann'), admit('ANN')]);
  expect(new Set(all.map(accepted)).size).toBe(1);
  expect(accepted(await admit('bob', '\u202E'))).toBe(user('bob'));
  expect(accepted(await world.core.getUser(caller('x'), { user_id: user('bob') })).display_name).toBe('bob');
  expect(codeOf(await login('bob', ''))).toBe('unauthorized');
  expect(codeOf(await login('bob', 'undefined'))).toBe('unauthorized');
  expect(codeOf(await signup('bob'))).toBe('conflict');
});

test('[A4] an unknown user is refused if the application creates its users', async () => {
  await open({ given: (deps) => ({ ...deps, mayIssuerCreate: false }) });
  await world.people('ann');
  expect(accepted(await world.core.admitUser({ userId: user('ANN') }))).toBe(user('ann'));
  expect(codeOf(await world.core.admitUser({ userId: user('bob') }))).toBe('unauthorized');
});

test('a sign-up whose token cannot be issued is not reported as failed, because the account exists', async () => {
  const access: { failWith(error: Error | undefined): void } = { failWith: () => {} };
  await open({
    given(deps) {
      const { port, failWith } = failing(deps.access, 'issuedBefore');
      access.failWith = failWith;
      return { ...deps, access: port };
    },
  });
  access.failWith(new StoreFailure('unavailable', 'cannot be read now'));
  expect(codeOf(await signup('ann'))).toBe('unknown_outcome');
  access.failWith(undefined);
  expect(codeOf(await signup('ann'))).toBe('conflict');
  expect(codeOf(await login('ann'))).toBe('ok');
});
