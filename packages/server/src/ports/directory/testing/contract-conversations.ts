// The contract of conversations, of their members, and of who owns them.

import { expect, test } from 'bun:test';
import { assert } from '@hongyan/base/assert';
import type { ConversationId } from '@hongyan/protocol/ids';
import type { Directory } from '../directory.ts';
import {
  advance,
  allMembers,
  allMemberships,
  type Current,
  conversation,
  conversationOf,
  device,
  group,
  joining,
  keyOf,
  memberOf,
  receiptsOf,
  rules,
  seq,
  user,
} from './builders.ts';

export function conversationsContract(current: Current): void {
  test('a conversation is stored with its members; a second one of the id changes nothing', async () => {
    expect(await current().createConversation(group('g:1', ['ann', 'bob']))).toEqual({ type: 'created' });
    const other = { ...group('g:1', ['carl']), title: 'other' };
    expect(await current().createConversation(other)).toEqual({ type: 'exists' });
    expect(await conversationOf(current(), 'g:1')).toEqual({
      conversationId: conversation('g:1'),
      kind: 'group',
      title: 'title of g:1',
      createdAtMs: 10,
      memberCount: 2,
      isHistoryVisible: true,
      rules,
    });
    expect(await memberOf(current(), 'carl')).toBeUndefined();
    expect(await memberOf(current(), 'ann')).toEqual({
      ...keyOf('ann'),
      role: 'owner',
      visibleFromSeq: seq(1),
      deliveredSeq: seq(0),
      readSeq: seq(0),
      sentSeq: seq(0),
      updatedAtMs: 10,
    });
    expect((await memberOf(current(), 'bob'))?.role).toBe('member');
  });

  test.each(['direct', 'group', 'broadcast'] as const)(
    'a %s conversation keeps its kind and its history setting',
    async (kind) => {
      await current().createConversation(group('g:1', ['ann'], { kind, isHistoryVisible: false }));
      await current().createConversation(group('g:2', ['ann'], { kind, isHistoryVisible: true }));
      expect(await conversationOf(current(), 'g:1')).toMatchObject({ kind, isHistoryVisible: false });
      expect(await conversationOf(current(), 'g:2')).toMatchObject({ kind, isHistoryVisible: true });
    },
  );

  test('of two creations of one id at once, one wins', async () => {
    const outcomes = await Promise.all(
      ['ann', 'bob', 'carl'].map((id) => current().createConversation(group('g:1', [id]))),
    );
    expect(outcomes.filter(({ type }) => type === 'created')).toHaveLength(1);
    expect((await conversationOf(current(), 'g:1'))?.memberCount).toBe(1);
  });

  test('conversation ids that differ in case alone are one id, returned as created', async () => {
    await current().createConversation(group('d:Ann:bob', ['Ann', 'bob'], { kind: 'direct' }));
    expect(await current().createConversation(group('d:ann:BOB', ['ann', 'BOB'], { kind: 'direct' }))).toEqual({
      type: 'exists',
    });
    const found = await current().getConversations([conversation('d:ann:bob')]);
    expect(found.get(conversation('d:ann:bob'))?.conversationId).toBe(conversation('d:Ann:bob'));
    expect(await memberOf(current(), 'ANN', 'd:ANN:BOB')).toMatchObject(keyOf('Ann', 'd:Ann:bob'));
  });

  test('a member listed twice, in any case, is counted once, with the first role', async () => {
    await current().createConversation(group('g:1', ['ann', 'bob', 'ann', 'ANN']));
    expect((await conversationOf(current(), 'g:1'))?.memberCount).toBe(2);
    expect((await memberOf(current(), 'ann'))?.role).toBe('owner');
  });

  test('many conversations are one question; unknown ones are absent', async () => {
    await current().createConversation(group('g:1', ['ann']));
    await current().createConversation(group('g:2', ['ann']));
    const found = await current().getConversations(['g:2', 'g:none', 'g:1'].map(conversation));
    expect([...found].map(([id, { title }]) => [String(id), title]).toSorted()).toEqual([
      ['g:1', 'title of g:1'],
      ['g:2', 'title of g:2'],
    ]);
    expect((await current().getConversations([])).size).toBe(0);
  });

  test('10,000 members are all listed, each on one page', async () => {
    const ids = Array.from({ length: 10_000 }, (_, index) => `u${String(index).padStart(5, '0')}`);
    await current().createConversation(group('g:1', ids));
    expect((await allMembers(current(), 'g:1', 3_000)).toSorted()).toEqual(ids);
    expect((await conversationOf(current(), 'g:1'))?.memberCount).toBe(10_000);
  });

  test('only the title of an existing conversation changes', async () => {
    await current().createConversation(group('g:1', ['ann']));
    const title = "'); DROP TABLE user; -- 鸿雁";
    expect(await current().updateConversation({ conversationId: conversation('g:1'), title })).toBe(true);
    expect((await conversationOf(current(), 'g:1'))?.title).toBe(title);
    expect(await current().updateConversation({ conversationId: conversation('g:2'), title })).toBe(false);
    expect(await conversationOf(current(), 'g:2')).toBeUndefined();
  });

  test('[E10] rules and the visibility of history change one by one, and the rest stays', async () => {
    await current().createConversation(group('g:1', ['ann'], { rules: { ...rules, post: 'admins' } }));
    const g1 = { conversationId: conversation('g:1') };
    expect(await conversationOf(current(), 'g:1')).toMatchObject({ rules: { ...rules, post: 'admins' } });
    await current().updateConversation({ ...g1, rules: { mention_all: 'members' } });
    await current().updateConversation({ ...g1, isHistoryVisible: false });
    expect(await conversationOf(current(), 'g:1')).toMatchObject({
      title: 'title of g:1',
      isHistoryVisible: false,
      rules: { post: 'admins', add: 'admins', mention_all: 'members' },
    });
    const [membership] = await current().memberships({ userId: user('ann'), limit: 1 });
    expect(membership?.conversation).toEqual((await conversationOf(current(), 'g:1')) as never);
  });

  test('a conversation with a member at the bound of conversations is not created, and the user is named', async () => {
    const bounded = (id: string, members: readonly string[]) =>
      current().createConversation(group(id, members, { conversationsPerUserMax: 2 }));
    expect(await bounded('g:1', ['ann', 'bob'])).toEqual({ type: 'created' });
    expect(await bounded('g:2', ['bob'])).toEqual({ type: 'created' });
    expect(await bounded('g:3', ['ann', 'bob'])).toEqual({ type: 'full', userId: user('bob') });
    expect(await conversationOf(current(), 'g:3')).toBeUndefined();
    expect(await current().countMemberships(user('ann'))).toBe(1);
    expect(await bounded('g:3', ['ann'])).toEqual({ type: 'created' });
    await current().removeMember({ ...keyOf('bob', 'g:2'), atMs: 20 });
    expect(await bounded('g:4', ['bob'])).toEqual({ type: 'created' });
    expect(await current().createConversation(group('g:5', ['bob']))).toEqual({ type: 'created' });
  });

  test('[A26] the system has any number of conversations', async () => {
    const bound = { conversationsPerUserMax: 1 };
    for (const id of ['g:1', 'g:2', 'g:3'])
      expect(await current().createConversation(group(id, ['system'], bound))).toEqual({ type: 'created' });
    await current().createConversation(group('g:4', ['ann']));
    expect(await current().addMember(joining('System', { ...keyOf('System', 'g:4'), ...bound }))).toBe('added');
  });

  test('memberships are the conversations the user is in, page by page, each with its record', async () => {
    await current().createConversation(group('g:3', ['carl', 'ann']));
    await current().createConversation(group('g:1', ['ann', 'bob']));
    await current().createConversation(group('g:2', ['bob']));
    await current().createConversation(group('g:4', ['Ann']));
    const mine = await allMemberships(current(), 'ANN', 2);
    expect(mine.map(({ member }) => String(member.conversationId)).toSorted()).toEqual(['g:1', 'g:3', 'g:4']);
    for (const { member, conversation: record } of mine) {
      expect(await memberOf(current(), 'ann', member.conversationId)).toEqual(member);
      expect(await conversationOf(current(), member.conversationId)).toEqual(record);
    }
    expect(await current().countMemberships(user('ann'))).toBe(3);
    expect(await allMemberships(current(), 'nobody')).toEqual([]);
    expect(await current().countMemberships(user('nobody'))).toBe(0);
  });
}

export function conversationListContract(current: Current): void {
  const ids = async (request: Parameters<Directory['listConversations']>[0]) =>
    (await current().listConversations(request)).map(({ conversationId }) => String(conversationId));
  const titled = async (query: string, limit = 10) =>
    (await current().searchConversations({ query, limit })).map(({ conversationId }) => String(conversationId));
  const create = (id: string, title: string) => current().createConversation({ ...group(id, ['ann']), title });

  test('[O31] all conversations are listed page by page, by id in any case, each with its record', async () => {
    for (const id of ['g:2', 'd:bob:carl', 'g:1', 'd:Ann:bob', 'g:10']) await create(id, '');
    const listed: string[] = [];
    for (let after: ConversationId | undefined; ; ) {
      const page = await ids({ limit: 2, ...(after && { after }) });
      listed.push(...page);
      after = page.at(-1) as ConversationId | undefined;
      if (after === undefined) break;
    }
    expect(listed).toEqual(['d:Ann:bob', 'd:bob:carl', 'g:1', 'g:10', 'g:2']);
    const [first] = await current().listConversations({ limit: 1 });
    expect(first).toEqual((await conversationOf(current(), 'd:ann:bob')) as never);
  });

  test('[O31] those whose id begins so, in any case, page by page', async () => {
    for (const id of ['d:Ann:bob', 'd:ann:carl', 'd:bob:carl', 'g:1', 'g:10']) await create(id, '');
    expect(await ids({ idPrefix: 'D:ANN:', limit: 10 })).toEqual(['d:Ann:bob', 'd:ann:carl']);
    expect(await ids({ idPrefix: 'd:ann:', after: conversation('D:ann:BOB'), limit: 10 })).toEqual(['d:ann:carl']);
    expect(await ids({ idPrefix: 'g:1', limit: 1 })).toEqual(['g:1']);
    expect(await ids({ idPrefix: 'g:1', after: conversation('g:1'), limit: 10 })).toEqual(['g:10']);
    // The page before was of another prefix.
    expect(await ids({ idPrefix: 'g:', after: conversation('d:ann:bob'), limit: 10 })).toEqual(['g:1', 'g:10']);
    expect(await ids({ idPrefix: 'd:', after: conversation('g:1'), limit: 10 })).toEqual([]);
    for (const nothing of ['%', '_', "' OR 1=1 --", 'x'])
      expect(await ids({ idPrefix: nothing, limit: 10 })).toEqual([]);
  });

  test('[O31] conversations are found by the words of their titles, folded, each once, up to the limit', async () => {
    await create('g:1', 'Weekend Climbing');
    await create('g:2', 'Climbers climb');
    await create('g:3', '鸿雁 传书');
    await create('d:ann:bob', '');
    expect(await titled('CLIMB')).toEqual(['g:2', 'g:1']);
    expect(await titled('climb', 1)).toEqual(['g:2']);
    expect(await titled('weekend cl')).toEqual(['g:1']);
    expect(await titled('雁')).toEqual(['g:3']);
    for (const nothing of ['', ' ', 'eekend', '%', 'ann']) expect(await titled(nothing)).toEqual([]);
    expect(await titled('climb', 0)).toEqual([]);
  });

  test('[O31] a title that changes is found by its new words alone, at once', async () => {
    await create('g:1', 'Weekend Climbing');
    await current().updateConversation({ conversationId: conversation('G:1'), title: 'Weekend Skating' });
    expect([await titled('climb'), await titled('weekend'), await titled('skat')]).toEqual([[], ['g:1'], ['g:1']]);
    await current().updateConversation({ conversationId: conversation('g:1'), isHistoryVisible: false });
    await current().updateConversation({ conversationId: conversation('g:1'), title: 'Weekend Skating' });
    expect(await titled('skat')).toEqual(['g:1']);
    await current().updateConversation({ conversationId: conversation('g:1'), title: '' });
    expect(await titled('weekend')).toEqual([]);
    expect(await current().createConversation({ ...group('g:1', ['ann']), title: 'Other' })).toEqual({
      type: 'exists',
    });
    expect(await titled('other')).toEqual([]);
  });
}

export function membersContract(current: Current): void {
  test('[D5] a member who joins is counted once and keeps visibleFromSeq', async () => {
    await current().createConversation(group('g:1', ['ann']));
    expect(await current().addMember(joining('bob'))).toBe('added');
    expect(await current().addMember(joining('BOB', { role: 'owner', visibleFromSeq: seq(1), atMs: 31 }))).toBe(
      'exists',
    );
    expect(await current().addMember(joining('bob', keyOf('bob', 'g:none')))).toBe('no_conversation');
    expect(await memberOf(current(), 'bob')).toMatchObject({ role: 'member', visibleFromSeq: 8, updatedAtMs: 30 });
    expect((await conversationOf(current(), 'g:1'))?.memberCount).toBe(2);
  });

  test('a full conversation accepts no member, however many join concurrently; a member who leaves makes room', async () => {
    await current().createConversation(group('g:1', ['ann']));
    const join = (id: string) => current().addMember(joining(id, { memberCountMax: 3 }));
    const outcomes = await Promise.all(['u1', 'u2', 'u3', 'u4'].map(join));
    expect(outcomes.toSorted()).toEqual(['added', 'added', 'conversation_full', 'conversation_full']);
    const [inside, outside] = [outcomes.indexOf('added'), outcomes.indexOf('conversation_full')].map(
      (at) => `u${at + 1}`,
    );
    assert(inside && outside, 'of four, two joined');
    expect(await join(inside)).toBe('exists');
    expect((await conversationOf(current(), 'g:1'))?.memberCount).toBe(3);
    expect(await memberOf(current(), outside)).toBeUndefined();
    await current().removeMember({ ...keyOf(inside), atMs: 40 });
    expect(await join(outside)).toBe('added');
  });

  test('a user at the bound of conversations joins no other one, however many at once', async () => {
    for (const id of ['g:1', 'g:2', 'g:3']) await current().createConversation(group(id, ['ann']));
    const join = (id: string) =>
      current().addMember(joining('bob', { ...keyOf('bob', id), conversationsPerUserMax: 2 }));
    const outcomes = await Promise.all(['g:1', 'g:2', 'g:3'].map(join));
    expect(outcomes.toSorted()).toEqual(['added', 'added', 'user_full']);
    expect(await current().countMemberships(user('bob'))).toBe(2);
    for (const [index, outcome] of outcomes.entries()) {
      expect(await join(`g:${index + 1}`)).toBe(outcome === 'added' ? 'exists' : 'user_full');
      expect((await conversationOf(current(), `g:${index + 1}`))?.memberCount).toBe(outcome === 'added' ? 2 : 1);
    }
  });

  test('[D7] a member who leaves loses the receipts of all devices, and starts at 0 when back', async () => {
    await current().createConversation(group('g:1', ['ann', 'bob']));
    await current().createConversation(group('g:2', ['ann']));
    await current().advanceReceipts([
      advance({ readSeq: seq(5) }),
      advance({ deviceId: device('laptop'), deliveredSeq: seq(6) }),
      advance({ ...keyOf('ann', 'g:2'), readSeq: seq(3) }),
    ]);
    expect((await current().removeMember({ ...keyOf('ANN'), atMs: 20 })).wasMember).toBe(true);
    expect(await current().removeMember({ ...keyOf('ann'), atMs: 20 })).toEqual({ wasMember: false });
    expect(await current().removeMember({ ...keyOf('ann', 'g:none'), atMs: 20 })).toEqual({ wasMember: false });
    expect(await memberOf(current(), 'ann')).toBeUndefined();
    expect(await receiptsOf(current(), 'ann')).toEqual([]);
    expect((await conversationOf(current(), 'g:1'))?.memberCount).toBe(1);
    expect(await receiptsOf(current(), 'ann', 'g:2')).toMatchObject([{ readSeq: 3 }]);
    await current().addMember(joining('ann'));
    expect(await memberOf(current(), 'ann')).toMatchObject({ deliveredSeq: 0, readSeq: 0, visibleFromSeq: 8 });
  });

  test('[D7] a member who joins later begins at the given positions', async () => {
    await current().createConversation(group('g:1', ['ann']));
    await current().addMember(joining('bob', { readSeq: seq(7) }));
    expect(await memberOf(current(), 'bob')).toMatchObject({ deliveredSeq: 7, readSeq: 7, visibleFromSeq: 8 });
  });

  test('members are returned in the order of the keys; a user who is not a member is undefined', async () => {
    await current().createConversation(group('g:1', ['ann', 'bob']));
    await current().createConversation(group('g:2', ['bob']));
    const keys = [
      keyOf('bob', 'g:2'),
      keyOf('ann', 'g:2'),
      keyOf('ann'),
      keyOf('eve'),
      keyOf('ann', 'g:none'),
      keyOf('ann'),
    ];
    const members = await current().getMembers(keys);
    expect(members.map((member) => member && `${member.userId} in ${member.conversationId}`)).toEqual([
      'bob in g:2',
      undefined,
      'ann in g:1',
      undefined,
      undefined,
      'ann in g:1',
    ]);
    expect(await current().getMembers([])).toEqual([]);
  });

  test('pages of members hold each member once, also when some join, leave or move in between', async () => {
    await current().createConversation(group('g:1', ['f', 'b', 'd', 'a', 'c', 'e']));
    const page = (after?: string) =>
      current().members({ conversationId: conversation('g:1'), limit: 2, ...(after && { after: user(after) }) });
    const first = (await page()).map(({ userId }) => String(userId));
    await current().advanceReceipts([advance({ userId: user('e'), readSeq: seq(3) })]);
    const last = first.at(-1) ?? '';
    await current().removeMember({ ...keyOf(last), atMs: 20 });
    const rest: string[] = [];
    for (let after: string | undefined = last; after !== undefined; ) {
      const next: readonly string[] = (await page(after)).map(({ userId }) => userId);
      rest.push(...next);
      after = next.at(-1);
    }
    expect([...first, ...rest].toSorted()).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
    expect(await current().members({ conversationId: conversation('g:none'), limit: 2 })).toEqual([]);
  });

  test('the first members of many conversations are those of the first pages', async () => {
    await current().createConversation(group('g:1', ['ann', 'bob', 'carl']));
    await current().createConversation(group('g:2', ['bob']));
    const ids = ['g:2', 'g:none', 'g:1'].map(conversation);
    const many = await current().membersOfMany({ conversationIds: ids, limit: 2 });
    expect([...many.keys()].map(String).toSorted()).toEqual(['g:1', 'g:2']);
    for (const [conversationId, members] of many)
      expect(members).toEqual(await current().members({ conversationId, limit: 2 }));
    expect((await current().membersOfMany({ conversationIds: [], limit: 2 })).size).toBe(0);
  });
}

export function ownersContract(current: Current): void {
  const leave = (id: string, atMs = 40) => current().removeMember({ ...keyOf(id), atMs });
  const roles = async (...ids: readonly string[]) =>
    (await current().getMembers(ids.map((id) => keyOf(id)))).map((member) => member?.role);

  test('only the role of a member changes, and the change updates the time of the membership', async () => {
    await current().createConversation(group('g:1', ['ann', 'bob']));
    expect(await current().setRole({ ...keyOf('BOB'), role: 'owner', atMs: 50 })).toBe(true);
    expect(await memberOf(current(), 'bob')).toMatchObject({ role: 'owner', updatedAtMs: 50 });
    expect(await current().setRole({ ...keyOf('eve'), role: 'owner', atMs: 50 })).toBe(false);
    expect(await current().setRole({ ...keyOf('bob'), role: 'owner', atMs: 50, handedOverBy: user('ANN') })).toBe(true);
    expect((await memberOf(current(), 'ann'))?.role).toBe('admin');
    expect(await current().setRole({ ...keyOf('ann', 'g:none'), role: 'owner', atMs: 50 })).toBe(false);
    expect(await current().setRole({ ...keyOf('ann'), role: 'member', atMs: 60 })).toBe(true);
    expect(await roles('ann', 'bob')).toEqual(['member', 'owner']);
  });

  test.each(['group', 'broadcast'] as const)(
    'when the last owner leaves a %s the member of longest standing becomes owner',
    async (kind) => {
      await current().createConversation(group('g:1', ['ann', 'zoe', 'bob'], { kind }));
      await current().addMember(joining('abe'));
      expect(await leave('ann')).toEqual({ wasMember: true, newOwner: user('zoe') });
      expect(await memberOf(current(), 'zoe')).toMatchObject({ role: 'owner', updatedAtMs: 40 });
      expect(await leave('zoe')).toEqual({ wasMember: true, newOwner: user('bob') });
      expect(await leave('bob')).toEqual({ wasMember: true, newOwner: user('abe') });
      expect(await leave('abe')).toEqual({ wasMember: true });
      expect((await conversationOf(current(), 'g:1'))?.memberCount).toBe(0);
    },
  );

  test('a member who left and came back is of the shortest standing', async () => {
    await current().createConversation(group('g:1', ['ann', 'bob', 'carl']));
    await leave('bob');
    await current().addMember(joining('bob'));
    expect(await leave('ann')).toEqual({ wasMember: true, newOwner: user('carl') });
  });

  test('while an owner stays, or when a member leaves, ownership stays where it is', async () => {
    await current().createConversation(group('g:1', ['ann', 'bob', 'carl', 'dan']));
    await current().setRole({ ...keyOf('carl'), role: 'owner', atMs: 30 });
    expect(await leave('ann')).toEqual({ wasMember: true });
    expect(await leave('bob')).toEqual({ wasMember: true });
    expect(await roles('carl', 'dan')).toEqual(['owner', 'member']);
  });

  test('a direct conversation hands nothing over', async () => {
    await current().createConversation(group('g:1', ['ann', 'bob'], { kind: 'direct' }));
    expect(await leave('ann')).toEqual({ wasMember: true });
    expect(await roles('bob')).toEqual(['member']);
  });
}
