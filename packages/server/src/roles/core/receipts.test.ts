// Receipts through the core: what is refused, what is stored, and what is published.

import { afterEach, beforeEach, expect, test } from 'bun:test';
import { StoreFailure } from '@hongyan/base/result';
import type { ConversationId } from '@hongyan/protocol/ids';
import { createRandom, testSeed } from '@hongyan/testing/seed';
import { conversationTopic, userTopic } from '../../ports/event-bus/event-bus.ts';
import { around } from './testing/faulty-port.ts';
import {
  accepted,
  caller,
  codeOf,
  directoryQueueMax,
  type Frame,
  openWorld,
  seq,
  user,
  type World,
  type WorldOptions,
} from './testing/world.ts';

let world: World;
let group: ConversationId;
/** ann, bob and carl: the maximum of members that receive each other's receipts. */
beforeEach(() => open());
afterEach(() => world.close());

async function open(options?: WorldOptions): Promise<void> {
  world = await openWorld({ receiptsPushMax: 3, ...options });
  await world.people('ann', 'bob', 'carl', 'dan', 'eve');
  group = await world.group('ann', ['bob', 'carl']);
  for (let number = 0; number < 4; number++) await world.say('ann', group);
}

/** The entry of the creation, and four messages. */
const last = 5;
const ann = caller('ann');
const bob = caller('bob');
const receiptsIn = (frames: readonly Frame[]) => frames.filter(({ type }) => type === 'receipt');
const addMember = (id: string) => world.core.addMember(caller('ann'), { conversation_id: group, user_id: user(id) });
const removeMember = (id: string) => world.core.removeMember(caller(id), { conversation_id: group, user_id: user(id) });
const positions = async (of = 'bob') => {
  const { delivered_seq, read_seq } = accepted(
    await world.core.getConversation(caller(of), { conversation_id: group }),
  );
  return [Number(delivered_seq), Number(read_seq)];
};
/** Both operations concurrently: they share a commit. */
const advance = async (delivered: number, read: number, by = bob) => {
  const results = await Promise.all([
    world.core.delivered(by, { conversation_id: group, seq: seq(delivered) }),
    world.core.read(by, { conversation_id: group, seq: seq(read) }),
  ]);
  return results.find(({ type }) => type !== 'ok') ?? results[0];
};

test('[D7] a position beyond the last seq is refused and moves nothing', async () => {
  for (const [delivered, read] of [
    [last + 1, 0],
    [0, last + 1],
    [Number.MAX_SAFE_INTEGER, last + 1],
  ] as const) {
    expect(await advance(delivered, read)).toMatchObject({ type: 'refused', code: 'bad_request' });
  }
  expect(await positions()).toEqual([0, 0]);
  expect(codeOf(await advance(last, last))).toBe('ok');
  expect(await positions()).toEqual([last, last]);
});

test('[D7] a refused position does not affect others in the same commit, of the same device or of others', async () => {
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
  const made = accepted(await world.core.createConversation(caller('ann'), { kind: 'direct', with: user('bob') }));
  const at = (read: number) => world.read(ann, made.conversation_id, read);
  expect([codeOf(await at(0)), codeOf(await at(1))]).toEqual(['ok', 'bad_request']);
});

test('a position of a user who is not a member is refused, even right after leaving, and in a commit with members', async () => {
  const nowhere = 'g:nowhere' as ConversationId;
  expect(codeOf(await world.read(ann, nowhere, 0))).toBe('not_member');
  expect(codeOf(await advance(1, 1))).toBe('ok');
  expect(codeOf(await removeMember('bob'))).toBe('ok');
  const outcomes = await Promise.all([advance(1, 1), advance(1, 1, caller('eve')), advance(2, 2, ann)]);
  expect(outcomes.map(codeOf)).toEqual(['not_member', 'not_member', 'ok']);
});

test('[D7] members receive each move once, and nothing if nothing moved', async () => {
  const frames = await world.listen(conversationTopic(group));
  await advance(3, 0);
  await advance(2, 0);
  await advance(3, 2);
  await advance(3, 2);
  const receipt = { type: 'receipt', conversation_id: group, user_id: 'bob' };
  expect(receiptsIn(frames)).toEqual([
    { ...receipt, delivered_seq: 3, read_seq: 0 },
    { ...receipt, delivered_seq: 3, read_seq: 2 },
  ]);
});

test('[D7] concurrent positions of a device become one receipt with the furthest', async () => {
  const frames = await world.listen(conversationTopic(group));
  const outcomes = await Promise.all([1, 3, 2, 5, 4].map((at) => advance(at, at)));
  expect(outcomes.map(codeOf)).toEqual(Array(5).fill('ok'));
  expect(receiptsIn(frames)).toEqual([
    { type: 'receipt', conversation_id: group, user_id: 'bob', delivered_seq: 5, read_seq: 5 },
  ]);
});

test('[D7] the positions of a user are those of the furthest device', async () => {
  await advance(5, 1, caller('bob', 'phone'));
  await advance(3, 3, caller('bob', 'laptop'));
  expect(await positions()).toEqual([5, 3]);
});

test('in a direct conversation both users receive the receipt; in a note to self the user receives it once', async () => {
  const { conversation_id: direct } = await world.say('ann', 'bob');
  const { conversation_id: note } = await world.say('ann', 'ann');
  const atAnn = await world.listen(userTopic(user('ann')));
  const atBob = await world.listen(userTopic(user('bob')));
  await world.read(bob, direct, 1);
  await world.read(ann, note, 1);
  const of = (frames: readonly Frame[]) => receiptsIn(frames).map((frame) => [frame.conversation_id, frame.user_id]);
  expect(of(atAnn)).toEqual([
    [direct, 'bob'],
    [note, 'ann'],
  ]);
  expect(of(atBob)).toEqual([[direct, 'bob']]);
});

test("in a conversation that grew too large only the user's devices receive it, and all members again once it shrank", async () => {
  const inGroup = await world.listen(conversationTopic(group));
  const atBob = await world.listen(userTopic(user('bob')));
  const counts = () => [receiptsIn(inGroup).length, receiptsIn(atBob).length];
  await advance(1, 1);
  expect(counts()).toEqual([1, 0]);
  await addMember('dan');
  await advance(2, 2);
  expect(counts()).toEqual([1, 1]);
  await removeMember('dan');
  await advance(3, 3);
  expect(counts()).toEqual([2, 1]);
});

test('[M16] receipts that are not pushed in a large conversation are counted on request', async () => {
  await addMember('dan');
  const { msg_id, seq: at } = await world.say('ann', group);
  await advance(at, at);
  await advance(at, 0, caller('carl'));
  const place = accepted(await world.core.getMessage(caller('ann'), { msg_id }));
  expect(place).toMatchObject({ status: 'ack', delivered_count: 2, read_count: 1, recipient_count: 3 });
  await advance(at, 0, caller('dan'));
  expect(accepted(await world.core.getMessage(caller('ann'), { msg_id })).status).toBe('delivered');
});

test('more concurrent positions than one batch of the directory are all stored', async () => {
  const devices = Array.from({ length: directoryQueueMax + 1 }, (_, no) => caller('bob', `device-${no}`));
  const outcomes = await Promise.all(devices.map((device) => advance(last, last, device)));
  expect(new Set(outcomes.map(codeOf))).toEqual(new Set(['ok']));
});

test('[D7] a position reported while an earlier one of the device is being committed is stored too', async () => {
  // Each round reports at another moment of the previous commit.
  for (let turns = 0; turns < 40; turns++) {
    const by = caller('bob', `device-${turns}`);
    const earlier = world.read(by, group, 1);
    let isAnswered = false;
    void earlier.then(() => {
      isAnswered = true;
    });
    for (let turn = 0; turn < turns && !isAnswered; turn++)
      await (turn % 2 === 0 ? undefined : new Promise(setImmediate));
    const later = world.read(by, group, 1 + (turns % last));
    expect([codeOf(await earlier), codeOf(await later)]).toEqual(['ok', 'ok']);
    const stored = await world.directory.deviceReceipts({ conversationId: group, userIds: [user('bob')] });
    const [own] = (stored.get(user('bob')) ?? []).filter(({ deviceId }) => deviceId === by.deviceId);
    expect([turns, Number(own?.readSeq)]).toEqual([turns, 1 + (turns % last)]);
  }
});

test('[D7] a failed commit fails only its positions: one reported meanwhile is stored', async () => {
  const heads = world.timeline.heads;
  const failing = Promise.withResolvers<never>();
  const begun = Promise.withResolvers<void>();
  world.timeline.heads = () => {
    world.timeline.heads = heads;
    begun.resolve();
    return failing.promise;
  };
  const first = world.read(bob, group, 1);
  await begun.promise;
  const second = world.read(bob, group, 2);
  failing.reject(new StoreFailure('unavailable', 'closed'));
  const third = first.then(() => world.read(bob, group, 3));
  expect((await Promise.all([first, second, third])).map(codeOf)).toEqual(['unavailable', 'ok', 'ok']);
  expect(await positions()).toEqual([3, 3]);
});

test('a receipt stored while the members change is published to the members', async () => {
  await world.close();
  await open({
    given: (deps) => ({
      ...deps,
      directory: around(deps.directory, async (name, call) => {
        // The membership was looked up already; the group changes before the receipt is stored.
        if (name === 'advanceReceipts') await removeMember('carl');
        return call();
      }),
    }),
  });
  const received = await world.listen(conversationTopic(group));
  expect(codeOf(await world.read(bob, group, 2))).toBe('ok');
  expect(receiptsIn(received)).toMatchObject([{ user_id: 'bob', read_seq: 2 }]);
});

test('[D7] positions reported at random by many devices end at the furthest that was accepted', async () => {
  const random = createRandom(testSeed('receipts'));
  const furthest = { delivered: 0, read: 0 };
  const all: Promise<readonly [number, string]>[] = [];
  for (let step = 0; step < 300; step++) {
    const position = Math.floor(random() * (last + 2));
    const by = caller('bob', `device-${Math.floor(random() * 3)}`);
    const report = random() < 0.5 ? ('read' as const) : ('delivered' as const);
    const outcome = world.core[report](by, { conversation_id: group, seq: seq(position) });
    all.push(outcome.then((result) => [position, codeOf(result)]));
    if (position <= last) {
      furthest.delivered = Math.max(furthest.delivered, position);
      furthest[report] = Math.max(furthest[report], position);
    }
    if (random() < 0.3) await new Promise<void>((resolve) => void setImmediate(resolve));
  }
  for (const [position, code] of await Promise.all(all)) expect(code).toBe(position > last ? 'bad_request' : 'ok');
  expect(await positions()).toEqual([furthest.delivered, furthest.read]);
});
