// Conversations and their members through the core: bounds, and that what was remembered of a member is forgotten in time.

import { afterEach, beforeEach, expect, test } from 'bun:test';
import type { ConversationId } from '@hongyan/protocol/ids';
import { conversationTopic, userTopic } from '../../ports/event-bus/event-bus.ts';
import { accepted, actor, codeOf, openWorld, seq, user, type World } from './testing/world.ts';

const membersMax = 4;
let world: World;
beforeEach(async () => {
  world = await openWorld({ groupMembersMax: membersMax, pageMax: 3 });
  await world.people('ann', 'bob', 'carl', 'dan', 'eve', 'fay');
});
afterEach(() => world.close());

const create = (creator: string, members: readonly string[]) =>
  world.core.createConversation({ kind: 'group', creator: user(creator), title: 't', members: members.map(user) });
const add = (by: string, conversationId: ConversationId, who: string) =>
  world.core.addMember(user(by), { conversationId, userId: user(who) });
const remove = (by: string, conversationId: ConversationId, who: string) =>
  world.core.removeMember(user(by), { conversationId, userId: user(who) });
const countOf = async (conversationId: ConversationId, reader = 'ann') =>
  accepted(await world.core.getConversation(user(reader), conversationId)).member_count;
const conversationsOf = async (who: string) =>
  accepted(await world.core.sync({ actor: actor(who), full: true })).conversations.map((one) => one.conversation_id);

test('a group is made with as many members as allowed; repeats and the creator count once', async () => {
  const full = accepted(await create('ann', ['bob', 'bob', 'ann', 'carl', 'dan']));
  expect(full).toMatchObject({ member_count: membersMax, members: ['ann', 'bob', 'carl', 'dan'] });
  expect(codeOf(await create('eve', ['bob', 'carl', 'dan', 'ann']))).toBe('too_large');
  expect(codeOf(await create('eve', ['bob', 'nobody']))).toBe('not_found');
  expect(await conversationsOf('eve')).toEqual([]);
  expect(await conversationsOf('bob')).toEqual([full.conversation_id]);
});

test('at the bound nobody is added, who is in already stays in, and who leaves makes room', async () => {
  const full = await world.group('ann', ['bob', 'carl', 'dan']);
  expect(codeOf(await add('ann', full, 'eve'))).toBe('too_large');
  expect(codeOf(await add('ann', full, 'bob'))).toBe('ok');
  expect(await countOf(full)).toBe(membersMax);
  expect(codeOf(await remove('bob', full, 'bob'))).toBe('ok');
  expect(codeOf(await add('carl', full, 'eve'))).toBe('ok');
  expect(codeOf(await add('carl', full, 'fay'))).toBe('too_large');
  expect(await countOf(full)).toBe(membersMax);
});

test('of many who are added at once, as many join as there is room for', async () => {
  const group = await world.group('ann', ['bob', 'carl']);
  const outcomes = await Promise.all(['dan', 'eve', 'fay'].map((who) => add('ann', group, who)));
  expect(outcomes.map(codeOf)).toEqual(['ok', 'too_large', 'too_large']);
  expect(await countOf(group)).toBe(membersMax);
});

test('who is added twice, at once too, joined once', async () => {
  const group = await world.group('ann', ['bob']);
  const outcomes = await Promise.all([
    add('ann', group, 'carl'),
    add('bob', group, 'carl'),
    add('ann', group, 'nobody'),
  ]);
  expect(outcomes.map(codeOf)).toEqual(['ok', 'ok', 'not_found']);
  expect(codeOf(await add('ann', group, 'carl'))).toBe('ok');
  expect(await countOf(group)).toBe(3);
  const { entries } = accepted(await world.core.history({ userId: user('ann'), conversationId: group }));
  expect(entries.filter(({ content }) => 'change' in content && content.change === 'joined')).toHaveLength(1);
});

test('[D9] who left may do nothing there any more, at once; who is back may, at once', async () => {
  const group = await world.group('ann', ['bob', 'carl']);
  const { msgId } = await world.say('bob', group);
  const bob = user('bob');
  const everything = async () => [
    codeOf(await world.trySay('bob', group)),
    codeOf(await world.core.history({ userId: bob, conversationId: group })),
    codeOf(await world.core.getConversation(bob, group)),
    codeOf(await world.core.members(bob, { conversationId: group })),
    codeOf(await world.core.setTitle(bob, { conversationId: group, title: 'bob was here' })),
    codeOf(await add('bob', group, 'dan')),
    codeOf(await world.core.typing(actor('bob'), group)),
    codeOf(await world.read(actor('bob'), group, 1)),
  ];
  expect(await everything()).toEqual(Array(8).fill('ok'));
  for (let round = 0; round < 2; round++) {
    expect(codeOf(await remove('bob', group, 'bob'))).toBe('ok');
    expect(await everything()).toEqual(Array(8).fill('not_member'));
    expect(codeOf(await remove('bob', group, 'bob'))).toBe('not_member');
    expect(codeOf(await world.core.whereIs(bob, { msgId }))).toBe('not_found');
    expect(await conversationsOf('bob')).toEqual([]);
    expect(codeOf(await add('ann', group, 'bob'))).toBe('ok');
    expect(await everything()).toEqual(Array(8).fill('ok'));
    expect(codeOf(await world.core.whereIs(bob, { msgId }))).toBe('ok');
    expect(await conversationsOf('bob')).toEqual([group]);
  }
});

test('an owner who leaves comes back as a member like any other', async () => {
  const group = await world.group('ann', ['bob', 'carl']);
  expect(codeOf(await remove('bob', group, 'carl'))).toBe('forbidden');
  expect(codeOf(await remove('ann', group, 'ann'))).toBe('ok');
  expect(codeOf(await add('bob', group, 'ann'))).toBe('ok');
  expect(codeOf(await remove('ann', group, 'carl'))).toBe('forbidden');
  expect(codeOf(await remove('ann', group, 'eve'))).toBe('forbidden');
});

test('a broadcast is written and changed by its owners alone', async () => {
  const broadcast = await world.group('ann', ['bob', 'carl'], 'broadcast');
  expect(codeOf(await world.trySay('ann', broadcast))).toBe('ok');
  expect(codeOf(await world.trySay('bob', broadcast))).toBe('forbidden');
  expect(codeOf(await add('bob', broadcast, 'dan'))).toBe('forbidden');
  expect(codeOf(await world.core.setTitle(user('bob'), { conversationId: broadcast, title: 'x' }))).toBe('forbidden');
  expect(codeOf(await remove('bob', broadcast, 'carl'))).toBe('forbidden');
  expect(codeOf(await remove('bob', broadcast, 'bob'))).toBe('ok');
});

test('a direct conversation is one, whoever begins it, and neither changes nor loses members', async () => {
  const begin = async (creator: string, other: string) =>
    world.core.createConversation({ kind: 'direct', creator: user(creator), with: user(other) });
  const direct = accepted(await begin('bob', 'ann')).conversation_id;
  const both = await Promise.all([begin('ann', 'bob'), begin('bob', 'ann')]);
  expect(both.map((made) => accepted(made).conversation_id)).toEqual([direct, direct]);
  expect(codeOf(await begin('ann', 'nobody'))).toBe('not_found');
  expect(codeOf(await add('ann', direct, 'carl'))).toBe('forbidden');
  expect(codeOf(await remove('ann', direct, 'ann'))).toBe('forbidden');
  expect(codeOf(await world.core.setTitle(user('ann'), { conversationId: direct, title: 'x' }))).toBe('forbidden');
  expect(codeOf(await world.trySay('carl', direct))).toBe('not_member');
});

test('a new title is what everyone sees, is told at once, and stands in the timeline', async () => {
  const group = await world.group('ann', ['bob']);
  const heard = world.listen(conversationTopic(group));
  const title = `'"); DROP TABLE conversation; -- 鸿雁 ${'x'.repeat(1000)}`;
  expect(accepted(await world.core.setTitle(user('bob'), { conversationId: group, title })).title).toBe(title);
  expect(heard.map(({ type }) => type)).toEqual(['conversation', 'message']);
  expect(heard[0]).toMatchObject({ change: 'updated', conversation: { title, member_count: 2 } });
  expect(heard[1]).toMatchObject({ seq: 2, from: 'bob', content: { type: 'hongyan.title', title } });
  expect(accepted(await world.core.getConversation(user('ann'), group)).title).toBe(title);
});

test('members are told who comes and goes, the ones who come and go among them', async () => {
  const group = await world.group('ann', ['bob']);
  const [inGroup, atCarl] = [world.listen(conversationTopic(group)), world.listen(userTopic(user('carl')))];
  await add('ann', group, 'carl');
  await remove('ann', group, 'carl');
  const changes = [
    { change: 'member_joined', user_id: 'carl', conversation: { member_count: 3, members: ['ann', 'bob', 'carl'] } },
    { change: 'member_left', user_id: 'carl', conversation: { member_count: 2, members: ['ann', 'bob'] } },
  ];
  expect(inGroup.filter(({ type }) => type === 'conversation')).toMatchObject(changes);
  expect(atCarl).toMatchObject(changes);
  expect(inGroup.filter(({ type }) => type === 'message').map(({ seq: at }) => at)).toEqual([2, 3]);
});

test('members come in pages by id, each with name, role and positions', async () => {
  const group = await world.group('dan', ['carl', 'bob', 'ann']);
  await world.read(actor('bob'), group, 1);
  const pageAfter = async (after?: string) => {
    const request = { conversationId: group, limit: 100, ...(after === undefined ? {} : { after: user(after) }) };
    return accepted(await world.core.members(user('ann'), request));
  };
  const first = await pageAfter();
  expect(first.members.map((member) => String(member.user_id))).toEqual(['ann', 'bob', 'carl']);
  expect(first.next).toBe(user('carl'));
  expect(first.members[1]).toMatchObject({ display_name: 'bob', role: 'member', delivered_seq: 1, read_seq: seq(1) });
  const second = await pageAfter(first.next);
  expect(second.members.map(({ user_id, role }) => [String(user_id), role])).toEqual([['dan', 'owner']]);
  expect(second.next).toBeUndefined();
});

test('who is removed while being added follows nothing any more, whatever else is being written', async () => {
  const group = await world.group('ann', ['bob']);
  const followed = await world.follow('carl');
  for (let turns = 0; turns < 12; turns++) {
    // What comes while this one commits is committed together.
    const other = create('eve', []);
    const adding = add('ann', group, 'carl');
    for (let turn = 0; turn < turns; turn++) await undefined;
    const outcomes = await Promise.all([adding, remove('ann', group, 'carl')]);
    await other;
    expect(outcomes.map(codeOf)[0]).toBe('ok');
    const isMember = (await conversationsOf('carl')).includes(group);
    expect([turns, followed.has(group)]).toEqual([turns, isMember]);
    await remove('ann', group, 'carl');
  }
});

test('nothing of a member stands behind the entry that tells of the removal', async () => {
  const group = await world.group('ann', ['bob', 'carl']);
  expect(codeOf(await world.trySay('carl', group))).toBe('ok');
  const sends: Promise<unknown>[] = [];
  const removing = remove('ann', group, 'carl');
  // The first message to someone opens a conversation, which takes a commit: what is sent with it waits.
  for (const who of ['bob', 'dan', 'eve', 'fay']) {
    sends.push(world.trySay('carl', who), world.trySay('carl', group));
    await Promise.race([...sends, new Promise(setImmediate)]);
  }
  await Promise.all([removing, ...sends]);
  const page = accepted(await world.core.history({ userId: user('ann'), conversationId: group, limit: 50 }));
  expect(page.entries.at(-1)?.content).toMatchObject({ change: 'left' });
});

test('a change that is stored is answered so, also where the timeline has no room to tell of it', async () => {
  await world.close();
  world = await openWorld({ timelineBytesMax: 128 * 1024 });
  await world.people('ann', 'bob', 'carl');
  const group = await world.group('ann', ['bob']);
  let outcome = await world.trySay('ann', group);
  while (outcome.type === 'ok') outcome = await world.trySay('ann', group, 'x'.repeat(2_000));
  // Smaller ones may still have fitted.
  do outcome = await world.trySay('ann', group, '');
  while (outcome.type === 'ok');
  expect(outcome.code).toBe('unavailable');
  expect(codeOf(await add('ann', group, 'carl'))).toBe('ok');
  expect(codeOf(await remove('ann', group, 'bob'))).toBe('ok');
  expect(accepted(await create('ann', ['carl']))).toMatchObject({ members: ['ann', 'carl'] });
  const change = { conversationId: group, title: 'new' };
  const changed = accepted(await world.core.setTitle(user('ann'), change));
  expect(changed).toMatchObject({ title: 'new', members: ['ann', 'carl'] });
});
