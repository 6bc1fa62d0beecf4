// Conversations and their members through the core: limits, roles, and the immediate effect of a removal.

import { afterEach, beforeEach, expect, test } from 'bun:test';
import { StoreFailure } from '@hongyan/base/result';
import type { ConversationId } from '@hongyan/protocol/ids';
import type { Result } from '@hongyan/protocol/refusals';
import { conversationTopic, userTopic } from '../../ports/event-bus/event-bus.ts';
import type { CoreDeps } from './deps.ts';
import { around } from './testing/faulty-port.ts';
import { accepted, caller, codeOf, openWorld, seq, user, type World } from './testing/world.ts';

const membersMax = 4;
let world: World;
beforeEach(async () => {
  world = await openWorld({ groupMembersMax: membersMax, pageMax: 3 });
  await world.people('ann', 'bob', 'carl', 'dan', 'eve', 'fay');
});
afterEach(() => world.close());

const create = (creator: string, members: readonly string[]) =>
  world.core.createConversation(caller(creator), { kind: 'group', title: 't', members: members.map(user) });
const add = (by: string, conversation_id: ConversationId, who: string) =>
  world.core.addMember(caller(by), { conversation_id, user_id: user(who) });
const remove = (by: string, conversation_id: ConversationId, who: string) =>
  world.core.removeMember(caller(by), { conversation_id, user_id: user(who) });
const rename = (by: string, conversation_id: ConversationId, title: string) =>
  world.core.updateConversation(caller(by), { conversation_id, title });
const view = async (conversation_id: ConversationId, reader = 'ann') =>
  accepted(await world.core.getConversation(caller(reader), { conversation_id }));
const countOf = async (conversation_id: ConversationId) => (await view(conversation_id)).member_count;
const conversationsOf = async (who: string) =>
  accepted(await world.core.sync(caller(who), { full: true })).conversations.map((one) => one.conversation_id);

test('a group is created with as many members as allowed; repeats and the creator count once', async () => {
  const full = accepted(await create('ann', ['bob', 'bob', 'ann', 'carl', 'dan']));
  expect(full).toMatchObject({ member_count: membersMax, members: ['ann', 'bob', 'carl', 'dan'] });
  expect(codeOf(await create('eve', ['bob', 'carl', 'dan', 'ann']))).toBe('too_large');
  expect(codeOf(await create('eve', ['bob', 'nobody']))).toBe('not_found');
  expect(await conversationsOf('eve')).toEqual([]);
  expect(await conversationsOf('bob')).toEqual([full.conversation_id]);
});

test('at the limit no user is added, adding a member again changes nothing, and a member who leaves makes room', async () => {
  const full = await world.group('ann', ['bob', 'carl', 'dan']);
  expect(codeOf(await add('ann', full, 'eve'))).toBe('too_large');
  expect(codeOf(await add('ann', full, 'bob'))).toBe('ok');
  expect(await countOf(full)).toBe(membersMax);
  expect(codeOf(await remove('bob', full, 'bob'))).toBe('ok');
  expect(codeOf(await add('carl', full, 'eve'))).toBe('ok');
  expect(codeOf(await add('carl', full, 'fay'))).toBe('too_large');
  expect(await countOf(full)).toBe(membersMax);
});

test('of many users added concurrently, as many join as there is room for', async () => {
  const group = await world.group('ann', ['bob', 'carl']);
  const outcomes = await Promise.all(['dan', 'eve', 'fay'].map((who) => add('ann', group, who)));
  expect(outcomes.map(codeOf)).toEqual(['ok', 'too_large', 'too_large']);
  expect(await countOf(group)).toBe(membersMax);
});

test('a user who is added twice, even concurrently, joins once', async () => {
  const group = await world.group('ann', ['bob']);
  const outcomes = await Promise.all([
    add('ann', group, 'carl'),
    add('bob', group, 'carl'),
    add('ann', group, 'nobody'),
  ]);
  expect(outcomes.map(codeOf)).toEqual(['ok', 'ok', 'not_found']);
  expect(codeOf(await add('ann', group, 'carl'))).toBe('ok');
  expect(await countOf(group)).toBe(3);
  const { entries } = accepted(await world.core.history(caller('ann'), { conversation_id: group }));
  expect(entries.filter(({ content }) => 'change' in content && content.change === 'joined')).toHaveLength(1);
});

test('[D9] a member who left has no permissions immediately, and all permissions again once added back', async () => {
  const group = await world.group('ann', ['bob', 'carl'], { history_visible: true });
  const { msg_id } = await world.say('bob', group);
  const bob = caller('bob');
  const everything = async () => [
    codeOf(await world.trySay('bob', group)),
    codeOf(await world.core.history(bob, { conversation_id: group })),
    codeOf(await world.core.getConversation(bob, { conversation_id: group })),
    codeOf(await world.core.listMembers(bob, { conversation_id: group })),
    codeOf(await rename('bob', group, 'bob was here')),
    codeOf(await add('bob', group, 'dan')),
    codeOf(await world.core.typing(bob, { conversation_id: group })),
    codeOf(await world.read(caller('bob'), group, 1)),
  ];
  expect(await everything()).toEqual(Array(8).fill('ok'));
  for (let round = 0; round < 2; round++) {
    expect(codeOf(await remove('bob', group, 'bob'))).toBe('ok');
    expect(await everything()).toEqual(Array(8).fill('not_member'));
    expect(codeOf(await remove('bob', group, 'bob'))).toBe('not_member');
    expect(codeOf(await world.core.getMessage(bob, { msg_id }))).toBe('not_found');
    expect(await conversationsOf('bob')).toEqual([]);
    expect(codeOf(await add('ann', group, 'bob'))).toBe('ok');
    expect(await everything()).toEqual(Array(8).fill('ok'));
    expect(codeOf(await world.core.getMessage(bob, { msg_id }))).toBe('ok');
    expect(await conversationsOf('bob')).toEqual([group]);
  }
});

test('ownership passes on when the owner leaves, and a former owner who is added again is a plain member', async () => {
  const group = await world.group('ann', ['bob', 'carl']);
  expect(codeOf(await remove('bob', group, 'carl'))).toBe('forbidden');
  expect(codeOf(await remove('ann', group, 'ann'))).toBe('ok');
  const roles = async () =>
    accepted(await world.core.listMembers(caller('bob'), { conversation_id: group })).members.map(
      ({ user_id, role }) => [String(user_id), role],
    );
  const [owner, other] = (await roles()).toSorted(([, a], [, b]) => (a === 'owner' ? -1 : b === 'owner' ? 1 : 0));
  expect([owner?.[1], other?.[1]]).toEqual(['owner', 'member']);
  const { entries } = accepted(await world.core.history(caller('bob'), { conversation_id: group }));
  expect(entries.at(-1)?.content).toMatchObject({ change: 'left', user_ids: ['ann'], new_owner: owner?.[0] });
  const [newOwner = '', member = ''] = [owner?.[0], other?.[0]];
  expect(codeOf(await add(member, group, 'ann'))).toBe('ok');
  expect(codeOf(await remove('ann', group, member))).toBe('forbidden');
  expect(codeOf(await remove('ann', group, 'eve'))).toBe('forbidden');
  expect(codeOf(await remove(newOwner, group, member))).toBe('ok');
});

test('a group whose last member left does not exist for anyone, and its id is not reused', async () => {
  const group = await world.group('ann', ['bob']);
  expect(codeOf(await remove('ann', group, 'bob'))).toBe('ok');
  expect(codeOf(await remove('ann', group, 'ann'))).toBe('ok');
  expect(codeOf(await world.core.getConversation(caller('ann'), { conversation_id: group }))).toBe('not_member');
  expect(codeOf(await add('ann', group, 'ann'))).toBe('not_member');
});

test('a new member of a group sees only later messages, unless the creator chose otherwise', async () => {
  const [hidden, shown] = [await world.group('ann', []), await world.group('ann', [], { history_visible: true })];
  const broadcast = await world.group('ann', [], { kind: 'broadcast' });
  for (const conversation of [hidden, shown, broadcast]) {
    await world.say('ann', conversation);
    expect(codeOf(await add('ann', conversation, 'bob'))).toBe('ok');
  }
  const firstSeqs = await Promise.all([hidden, shown, broadcast].map((id) => view(id, 'bob')));
  expect(firstSeqs.map(({ first_seq, history_visible }) => [Number(first_seq), history_visible])).toEqual([
    [3, false],
    [1, true],
    [1, true],
  ]);
});

test('ids are resolved in any case', async () => {
  const group = accepted(await create('ann', ['BOB', 'bob'])).conversation_id;
  expect((await view(group)).members?.map(String)).toEqual(['ann', 'bob']);
  expect(codeOf(await add('ann', group, 'CARL'))).toBe('ok');
  expect(codeOf(await remove('ann', group, 'Bob'))).toBe('ok');
  expect((await view(group)).members?.map(String)).toEqual(['ann', 'carl']);
  const direct = accepted(await world.core.createConversation(caller('ann'), { kind: 'direct', with: user('BOB') }));
  expect(String(direct.conversation_id)).toBe('d:ann:bob');
});

test('only owners write into a broadcast and change it', async () => {
  const broadcast = await world.group('ann', ['bob', 'carl'], { kind: 'broadcast' });
  expect(codeOf(await world.trySay('ann', broadcast))).toBe('ok');
  expect(codeOf(await world.trySay('bob', broadcast))).toBe('forbidden');
  expect(codeOf(await add('bob', broadcast, 'dan'))).toBe('forbidden');
  expect(codeOf(await rename('bob', broadcast, 'x'))).toBe('forbidden');
  expect(codeOf(await remove('bob', broadcast, 'carl'))).toBe('forbidden');
  expect(codeOf(await remove('bob', broadcast, 'bob'))).toBe('ok');
});

test('two users have one direct conversation, whoever starts it; it has fixed members and no title', async () => {
  const begin = async (creator: string, other: string) =>
    world.core.createConversation(caller(creator), { kind: 'direct', with: user(other) });
  const direct = accepted(await begin('bob', 'ann')).conversation_id;
  const both = await Promise.all([begin('ann', 'bob'), begin('bob', 'ann')]);
  expect(both.map((made) => accepted(made).conversation_id)).toEqual([direct, direct]);
  expect(codeOf(await begin('ann', 'nobody'))).toBe('not_found');
  expect(codeOf(await add('ann', direct, 'carl'))).toBe('forbidden');
  expect(codeOf(await remove('ann', direct, 'ann'))).toBe('forbidden');
  expect(codeOf(await rename('ann', direct, 'x'))).toBe('forbidden');
  expect(codeOf(await world.trySay('carl', direct))).toBe('not_member');
});

test('a new title is published immediately, seen by every member, and recorded in the timeline', async () => {
  const group = await world.group('ann', ['bob']);
  const frames = await world.listen(conversationTopic(group));
  const title = `'"); DROP TABLE conversation; -- 鸿雁 ${'x'.repeat(80)}`;
  expect(accepted(await rename('bob', group, title)).title).toBe(title);
  expect(frames.map(({ type }) => type)).toEqual(['conversation', 'entry']);
  expect(frames[0]).toMatchObject({ change: 'updated', conversation: { title, member_count: 2 } });
  expect(frames[1]).toMatchObject({ seq: 2, from: 'bob', content: { type: 'hongyan.title', title } });
  expect((await view(group)).title).toBe(title);
});

test('members are notified of joins and leaves, and so is the user who joins or leaves', async () => {
  const group = await world.group('ann', ['bob']);
  const inGroup = await world.listen(conversationTopic(group));
  const atCarl = await world.listen(userTopic(user('carl')));
  await add('ann', group, 'carl');
  await remove('ann', group, 'carl');
  const changes = [
    { change: 'member_joined', user_id: 'carl', conversation: { member_count: 3, members: ['ann', 'bob', 'carl'] } },
    { change: 'member_left', user_id: 'carl', conversation: { member_count: 2, members: ['ann', 'bob'] } },
  ];
  expect(inGroup.filter(({ type }) => type === 'conversation')).toMatchObject(changes);
  expect(atCarl).toMatchObject(changes);
  expect(inGroup.filter(({ type }) => type === 'entry').map(({ seq: at }) => at)).toEqual([2, 3]);
});

test('members are listed page by page by id, each with name, role and positions', async () => {
  const group = await world.group('dan', ['carl', 'bob', 'ann']);
  await world.read(caller('bob'), group, 1);
  const pageAfter = async (after?: string) => {
    const request = { conversation_id: group, limit: 100, ...(after === undefined ? {} : { after: user(after) }) };
    return accepted(await world.core.listMembers(caller('ann'), request));
  };
  const first = await pageAfter();
  expect(first.members.map((member) => String(member.user_id))).toEqual(['ann', 'bob', 'carl']);
  expect(first.next).toBe(user('carl'));
  expect(first.members[1]).toMatchObject({ display_name: 'bob', role: 'member', delivered_seq: 1, read_seq: seq(1) });
  const second = await pageAfter(first.next);
  expect(second.members.map(({ user_id, role }) => [String(user_id), role])).toEqual([['dan', 'owner']]);
  expect(second.next).toBeUndefined();
});

test('a user removed while being added is not subscribed, whatever else is being written', async () => {
  const group = await world.group('ann', ['bob']);
  const followed = await world.follow('carl');
  for (let turns = 0; turns < 12; turns++) {
    // Commands that arrive during this commit are committed together.
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

test('[D2] commands of a caller take effect in the order of the calls, messages and changes alike', async () => {
  const group = await world.group('ann', ['bob']);
  const frames = await world.listen(conversationTopic(group));
  const all = [
    add('ann', group, 'CARL'),
    world.trySay('ann', group, 'welcome'),
    remove('ann', group, 'BOB'),
    world.trySay('ann', group, 'goodbye'),
    rename('ann', group, 'two'),
  ];
  expect((await Promise.all<Result<unknown>>(all)).map(codeOf)).toEqual(Array(5).fill('ok'));
  const contents = frames.filter(({ type }) => type !== 'conversation').map(({ content }) => content);
  expect(contents).toMatchObject([
    { change: 'joined', user_ids: ['carl'] },
    { text: 'welcome' },
    { change: 'left', user_ids: ['bob'] },
    { text: 'goodbye' },
    { title: 'two' },
  ]);
});

test('no entry of a removed member follows the entry of the removal', async () => {
  const group = await world.group('ann', ['bob', 'carl']);
  expect(codeOf(await world.trySay('carl', group))).toBe('ok');
  const sends: Promise<unknown>[] = [];
  const removing = remove('ann', group, 'carl');
  // The first message to a user opens a conversation, which takes a commit: what is sent with it waits.
  for (const who of ['bob', 'dan', 'eve', 'fay']) {
    sends.push(world.trySay('carl', who), world.trySay('carl', group));
    await Promise.race([...sends, new Promise(setImmediate)]);
  }
  await Promise.all([removing, ...sends]);
  const page = accepted(await world.core.history(caller('ann'), { conversation_id: group, limit: 50 }));
  expect(page.entries.at(-1)?.content).toMatchObject({ change: 'left' });
});

test('[D9] a stored change succeeds even if the timeline has no room to record it', async () => {
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
  const changed = accepted(await rename('ann', group, 'new'));
  expect(changed).toMatchObject({ title: 'new', members: ['ann', 'carl'] });
});

/** After `method` has stored something the directory cannot be read, until the next `mend`. */
function unreadableAfter(method: 'createConversation' | 'addMember' | 'removeMember' | 'updateConversation') {
  let isBroken = false;
  return {
    given: (deps: CoreDeps): CoreDeps => ({
      ...deps,
      directory: around(deps.directory, async (name, call) => {
        if (isBroken && name === 'getConversations') throw new StoreFailure('unavailable', 'cannot be read now');
        const value = await call();
        if (name === method) isBroken = true;
        return value;
      }),
    }),
    mend() {
      isBroken = false;
    },
  };
}

test('[D9] a removed member is unsubscribed and an added one subscribed, even if the frame of the change cannot be built', async () => {
  for (const method of ['removeMember', 'addMember'] as const) {
    await world.close();
    const directory = unreadableAfter(method);
    world = await openWorld({ given: directory.given });
    await world.people('ann', 'bob', 'carl');
    const group = await world.group('ann', method === 'removeMember' ? ['bob', 'carl'] : ['carl']);
    const followed = await world.follow('bob');
    const lost: unknown[] = [];
    const listening = world.bus.attach({ onEvent: () => {}, onLoss: (topics) => lost.push(...(topics ?? [])) });
    await listening.subscribe([userTopic(user('bob')), conversationTopic(group)]);
    expect(codeOf(await (method === 'removeMember' ? remove : add)('ann', group, 'bob'))).toBe('ok');
    expect(followed.has(group)).toBe(method === 'addMember');
    // Users who were not notified can read it.
    expect(new Set(lost)).toEqual(new Set([userTopic(user('bob')), conversationTopic(group)]));
    directory.mend();
    expect((await view(group)).members?.includes(user('bob'))).toBe(method === 'addMember');
  }
});

test('[D9] a stored change is not reported as failed if the conversation cannot be read afterwards', async () => {
  for (const method of ['createConversation', 'updateConversation'] as const) {
    await world.close();
    const directory = unreadableAfter(method);
    world = await openWorld({ given: directory.given });
    await world.people('ann', 'bob');
    if (method === 'createConversation') {
      const followed = await world.follow('bob');
      expect(codeOf(await create('ann', ['bob']))).toBe('unknown_outcome');
      directory.mend();
      expect([...followed]).toEqual(await conversationsOf('ann'));
      continue;
    }
    const group = await world.group('ann', ['bob']);
    expect(codeOf(await rename('ann', group, 'new'))).toBe('unknown_outcome');
    directory.mend();
    expect(await view(group)).toMatchObject({ title: 'new' });
  }
});

test.each(['   ', '\u200b', '\u2060\u200d', '\u0000', '\n', 'a\u0007b', '\u202Eteam', 'half \ud83d', 'x'.repeat(129)])(
  'the title %j is refused',
  async (title) => {
    const group = await world.group('ann', ['bob']);
    for (const outcome of [
      await world.core.createConversation(caller('ann'), { kind: 'group', title, members: [] }),
      await rename('ann', group, title),
    ])
      expect(['bad_request', 'too_large']).toContain(codeOf(outcome));
    expect(await conversationsOf('bob')).toEqual([group]);
    expect(await view(group)).toMatchObject({ title: 'of ann', last_seq: 1 });
  },
);

test('a user joins no more conversations than allowed, whoever adds them', async () => {
  await world.close();
  world = await openWorld({ conversationsPerUserMax: 2 });
  await world.people('ann', 'bob', 'carl', 'dan');
  await world.group('ann', ['bob']);
  const second = await world.group('carl', ['bob']);
  expect(codeOf(await create('dan', ['bob']))).toBe('too_large');
  expect(codeOf(await world.core.createConversation(caller('dan'), { kind: 'direct', with: user('bob') }))).toBe(
    'too_large',
  );
  expect(codeOf(await world.trySay('dan', 'bob'))).toBe('too_large');
  const third = await world.group('dan', []);
  expect(codeOf(await add('dan', third, 'bob'))).toBe('too_large');
  expect(codeOf(await remove('bob', second, 'bob'))).toBe('ok');
  expect(codeOf(await add('dan', third, 'bob'))).toBe('ok');
});

test('a user who may not see a conversation learns nothing about users through it', async () => {
  const group = await world.group('ann', ['bob']);
  expect(codeOf(await add('eve', group, 'nobody'))).toBe('not_member');
  expect(codeOf(await add('eve', group, 'fay'))).toBe('not_member');
  expect(codeOf(await add('ann', group, 'nobody'))).toBe('not_found');
});

test('the owner makes admins and transfers the conversation; every change is published and recorded', async () => {
  const { conversation_id } = accepted(await create('ann', ['bob', 'carl']));
  const frames = await world.listen(conversationTopic(conversation_id));
  const give = (by: string, to: string, role: 'owner' | 'admin' | 'member') =>
    world.core.setRole(caller(by), { conversation_id, user_id: user(to), role });
  const rolesOf = async () =>
    accepted(await world.core.listMembers(caller('ann'), { conversation_id })).members.map(({ role }) => role);
  accepted(await give('ann', 'bob', 'admin'));
  expect(await rolesOf()).toEqual(['owner', 'admin', 'member']);
  expect(codeOf(await give('bob', 'carl', 'admin'))).toBe('forbidden');
  expect(codeOf(await give('ann', 'ann', 'member'))).toBe('conflict');
  expect(codeOf(await give('ann', 'dan', 'admin'))).toBe('not_found');
  accepted(await give('ann', 'carl', 'owner'));
  expect(await rolesOf()).toEqual(['admin', 'admin', 'owner']);
  const remove = (by: string, id: string) =>
    world.core.removeMember(caller(by), { conversation_id, user_id: user(id) });
  expect(codeOf(await remove('ann', 'bob'))).toBe('forbidden');
  accepted(await remove('carl', 'bob'));
  expect(frames.filter(({ type }) => type === 'entry').map(({ content }) => content)).toMatchObject([
    { type: 'hongyan.role', user_id: 'bob', role: 'admin' },
    { type: 'hongyan.role', user_id: 'carl', role: 'owner' },
    { type: 'hongyan.members', change: 'left' },
  ]);
});

test('[E10] admins change who may post, add and mention all, and whether new members see earlier messages', async () => {
  const group = await world.group('ann', ['bob']);
  const update = (by: string, more: object) =>
    world.core.updateConversation(caller(by), { conversation_id: group, ...more });
  expect(codeOf(await update('bob', { rules: { post: 'admins' } }))).toBe('forbidden');
  expect(codeOf(await update('bob', { history_visible: true }))).toBe('forbidden');
  for (const nothing of [{}, { rules: {} }, { rules: { colour: 'red', constructor: 'members' } }])
    expect(codeOf(await update('ann', nothing))).toBe('bad_request');
  const frames = await world.listen(conversationTopic(group));
  const rules = { post: 'admins', add: 'admins', mention_all: 'admins' };
  const given = { post: 'admins', add: 'admins', colour: 'red' };
  const changed = accepted(await update('ann', { rules: given, history_visible: true }));
  expect(changed).toMatchObject({ rules, history_visible: true });
  expect(frames).toMatchObject([
    { type: 'conversation', change: 'updated', conversation: { rules, history_visible: true } },
    { type: 'entry' },
  ]);
  expect(frames[1]).toHaveProperty('content', {
    type: 'hongyan.rules',
    rules: { post: 'admins', add: 'admins' },
    history_visible: true,
  });
  expect(codeOf(await world.trySay('bob', group))).toBe('forbidden');
  expect(codeOf(await world.core.typing(caller('bob'), { conversation_id: group }))).toBe('forbidden');
  const added = { conversation_id: group, user_id: user('carl') };
  expect(codeOf(await world.core.addMember(caller('bob'), added))).toBe('forbidden');
  const before = await world.say('ann', group, 'seen by carl');
  accepted(await world.core.addMember(caller('ann'), added));
  const page = accepted(await world.core.history(caller('carl'), { conversation_id: group, limit: 200 }));
  expect(page.entries.map((entry) => entry.seq)).toContain(before.seq);
  expect(codeOf(await update('bob', { title: 'every member may rename' }))).toBe('ok');
  accepted(await update('ann', { rules: { post: 'members' } }));
  expect(codeOf(await world.trySay('bob', group))).toBe('ok');
});

test('[D5] a removed member sees nothing later, and learns of the gap when added again', async () => {
  const group = await world.group('ann', ['bob']);
  const before = await world.say('ann', group, 'before');
  const frames = await world.listen(userTopic(user('bob')));
  accepted(await remove('ann', group, 'bob'));
  expect(frames).toMatchObject([{ type: 'conversation', change: 'member_left', user_id: 'bob' }]);
  const during = await world.say('ann', group, 'while bob was away');
  for (const asked of [
    world.core.history(caller('bob'), { conversation_id: group }),
    world.core.catchUp(caller('bob'), { conversation_id: group, after_seq: before.seq }),
  ])
    expect(codeOf(await asked)).toBe('not_member');
  accepted(await add('ann', group, 'bob'));
  const after = await world.say('ann', group, 'after');
  const input = { conversation_id: group, after_seq: before.seq };
  const page = accepted(await world.core.catchUp(caller('bob'), input));
  expect(page.first_seq).toBeGreaterThan(during.seq);
  expect(page.entries.map((entry) => entry.seq)).not.toContain(during.seq);
  expect(page.entries.at(-1)?.seq).toBe(after.seq);
  expect((await view(group, 'bob')).first_seq).toBe(page.first_seq);
});
