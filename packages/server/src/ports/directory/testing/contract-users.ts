// The contract of accounts, of the search for people, and of devices.

import { expect, test } from 'bun:test';
import type { UserId } from '@hongyan/protocol/ids';
import { type Current, group, memberOf, newUser, user } from './builders.ts';

export function usersContract(current: Current): void {
  test('a user is stored once: an existing id is rejected and changes nothing', async () => {
    expect(await current().createUser(newUser('ann', 'Ann'))).toBe(true);
    expect(await current().createUser({ ...newUser('ann', 'Other'), passwordHash: 'other' })).toBe(false);
    const users = await current().getUsers([user('ann')]);
    expect([...users]).toEqual([[user('ann'), { userId: user('ann'), displayName: 'Ann', createdAtMs: 1 }]]);
    expect(await current().getPasswordHash(user('ann'))).toBe('$argon2id$ann');
    expect(await current().searchUsers({ query: 'other', limit: 10 })).toEqual([]);
  });

  test('ids that differ only in case are the same id: found in any case, returned as created', async () => {
    expect(await current().createUser(newUser('Ann.Lee'))).toBe(true);
    expect(await current().createUser(newUser('aNN.lEE'))).toBe(false);
    const users = await current().getUsers([user('ann.lee'), user('ANN.LEE')]);
    expect([...users].map(([asked, { userId }]) => [String(asked), String(userId)])).toEqual([
      ['ann.lee', 'Ann.Lee'],
      ['ANN.LEE', 'Ann.Lee'],
    ]);
    expect(await current().getPasswordHash(user('ANN.lee'))).toBe('$argon2id$Ann.Lee');
    expect(await current().setPasswordHash({ userId: user('ann.LEE'), passwordHash: 'new' })).toBe(true);
    expect(await current().getPasswordHash(user('Ann.Lee'))).toBe('new');
    // What is so already is set all the same.
    expect(await current().setPasswordHash({ userId: user('Ann.Lee'), passwordHash: 'new' })).toBe(true);
  });

  test('of two sign-ups with one id at once, in any case, one wins', async () => {
    const won = await Promise.all(['ann', 'Ann', 'ANN'].map((id) => current().createUser(newUser(id))));
    expect(won.filter((isMine) => isMine)).toHaveLength(1);
  });

  test('[A25] a name and whether the user is let in are changed apart, in any case of the id, and found at once', async () => {
    await current().createUser(newUser('Ann', 'Ann Lee'));
    const find = async (query: string) =>
      (await current().searchUsers({ query, limit: 9 })).map(({ userId }) => userId);
    expect(await current().updateUser({ userId: user('ANN'), displayName: 'Anna Jones' })).toBe(true);
    expect([await find('lee'), await find('jones'), await find('anna')]).toEqual([[], [user('Ann')], [user('Ann')]]);
    expect(await current().updateUser({ userId: user('ann'), isDisabled: true })).toBe(true);
    expect((await current().getUsers([user('ann')])).get(user('ann'))).toMatchObject({
      userId: user('Ann'),
      displayName: 'Anna Jones',
      isDisabled: true,
    });
    expect(await current().updateUser({ userId: user('ann'), isDisabled: false })).toBe(true);
    expect((await current().getUsers([user('ann')])).get(user('ann'))).not.toHaveProperty('isDisabled');
    expect(await current().updateUser({ userId: user('nobody'), displayName: 'x' })).toBe(false);
    expect(await find('x')).toEqual([]);
  });

  test('[A24] a user without a password has none', async () => {
    const { passwordHash: _none, ...rest } = newUser('ann');
    expect(await current().createUser(rest)).toBe(true);
    expect(await current().getPasswordHash(user('ann'))).toBeUndefined();
    expect(await current().setPasswordHash({ userId: user('ann'), passwordHash: 'new' })).toBe(true);
    expect(await current().getPasswordHash(user('ann'))).toBe('new');
  });

  test('[L3] a tier is set, changed and removed, in any case of the id, and never of an unknown user', async () => {
    await current().createUser(newUser('Ann'));
    expect(await current().getTier(user('ann'))).toBeUndefined();
    expect(await current().setTier({ userId: user('ANN'), tier: 'paid' })).toBe(true);
    expect(await current().getTier(user('ann'))).toBe('paid');
    expect(await current().setTier({ userId: user('ann'), tier: 'paid' })).toBe(true);
    expect(await current().setTier({ userId: user('ann'), tier: undefined })).toBe(true);
    expect(await current().getTier(user('Ann'))).toBeUndefined();
    expect(await current().setTier({ userId: user('nobody'), tier: 'paid' })).toBe(false);
    expect(await current().getTier(user('nobody'))).toBeUndefined();
  });

  test('an unknown user is absent, and has no password to change', async () => {
    await current().createUser(newUser('ann'));
    expect([...(await current().getUsers([user('nobody'), user('ann')])).keys()]).toEqual([user('ann')]);
    expect((await current().getUsers([])).size).toBe(0);
    expect(await current().getPasswordHash(user('nobody'))).toBeUndefined();
    expect(await current().setPasswordHash({ userId: user('nobody'), passwordHash: 'x' })).toBe(false);
    expect(await current().getPasswordHash(user('nobody'))).toBeUndefined();
  });

  test('an id mentioned by a membership is no user until it is created, in whatever case', async () => {
    await current().createConversation(group('g:1', ['ann', 'bob']));
    expect((await current().getUsers([user('ann'), user('bob')])).size).toBe(0);
    expect(await current().searchUsers({ query: 'ann', limit: 10 })).toEqual([]);
    expect(await current().listUsers({ limit: 10 })).toEqual([]);
    expect(await current().setPasswordHash({ userId: user('ann'), passwordHash: 'x' })).toBe(false);
    expect(await current().createUser(newUser('Ann'))).toBe(true);
    expect(await memberOf(current(), 'ann')).toMatchObject({ userId: user('Ann'), role: 'owner' });
    expect((await current().getUsers([user('ann')])).size).toBe(1);
  });

  test('users are listed page by page, by id in any case', async () => {
    for (const id of ['carl', 'Bob', 'ann', 'Dan', 'eve']) await current().createUser(newUser(id));
    const listed: string[] = [];
    for (let after: UserId | undefined; ; ) {
      const page = await current().listUsers({ limit: 2, ...(after && { after }) });
      listed.push(...page.map(({ userId }) => userId));
      after = page.at(-1)?.userId;
      if (after === undefined) break;
    }
    expect(listed).toEqual(['ann', 'Bob', 'carl', 'Dan', 'eve']);
  });
}

export function searchContract(current: Current): void {
  const search = async (query: string, limit = 10) =>
    (await current().searchUsers({ query, limit })).map(({ userId }) => String(userId));

  test('users whose id starts with the query come first, by id, then those found by name, by word; each user once, up to the limit', async () => {
    for (const [id, name] of [
      ['dan', 'Anna'],
      ['Ann', 'x'],
      ['carl', 'Hannah'],
      ['ann2', '安'],
      ['aa', 'anna b'],
      ['annex', 'Annex'],
      ['eve', 'Annika Annabel Annette'],
    ])
      await current().createUser(newUser(id ?? '', name));
    expect(await search('aNN')).toEqual(['Ann', 'ann2', 'annex', 'dan', 'aa', 'eve']);
    expect(await search('ann', 2)).toEqual(['Ann', 'ann2']);
    expect(await search('ann', 5)).toEqual(['Ann', 'ann2', 'annex', 'dan', 'aa']);
    expect(await search('ann', 0)).toEqual([]);
    expect(await search('安')).toEqual(['ann2']);
    expect(await search('nna')).toEqual([]);
    expect(await search('')).toEqual([]);
  });

  test.each([
    ['Alice Jones', ['ali', 'JONES', 'alice j', 'alice  jones']],
    ['Mary-Ann Lee', ['mary', 'ann', 'lee', 'mary-a']],
    ['Иван Петров', ['иван', 'ПЕТР']],
    ['张伟', ['张', '伟', '张伟']],
    ['Rene\u0301e', ['ren\u00e9', 'rene\u0301', 'REN\u00c9E']],
    ['Ren\u00e9e', ['ren\u00e9', 'rene\u0301', 'REN\u00c9E']],
    ['ÅNGSTRÖM', ['ång']],
    ['Ωmega', ['ωme']],
    ['ＦＵＬＬ', ['full']],
  ])('%j is found by a prefix of each of its words, folded', async (name, queries) => {
    await current().createUser(newUser('u1', name));
    await current().createUser(newUser('u2', 'Somebody Else'));
    for (const query of queries) expect([query, await search(query)]).toEqual([query, ['u1']]);
  });

  test('wildcards and SQL in a search are literal', async () => {
    const names = ['50%', '50 percent', 'a_b', 'axb', 'back\\slash', "o'hara", 'Ann*'];
    for (const [index, name] of names.entries()) await current().createUser(newUser(`u${index}`, name));
    const found = async (query: string) =>
      (await current().searchUsers({ query, limit: 10 })).map(({ displayName }) => displayName);
    expect(await found('50%')).toEqual(['50%']);
    expect(await found('a_')).toEqual(['a_b']);
    expect(await found('back\\')).toEqual(['back\\slash']);
    expect(await found("o'")).toEqual(["o'hara"]);
    for (const query of ['%', '_', '*', "' OR 1=1 --", '\u0000'])
      expect([query, await found(query)]).toEqual([query, []]);
  });
}
