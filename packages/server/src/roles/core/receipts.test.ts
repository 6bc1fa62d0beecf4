// Receipts through the core: what is refused, what is stored, and who is told.

import { afterEach, beforeEach, expect, test } from 'bun:test';
import type { ConversationId } from '@hongyan/protocol/ids';
import { conversationTopic, userTopic } from '../../ports/event-bus/event-bus.ts';
import {
  accepted,
  actor,
  codeOf,
  directoryQueueMax,
  type Frame,
  openWorld,
  seq,
  user,
  type World,
} from './testing/world.ts';

let world: World;
let group: ConversationId;
/** ann, bob and carl; as many as are told of each other's receipts. */
beforeEach(async () => {
  world = await openWorld({ receiptsPushMax: 3 });
  await world.people('ann', 'bob', 'carl', 'dan', 'eve');
  group = await world.group('ann', ['bob', 'carl']);
  for (let number = 0; number < 4; number++) await world.say('ann', group);
});
afterEach(() => world.close());

/** The entry that tells of the creation, and four messages. */
const last = 5;
const ann = actor('ann');
const bob = actor('bob');
const receiptsIn = (frames: readonly Frame[]) => frames.filter(({ type }) => type === 'receipt');
const positions = async (of = 'bob') => {
  const { delivered_seq, read_seq } = accepted(await world.core.getConversation(user(of), group));
  return [Number(delivered_seq), Number(read_seq)];
};
const advance = (delivered: number, read: number, who = bob) =>
  world.core.advance({ actor: who, conversationId: group, deliveredSeq: seq(delivered), readSeq: seq(read) });

test('[D7] a position beyond the last seq is refused and moves nothing', async () => {
  for (const [delivered, read] of [
    [last + 1, 0],
    [0, last + 1],
    [Number.MAX_SAFE_INTEGER, 1],
  ] as const) {
    expect(await advance(delivered, read)).toMatchObject({ type: 'refused', code: 'bad_request' });
  }
  expect(await positions()).toEqual([0, 0]);
  expect(codeOf(await advance(last, last))).toBe('ok');
  expect(await positions()).toEqual([last, last]);
});

test('[D7] what is refused does not spoil what came with it, of the same device and of others', async () => {
  const outcomes = await Promise.all([
    advance(2, 1),
    advance(99, 0),
    advance(4, 3),
    advance(0, 99),
    advance(1, 1, ann),
  ]);
  expect(outcomes.map(codeOf)).toEqual(['ok', 'bad_request', 'ok', 'bad_request', 'ok']);
  expect(await positions()).toEqual([4, 3]);
  expect(await positions('ann')).toEqual([1, 1]);
});

test('[D7] an empty conversation has only the position 0', async () => {
  const made = accepted(
    await world.core.createConversation({ kind: 'direct', creator: user('ann'), with: user('bob') }),
  );
  const at = (read: number) => world.read(ann, made.conversation_id, read);
  expect([codeOf(await at(0)), codeOf(await at(1))]).toEqual(['ok', 'bad_request']);
});

test('who is no member is told so, also right after leaving, and beside members', async () => {
  const nowhere = 'g:nowhere' as ConversationId;
  expect(codeOf(await world.read(ann, nowhere, 0))).toBe('not_member');
  expect(codeOf(await advance(1, 1))).toBe('ok');
  expect(codeOf(await world.core.removeMember(user('bob'), { conversationId: group, userId: user('bob') }))).toBe('ok');
  const outcomes = await Promise.all([advance(1, 1), advance(1, 1, actor('eve')), advance(2, 2, ann)]);
  expect(outcomes.map(codeOf)).toEqual(['not_member', 'not_member', 'ok']);
});

test('[D7] the members are told once what moved, and nothing when nothing did', async () => {
  const heard = world.listen(conversationTopic(group));
  await advance(3, 0);
  await advance(2, 0);
  await advance(3, 2);
  await advance(3, 2);
  const told = { type: 'receipt', conversation_id: group, user_id: 'bob' };
  expect(receiptsIn(heard)).toEqual([
    { ...told, delivered_seq: 3, read_seq: 0 },
    { ...told, delivered_seq: 3, read_seq: 2 },
  ]);
});

test('[D7] what a device says at once becomes one receipt, of the furthest', async () => {
  const heard = world.listen(conversationTopic(group));
  const outcomes = await Promise.all([1, 3, 2, 5, 4].map((at) => advance(at, at)));
  expect(outcomes.map(codeOf)).toEqual(Array(5).fill('ok'));
  expect(receiptsIn(heard)).toEqual([
    { type: 'receipt', conversation_id: group, user_id: 'bob', delivered_seq: 5, read_seq: 5 },
  ]);
});

test('[D7] the positions of a user are those of the furthest device', async () => {
  await advance(5, 1, actor('bob', 'phone'));
  await advance(3, 3, actor('bob', 'laptop'));
  expect(await positions()).toEqual([5, 3]);
});

test('in a direct conversation both are told, in a note to self one is, once', async () => {
  const { conversationId: direct } = await world.say('ann', 'bob');
  const { conversationId: note } = await world.say('ann', 'ann');
  const [atAnn, atBob] = [world.listen(userTopic(user('ann'))), world.listen(userTopic(user('bob')))];
  await world.read(bob, direct, 1);
  await world.read(ann, note, 1);
  const of = (frames: readonly Frame[]) => receiptsIn(frames).map((frame) => [frame.conversation_id, frame.user_id]);
  expect(of(atAnn)).toEqual([
    [direct, 'bob'],
    [note, 'ann'],
  ]);
  expect(of(atBob)).toEqual([[direct, 'bob']]);
});

test('in a conversation that grew too large only the own devices are told, and all again once it shrank', async () => {
  const [inGroup, atBob] = [world.listen(conversationTopic(group)), world.listen(userTopic(user('bob')))];
  const counts = () => [receiptsIn(inGroup).length, receiptsIn(atBob).length];
  await advance(1, 1);
  expect(counts()).toEqual([1, 0]);
  await world.core.addMember(user('ann'), { conversationId: group, userId: user('dan') });
  await advance(2, 2);
  expect(counts()).toEqual([1, 1]);
  await world.core.removeMember(user('dan'), { conversationId: group, userId: user('dan') });
  await advance(3, 3);
  expect(counts()).toEqual([2, 1]);
});

test('[M16] what is not pushed in a large conversation is counted for who asks', async () => {
  await world.core.addMember(user('ann'), { conversationId: group, userId: user('dan') });
  const { msgId, seq: at } = await world.say('ann', group);
  await advance(at, at);
  await advance(at, 0, actor('carl'));
  const where = accepted(await world.core.whereIs(user('ann'), { msgId }));
  expect(where).toMatchObject({ status: 'ack', delivered_count: 2, read_count: 1, member_count: 4 });
  await advance(at, 0, actor('dan'));
  expect(accepted(await world.core.whereIs(user('ann'), { msgId })).status).toBe('delivered');
});

test('more positions at once than the directory takes in one go are all stored', async () => {
  const devices = Array.from({ length: directoryQueueMax + 1 }, (_, no) => actor('bob', `device-${no}`));
  const outcomes = await Promise.all(devices.map((device) => advance(last, last, device)));
  expect(new Set(outcomes.map(codeOf))).toEqual(new Set(['ok']));
});
