// What every directory must do, whatever it is kept in: run by each adapter's test file.

import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import type { ConversationId, DeviceId, Seq, UserId } from '@hongyan/protocol/ids';
import type { Directory, NewConversation, ReceiptAdvance } from '../directory.ts';
import { positionProperties } from './properties.ts';
import type { DirectoryUnderTest } from './under-test.ts';

export function directoryContract(name: string, make: () => Promise<DirectoryUnderTest>): void {
  describe(name, () => {
    let made: DirectoryUnderTest;
    let directory: Directory;
    beforeEach(async () => {
      made = await make();
      directory = made.directory;
    });
    afterEach(() => made.remove());
    const current = () => directory;

    describe('users', () => usersContract(current));
    describe('conversations', () => conversationsContract(current));
    describe('members', () => membersContract(current));
    describe('receipts', () => receiptsContract(current));
    positionProperties(make);

    test('[D1] everything is there after it was closed and opened again', async () => {
      await directory.createUser(newUser('ann'));
      await directory.touchDevice({ userId: user('ann'), deviceId: device('phone'), atMs: 5 });
      await directory.createConversation(group('g:1', ['ann', 'bob']));
      await directory.advanceReceipts([advance({ deliveredSeq: seq(7), readSeq: seq(4) })]);
      const before = await everything(directory);
      directory = await made.reopen();
      expect(await everything(directory)).toEqual(before);
    });
  });
}

const user = (id: string) => id as UserId;
const device = (id: string) => id as DeviceId;
const conversation = (id: string) => id as ConversationId;
const seq = (value: number) => value as Seq;

const newUser = (id: string, displayName = id) => ({
  userId: user(id),
  displayName,
  createdAtMs: 1,
  passwordHash: `$argon2id$${id}`,
});

const group = (id: string, members: readonly string[], atMs = 10): NewConversation => ({
  conversationId: conversation(id),
  kind: 'group',
  title: `title of ${id}`,
  members: members.map((userId, index) => ({ userId: user(userId), role: index === 0 ? 'owner' : 'member' })),
  atMs,
});

const advance = (some: Partial<ReceiptAdvance> = {}): ReceiptAdvance => ({
  conversationId: conversation('g:1'),
  userId: user('ann'),
  deviceId: device('phone'),
  deliveredSeq: seq(0),
  readSeq: seq(0),
  atMs: 20,
  ...some,
});

const annIn = { conversationId: conversation('g:1'), userId: user('ann') };
const bobIn = { conversationId: conversation('g:1'), userId: user('bob') };

async function everything(directory: Directory) {
  return {
    user: await directory.getUser(user('ann')),
    hash: await directory.getPasswordHash(user('ann')),
    devices: await directory.devices(user('ann')),
    conversation: await directory.getConversation(conversation('g:1')),
    members: await directory.members({ conversationId: conversation('g:1'), limit: 10 }),
    receipts: await directory.deviceReceipts(annIn),
  };
}

function usersContract(current: () => Directory): void {
  test('a user is stored once: a taken id is refused and changes nothing', async () => {
    expect(await current().createUser(newUser('ann', 'Ann'))).toBe(true);
    expect(await current().createUser({ ...newUser('ann', 'Other'), passwordHash: 'other' })).toBe(false);
    expect(await current().getUser(user('ann'))).toEqual({ userId: user('ann'), displayName: 'Ann', createdAtMs: 1 });
    expect(await current().getPasswordHash(user('ann'))).toBe('$argon2id$ann');
  });

  test('of two sign-ups with one id at once, one wins', async () => {
    const won = await Promise.all([current().createUser(newUser('ann')), current().createUser(newUser('ann'))]);
    expect(won.filter((isMine) => isMine)).toHaveLength(1);
  });

  test('an unknown user is undefined, and left out of a list', async () => {
    await current().createUser(newUser('ann'));
    expect(await current().getUser(user('nobody'))).toBeUndefined();
    expect(await current().getPasswordHash(user('nobody'))).toBeUndefined();
    const found = await current().getUsers([user('nobody'), user('ann')]);
    expect(found.map(({ userId }) => userId)).toEqual([user('ann')]);
  });

  test('user ids that differ in case are two users', async () => {
    expect(await current().createUser(newUser('ann'))).toBe(true);
    expect(await current().createUser(newUser('Ann'))).toBe(true);
  });

  test('search finds ids by their beginning, then names, in any case, each in order and each user once, up to the limit', async () => {
    for (const [id, name] of [
      ['dan', 'Anna'],
      ['Ann', 'x'],
      ['carl', 'Hannah'],
      ['ann2', '安'],
      ['aa', 'anna b'],
      ['annex', 'Annex'],
    ])
      await current().createUser(newUser(id ?? '', name));
    const search = async (query: string, limit = 10) =>
      (await current().searchUsers({ query, limit })).map(({ userId }) => String(userId));
    expect(await search('aNN')).toEqual(['Ann', 'ann2', 'annex', 'dan', 'aa']);
    expect(await search('ann', 2)).toEqual(['Ann', 'ann2']);
    expect(await search('安')).toEqual(['ann2']);
    expect(await search('nna')).toEqual([]);
  });

  test('wildcards and SQL in a search stand for themselves', async () => {
    for (const name of ['50%', '50 percent', 'a_b', 'axb', 'back\\slash', "o'hara"])
      await current().createUser(newUser(`u${name.length}-${name.charCodeAt(1)}`, name));
    const search = async (query: string) =>
      (await current().searchUsers({ query, limit: 10 })).map(({ displayName }) => displayName);
    expect(await search('50%')).toEqual(['50%']);
    expect(await search('a_')).toEqual(['a_b']);
    expect(await search('back\\')).toEqual(['back\\slash']);
    expect(await search("o'")).toEqual(["o'hara"]);
    expect(await search('%')).toEqual([]);
    expect(await search("' OR 1=1 --")).toEqual([]);
  });

  test('a device is listed once, with the latest time it was seen, whatever the order of the news', async () => {
    for (const atMs of [5, 9, 7]) await current().touchDevice({ userId: user('ann'), deviceId: device('phone'), atMs });
    await current().touchDevice({ userId: user('bob'), deviceId: device('phone'), atMs: 1 });
    expect(await current().devices(user('ann'))).toEqual([{ deviceId: device('phone'), lastSeenMs: 9 }]);
    expect(await current().devices(user('nobody'))).toEqual([]);
  });
}

function conversationsContract(current: () => Directory): void {
  test('a conversation is stored with its members; a second one of the id changes nothing', async () => {
    expect(await current().createConversation(group('g:1', ['ann', 'bob']))).toBe(true);
    expect(await current().createConversation({ ...group('g:1', ['carl']), title: 'other' })).toBe(false);
    expect(await current().getConversation(conversation('g:1'))).toEqual({
      conversationId: conversation('g:1'),
      kind: 'group',
      title: 'title of g:1',
      createdAtMs: 10,
      memberCount: 2,
    });
    expect(await current().getMember({ ...annIn, userId: user('carl') })).toBeUndefined();
    expect(await current().getMember(annIn)).toEqual({
      ...annIn,
      role: 'owner',
      visibleFromSeq: seq(1),
      deliveredSeq: seq(0),
      readSeq: seq(0),
      updatedAtMs: 10,
    });
    expect((await current().getMember(bobIn))?.role).toBe('member');
  });

  test('a member named twice is counted once', async () => {
    await current().createConversation(group('g:1', ['ann', 'bob', 'ann']));
    expect((await current().getConversation(conversation('g:1')))?.memberCount).toBe(2);
    expect((await current().getMember(annIn))?.role).toBe('owner');
  });

  test('10,000 members at once are all there, page by page in order of their ids', async () => {
    const ids = Array.from({ length: 10_000 }, (_, index) => `u${String(index).padStart(5, '0')}`);
    await current().createConversation(group('g:1', ids.toReversed()));
    const found: string[] = [];
    for (let after: UserId | undefined; ; ) {
      const page = await current().members({
        conversationId: conversation('g:1'),
        limit: 3_000,
        ...(after === undefined ? {} : { after }),
      });
      found.push(...page.map(({ userId }) => String(userId)));
      after = page.at(-1)?.userId;
      if (after === undefined) break;
    }
    expect(found).toEqual(ids);
    expect((await current().getConversation(conversation('g:1')))?.memberCount).toBe(10_000);
  });

  test('a title changes where there is a conversation', async () => {
    await current().createConversation(group('g:1', ['ann']));
    const title = "'); DROP TABLE user; -- 鸿雁";
    expect(await current().setTitle({ conversationId: conversation('g:1'), title, atMs: 11 })).toBe(true);
    expect((await current().getConversation(conversation('g:1')))?.title).toBe(title);
    expect(await current().setTitle({ conversationId: conversation('g:2'), title, atMs: 11 })).toBe(false);
    expect(await current().getConversation(conversation('g:2'))).toBeUndefined();
  });
}

function membersContract(current: () => Directory): void {
  const bob = { ...bobIn, role: 'member', visibleFromSeq: seq(8), atMs: 30 } as const;

  test('[D5] a member who joins is counted once and keeps the first seq it may see', async () => {
    await current().createConversation(group('g:1', ['ann']));
    expect(await current().addMember(bob)).toBe(true);
    expect(await current().addMember({ ...bob, role: 'owner', visibleFromSeq: seq(1), atMs: 31 })).toBe(false);
    expect(await current().addMember({ ...bob, conversationId: conversation('g:none') })).toBe(false);
    expect(await current().getMember(bobIn)).toMatchObject({ role: 'member', visibleFromSeq: 8, updatedAtMs: 30 });
    expect((await current().getConversation(conversation('g:1')))?.memberCount).toBe(2);
  });

  test('at the bound nobody is added, however many ask at once; who is in stays in, and who leaves makes room', async () => {
    await current().createConversation(group('g:1', ['ann']));
    const join = (id: string) => current().addMember({ ...bob, userId: user(id), memberCountMax: 3 });
    const joined = await Promise.all(['u1', 'u2', 'u3', 'u4'].map(join));
    expect(joined).toEqual([true, true, false, false]);
    expect(await join('u1')).toBe(false);
    expect((await current().getConversation(conversation('g:1')))?.memberCount).toBe(3);
    expect(await current().getMember({ ...annIn, userId: user('u3') })).toBeUndefined();
    await current().removeMember({ ...annIn, userId: user('u1') });
    expect(await join('u3')).toBe(true);
  });

  test('[D7] a member who leaves takes the receipts of all devices along, and starts at 0 when back', async () => {
    await current().createConversation(group('g:1', ['ann', 'bob']));
    await current().createConversation(group('g:2', ['ann']));
    const elsewhere = { conversationId: conversation('g:2'), readSeq: seq(3) };
    await current().advanceReceipts([
      advance({ readSeq: seq(5) }),
      advance({ deviceId: device('laptop'), deliveredSeq: seq(6) }),
      advance(elsewhere),
    ]);
    expect(await current().removeMember(annIn)).toBe(true);
    expect(await current().removeMember(annIn)).toBe(false);
    expect(await current().getMember(annIn)).toBeUndefined();
    expect(await current().deviceReceipts(annIn)).toEqual([]);
    expect((await current().getConversation(conversation('g:1')))?.memberCount).toBe(1);
    const own = await current().receiptsOfDevice({ userId: user('ann'), deviceId: device('phone') });
    expect([...own.keys()]).toEqual([conversation('g:2')]);
    await current().addMember({ ...bob, userId: user('ann') });
    expect(await current().getMember(annIn)).toMatchObject({ deliveredSeq: 0, readSeq: 0, visibleFromSeq: 8 });
  });

  test('[D7] a member who joins later begins at the positions given', async () => {
    await current().createConversation(group('g:1', ['ann']));
    await current().addMember({ ...bob, readSeq: seq(7) });
    expect(await current().getMember(bobIn)).toMatchObject({ deliveredSeq: 7, readSeq: 7, visibleFromSeq: 8 });
  });

  test('memberships are exactly the conversations the user is in, each with its record', async () => {
    await current().createConversation(group('g:1', ['ann', 'bob']));
    await current().createConversation(group('g:2', ['bob']));
    await current().createConversation(group('g:3', ['carl', 'ann']));
    const mine = await current().memberships(user('ann'));
    expect(mine.map(({ member }) => String(member.conversationId)).toSorted()).toEqual(['g:1', 'g:3']);
    for (const { member, conversation: record } of mine) {
      expect(await current().getMember(member)).toEqual(member);
      expect(await current().getConversation(member.conversationId)).toEqual(record);
    }
    expect(await current().memberships(user('nobody'))).toEqual([]);
  });
}

function receiptsContract(current: () => Directory): void {
  beforeEach(() => current().createConversation(group('g:1', ['ann', 'bob', 'carl'])));

  test('[D7] read raises delivered; neither goes back; what did not move says so', async () => {
    const results = await current().advanceReceipts([
      advance({ readSeq: seq(5) }),
      advance({ deliveredSeq: seq(3), readSeq: seq(2) }),
      advance({ deliveredSeq: seq(9) }),
      advance({ deliveredSeq: seq(9), readSeq: seq(5) }),
    ]);
    expect(results.map(({ deliveredSeq, readSeq, changed }) => [deliveredSeq, readSeq, changed])).toEqual([
      [seq(5), seq(5), true],
      [seq(5), seq(5), false],
      [seq(9), seq(5), true],
      [seq(9), seq(5), false],
    ]);
  });

  test('[D7] each device has its own positions, the member those of the furthest', async () => {
    await current().advanceReceipts([
      advance({ deliveredSeq: seq(9), readSeq: seq(2) }),
      advance({ deviceId: device('laptop'), deliveredSeq: seq(6), readSeq: seq(4) }),
    ]);
    expect(await current().getMember(annIn)).toMatchObject({ deliveredSeq: 9, readSeq: 4 });
    const own = await current().deviceReceipts(annIn);
    expect(own.toSorted((a, b) => (a.deviceId < b.deviceId ? -1 : 1))).toEqual([
      { userId: user('ann'), deviceId: device('laptop'), deliveredSeq: seq(6), readSeq: seq(4) },
      { userId: user('ann'), deviceId: device('phone'), deliveredSeq: seq(9), readSeq: seq(2) },
    ]);
    const ofPhone = await current().receiptsOfDevice({ userId: user('ann'), deviceId: device('phone') });
    expect(ofPhone.get(conversation('g:1'))).toMatchObject({ deliveredSeq: 9, readSeq: 2 });
    expect((await current().receiptsOfDevice({ userId: user('bob'), deviceId: device('phone') })).size).toBe(0);
  });

  test('an advance of who is not a member changes nothing, beside others that do', async () => {
    const results = await current().advanceReceipts([
      advance({ userId: user('eve'), readSeq: seq(5) }),
      advance({ conversationId: conversation('g:none'), readSeq: seq(5) }),
      advance({ userId: user('bob'), readSeq: seq(5) }),
    ]);
    expect(results.map(({ changed }) => changed)).toEqual([false, false, true]);
    expect(await current().deviceReceipts({ ...annIn, userId: user('eve') })).toEqual([]);
    expect(await current().advanceReceipts([])).toEqual([]);
  });

  test('the time of a membership moves with what was read, not with what was delivered, and never back', async () => {
    const updatedAtMs = async () => (await current().getMember(annIn))?.updatedAtMs;
    await current().advanceReceipts([advance({ deliveredSeq: seq(5), atMs: 50 })]);
    expect(await updatedAtMs()).toBe(10);
    await current().advanceReceipts([advance({ readSeq: seq(3), atMs: 60 })]);
    expect(await updatedAtMs()).toBe(60);
    await current().advanceReceipts([advance({ readSeq: seq(2), atMs: 70 })]);
    expect(await updatedAtMs()).toBe(60);
    await current().advanceReceipts([advance({ readSeq: seq(4), atMs: 40 })]);
    expect(await updatedAtMs()).toBe(60);
  });

  test('counts are of the members who have the seq, without the one excepted', async () => {
    await current().advanceReceipts([
      advance({ readSeq: seq(9) }),
      advance({ userId: user('bob'), deliveredSeq: seq(5), readSeq: seq(4) }),
      advance({ userId: user('carl'), readSeq: seq(5) }),
    ]);
    const count = (value: number, conversationId = conversation('g:1')) =>
      current().countReceipts({ conversationId, seq: seq(value), except: user('ann') });
    expect(await count(4)).toEqual({ delivered: 2, read: 2 });
    expect(await count(5)).toEqual({ delivered: 2, read: 1 });
    expect(await count(6)).toEqual({ delivered: 0, read: 0 });
    expect(await count(1, conversation('g:none'))).toEqual({ delivered: 0, read: 0 });
  });
}
