// The core as the owner of a partition: its position, fencing of older owners, and commands that may have been executed before.

import { afterEach, beforeEach, expect, test } from 'bun:test';
import { StoreFailure } from '@hongyan/base/result';
import type { ClientMsgId, ConversationId, MsgId } from '@hongyan/protocol/ids';
import { rejectionOf } from '@hongyan/testing/rejection';
import { until } from '@hongyan/testing/until';
import { Fenced } from '../../domain/fence.ts';
import { defaultRules } from '../../domain/membership.ts';
import type { ChangeCommand, Command, MessageCommand } from '../../ports/command-log/command-log.ts';
import {
  type BusEvent,
  type BusListener,
  conversationTopic,
  type Topic,
  userTopic,
} from '../../ports/event-bus/event-bus.ts';
import { around, failing } from './testing/faulty-port.ts';
import { openSharedWorld, type SharedWorld } from './testing/shared-world.ts';
import { codeOf, seq, user } from './testing/world.ts';

const group = 'g:one' as ConversationId;
let world: SharedWorld;
afterEach(() => world.close());

async function open(options: Parameters<typeof openSharedWorld>[0] = {}): Promise<void> {
  world = await openSharedWorld(options);
  await world.people('ann', 'bob', 'cat');
  await world.handle([creation]);
  world.row.appends.length = 0;
}
beforeEach(() => open());

const recordId = (n: number) => `00000000-0000-7000-8000-00000000000${n}` as MsgId;
const creation: ChangeCommand = {
  ...{ type: 'create', conversationId: group, from: user('ann'), kind: 'group', title: 'one', members: [user('bob')] },
  ...{ isHistoryVisible: true, rules: defaultRules('group'), recordId: recordId(0) },
};
const message = (key: string, from = 'ann'): MessageCommand => ({
  ...{ type: 'message', conversationId: group, from: user(from), clientMsgId: key as ClientMsgId },
  contentJson: JSON.stringify({ type: 'text', text: key }),
});
const addition = (n: number, userId = 'cat') => ({
  ...{ type: 'add_member' as const, conversationId: group, from: user('ann'), userId: user(userId) },
  recordId: recordId(n),
});
const removal = (n: number, userId = 'cat') => ({
  ...{ type: 'remove_member' as const, conversationId: group, from: user('ann'), userId: user(userId) },
  recordId: recordId(n),
});
const leave = (n: number) => ({ ...removal(n, 'ann'), from: user('ann') });
const handOver = (n: number) => ({
  ...{ type: 'set_role' as const, conversationId: group, from: user('ann'), userId: user('bob') },
  ...{ role: 'owner' as const, recordId: recordId(n) },
});
const reaction = (key: string): Command => ({
  ...{ type: 'change_message', conversationId: group, from: user('bob'), clientMsgId: key as ClientMsgId },
  ...{ targetSeq: seq(2), change: { type: 'react', key: '+1', op: 'add' } },
});

async function stored(): Promise<readonly string[]> {
  const { entries } = await world.timeline.range({
    conversationId: group,
    afterSeq: seq(0),
    limit: 100,
    withTargeted: true,
  });
  return entries.map(({ contentJson }) => {
    const { text, change, type } = JSON.parse(contentJson) as { text?: string; change?: string; type: string };
    return text ?? change ?? type;
  });
}

/** What subscribers of the topics receive from now on: texts of messages, and "lost" for loss reports. */
async function hear(...topics: readonly Topic[]): Promise<string[]> {
  const heard: string[] = [];
  const onEvent = (event: BusEvent) => {
    if (event.type !== 'frame') return;
    const { content } = JSON.parse(event.frame) as { content?: { text?: string } };
    if (content?.text) heard.push(content.text);
  };
  const attachment = world.bus.attach({ onEvent, onLoss: (lost) => heard.push(`lost ${lost}`) });
  await attachment.subscribe(topics);
  return heard;
}

test('[K1] the position moves in the transaction of the batch', async () => {
  const outcomes = await world.handle([message('a'), message('b'), message('c', 'eve')]);
  expect(outcomes.map(codeOf)).toEqual(['ok', 'ok', 'not_member']);
  expect(world.row.appends).toEqual([[2, 4]]);
});

test('[K1] a batch that stores nothing moves the position too', async () => {
  await world.handle([message('a', 'eve')]);
  await world.handle([]);
  expect(world.row.appends).toEqual([
    [0, 2],
    [0, 2],
  ]);
});

test('[K1] a batch that takes several transactions moves the position with the last of them', async () => {
  await world.handle([message('a')]);
  const outcomes = await world.handle([message('b'), reaction('r'), message('c')]);
  expect(outcomes.map(codeOf)).toEqual(['ok', 'ok', 'ok']);
  expect(world.row.appends).toEqual([
    [1, 2],
    [1, undefined],
    // What waits in one lane.
    [2, undefined],
    [0, 5],
  ]);
});

test('[K4] if one command of a batch cannot be checked, nothing is stored and the position stays', async () => {
  const state: { failWith?: (error: Error | undefined) => void } = {};
  await world.close();
  await open({
    given(deps) {
      const faulty = failing(deps.directory, 'getMembers');
      state.failWith = faulty.failWith;
      return { ...deps, directory: faulty.port };
    },
  });
  await world.handle([message('a')]);
  state.failWith?.(new StoreFailure('unavailable', 'the directory is away'));
  const outcomes = await world.handle([message('b'), message('c', 'bob')]);
  expect(outcomes.every(({ type }) => type === 'failed')).toBe(true);
  expect(world.row.position.offset).toBe(2);
  state.failWith?.(undefined);
  expect((await world.handle([message('b'), message('c', 'bob')])).map(codeOf)).toEqual(['ok', 'ok']);
  expect(await stored()).toEqual(['created', 'a', 'b', 'c']);
});

test('[K1] a batch whose position cannot be stored is not done, even if it stores nothing else', async () => {
  let failWith: (error: Error | undefined) => void = () => {};
  await world.close();
  await open({
    given(deps) {
      const faulty = failing(deps.timeline, 'append');
      failWith = faulty.failWith;
      return { ...deps, timeline: faulty.port };
    },
  });
  failWith(new StoreFailure('unavailable', 'the timeline is away'));
  expect((await world.handle([message('a', 'eve')])).map(codeOf)).toEqual(['unavailable']);
  failWith(undefined);
  expect((await world.handle([message('a', 'eve')])).map(codeOf)).toEqual(['not_member']);
  expect(world.row.position.offset).toBe(2);
});

test('[F1] an older owner can write to neither store', async () => {
  const fence = world.row.position;
  world.row.claim();
  const commands: Command[] = [message('a'), addition(1), { ...message('b'), references: { replyTo: seq(1) } }];
  for (const command of commands) expect(await rejectionOf(world.handle([command], { fence }))).toBeInstanceOf(Fenced);
  expect(await stored()).toEqual(['created']);
  expect(await world.directory.getMembers([{ conversationId: group, userId: user('cat') }])).toEqual([undefined]);
});

test('[K6] in a batch that may be repeated, duplicates are reported as lost before new entries; in other batches they are not', async () => {
  await world.handle([message('a')]);
  const heard = await hear(conversationTopic(group));
  await world.handle([message('a'), message('b')]);
  expect(heard).toEqual(['b']);
  const outcomes = await world.handle([message('a'), message('c')], { mayBeRepeated: true });
  expect(heard).toEqual(['b', 'lost c:g:one', 'c']);
  expect(outcomes[0]).toMatchObject({ type: 'ok', value: { isDuplicate: true } });
});

test('[K7] a change that may be repeated is not made twice, and its subscribers receive a loss report', async () => {
  await world.handle([addition(1)]);
  await world.handle([removal(2)]);
  const heard = await hear(conversationTopic(group), userTopic(user('cat')));
  expect((await world.handle([removal(2)], { mayBeRepeated: true })).map(codeOf)).toEqual(['ok']);
  expect(heard.toSorted()).toEqual(['lost c:g:one', 'lost u:cat']);
  expect(await stored()).toEqual(['created', 'joined', 'left']);
});

test('[K6] a repeated change without a record succeeds, and its subscribers receive a loss report', async () => {
  let lostAnswerOf = '';
  await world.close();
  await open({
    given: (deps) => ({
      ...deps,
      directory: around(deps.directory, async (name, call) => {
        const answer = await call();
        if (name !== lostAnswerOf) return answer;
        lostAnswerOf = '';
        throw new StoreFailure('unknown_outcome', 'the connection broke at the commit');
      }),
    }),
  });
  for (const [method, command] of [
    ['addMember', addition(1)],
    ['removeMember', removal(2)],
    ['setRole', handOver(3)],
    ['removeMember', leave(4)],
  ] as const) {
    const heard = await hear(conversationTopic(group), userTopic(user(command.userId)));
    lostAnswerOf = method;
    expect((await world.handle([command])).map(codeOf)).toEqual(['unknown_outcome']);
    // Another core continues.
    await world.owner.claim(world.row.position.partition);
    expect((await world.handle([command], { mayBeRepeated: true })).map(codeOf)).toEqual(['ok']);
    expect(heard.toSorted()).toEqual(['lost c:g:one', `lost u:${command.userId}`]);
  }
  const direct = 'd:ann:bob' as ConversationId;
  const opening = { type: 'create_direct' as const, conversationId: direct, from: user('ann'), recordId: recordId(5) };
  const heard = await hear(userTopic(user('ann')), userTopic(user('bob')));
  lostAnswerOf = 'createConversation';
  expect((await world.handle([opening])).map(codeOf)).toEqual(['unknown_outcome']);
  expect((await world.handle([opening], { mayBeRepeated: true })).map(codeOf)).toEqual(['ok']);
  expect(heard.toSorted()).toEqual(['lost u:ann', 'lost u:bob']);
  // The core itself reads the membership.
  expect((await world.handle([message('x', 'cat')])).map(codeOf)).toEqual(['not_member']);
});

test('[K7] a change that may be repeated, but was not made, is made', async () => {
  expect((await world.handle([addition(1)], { mayBeRepeated: true })).map(codeOf)).toEqual(['ok']);
  expect(await stored()).toEqual(['created', 'joined']);
});

test('[K6] executed commands are published again or reported as lost, and not executed again', async () => {
  await world.handle([message('a'), { ...message('b'), references: { replyTo: seq(2) } }]);
  await world.handle([addition(1)]);
  await world.handle([removal(2)]);
  const heard = await hear(conversationTopic(group));
  const batch = [
    message('a'),
    { ...message('b'), references: { replyTo: seq(2) } },
    message('x', 'eve'),
    addition(1),
    addition(3),
  ];
  const outcomes = await world.owner.recover(batch);
  expect(outcomes.map(codeOf)).toEqual(['ok', 'ok', 'unknown_outcome', 'ok', 'unknown_outcome']);
  expect(heard).toEqual(['lost c:g:one', 'lost c:g:one']);
  expect(await stored()).toEqual(['created', 'a', 'b', 'joined', 'left']);
});

test('[K6][D3] an executed command whose key was used for another one is refused again', async () => {
  const reply = { ...message('b'), references: { replyTo: seq(2) } };
  const pin: Command = {
    ...{ type: 'change_private', conversationId: 'u:bob' as ConversationId, from: user('bob'), deviceId: undefined },
    ...{ clientMsgId: 'pin' as ClientMsgId, change: { type: 'pin', conversation_id: group, pinned: true } },
  };
  const first = [message('a'), reply, reaction('r'), pin];
  expect((await world.handle(first)).map(codeOf)).toEqual(['ok', 'ok', 'ok', 'ok']);
  const others: Command[] = [
    { ...message('a'), contentJson: message('x').contentJson },
    message('b'),
    { ...reaction('r'), change: { type: 'react', key: '-1', op: 'add' } } as Command,
    { ...pin, change: { type: 'pin', conversation_id: group, pinned: false } },
  ];
  const outcomes = await world.owner.recover([...first, ...others]);
  expect(outcomes.map(codeOf)).toEqual([...first.map(() => 'ok'), ...others.map(() => 'conflict')]);
});

test('[K6][D4] executed commands are published again in the order of the conversation', async () => {
  for (const key of ['a', 'b', 'c', 'd']) await world.handle([message(key)]);
  const heard = await hear(conversationTopic(group));
  await world.owner.recover([message('c'), message('b'), message('c'), message('a')]);
  expect(heard).toEqual(['a', 'b', 'c']);
});

test('[K6] the recovery of a new owner has few queries in flight', async () => {
  await world.close();
  let [asked, most] = [0, 0];
  await open({
    given(deps) {
      const timeline = around(deps.timeline, async (name, call) => {
        if (name !== 'findByClientMsgId') return call();
        most = Math.max(most, ++asked);
        await new Promise<void>((resolve) => void setImmediate(resolve));
        return call().finally(() => asked--);
      });
      return { ...deps, timeline };
    },
  });
  const keys = Array.from({ length: 100 }, (_, index) => `key ${index}`);
  await world.handle(keys.map((key) => message(key)));
  const outcomes = await world.owner.recover(keys.map((key) => message(key)));
  expect(outcomes.map(codeOf)).toEqual(keys.map(() => 'ok'));
  expect(most).toBeGreaterThan(1);
  expect(most).toBeLessThan(50);
});

test('[K6][D4] executed commands with other entries in between are reported as lost', async () => {
  for (const key of ['a', 'b', 'c']) await world.handle([message(key)]);
  const heard = await hear(conversationTopic(group));
  await world.owner.recover([message('a'), message('c')]);
  expect(heard).toEqual(['lost c:g:one']);
});

/** The stores receive the published offset with the next batch. */
const publishedThrough = (offset: number) =>
  until(async () => {
    await world.handle([], { offset });
    return world.row.position.publishedOffset === offset;
  });

test('[K6] the stores contain the offset up to which everything is published', async () => {
  const gate = Promise.withResolvers<void>();
  let isHeld = false;
  await world.close();
  await open({
    given: (deps) => ({
      ...deps,
      bus: {
        publish: (events) => (isHeld ? gate.promise.then(() => deps.bus.publish(events)) : deps.bus.publish(events)),
        attach: (listener) => deps.bus.attach(listener),
      },
    }),
  });
  await world.handle([message('a')]);
  await publishedThrough(2);
  isHeld = true;
  await world.handle([message('b')]);
  await world.handle([message('c')]);
  expect(world.row.position).toMatchObject({ offset: 4, publishedOffset: 2 });
  isHeld = false;
  gate.resolve();
  await publishedThrough(4);
});

test('[K6] a failed batch, or a recreated log, does not count as published', async () => {
  const gate = Promise.withResolvers<void>();
  let isHeld = false;
  let directory: { failWith(error: Error | undefined): void } | undefined;
  await world.close();
  await open({
    given(deps) {
      const { port, failWith } = failing(deps.directory, 'getMembers');
      directory = { failWith };
      const bus = {
        publish: (events: readonly BusEvent[]) =>
          isHeld ? gate.promise.then(() => deps.bus.publish(events)) : deps.bus.publish(events),
        attach: (listener: BusListener) => deps.bus.attach(listener),
      };
      return { ...deps, directory: port, bus };
    },
  });
  await world.handle([message('a')]);
  await publishedThrough(2);
  directory?.failWith(new StoreFailure('unavailable', 'the directory is away'));
  expect((await world.handle([message('b', 'bob')])).map(codeOf)).toEqual(['unavailable']);
  // Notes in flight have ended by now.
  await world.core.drain();
  directory?.failWith(undefined);
  isHeld = true;
  await world.handle([message('b', 'bob')], { offset: 3 });
  expect(world.row.position).toMatchObject({ offset: 3, publishedOffset: 2 });
  await world.handle([message('c')], { offset: 1 });
  expect(world.row.position).toMatchObject({ offset: 1, publishedOffset: 0 });
  isHeld = false;
  gate.resolve();
  await publishedThrough(4);
});

test('[K6][E3] the published offset waits for the positions of senders to be written', async () => {
  await world.close();
  let faulty: { failWith(error: Error | undefined): void } | undefined;
  await open({
    given(deps) {
      const { port, failWith } = failing(deps.directory, 'advanceSent');
      faulty = { failWith };
      return { ...deps, directory: port };
    },
  });
  faulty?.failWith(new StoreFailure('unavailable', 'away'));
  await world.handle([message('a')]);
  await world.handle([message('b')]);
  await world.core.drain();
  await world.handle([], { offset: 3 });
  expect(world.row.position).toMatchObject({ offset: 3, publishedOffset: 1 });
  faulty?.failWith(undefined);
  await world.handle([message('c')]);
  await publishedThrough(4);
});

test('[E3] a new owner writes the positions of senders that the previous owner did not write', async () => {
  const { conversationId, from, clientMsgId, contentJson } = message('a', 'bob');
  const entry = { conversationId, from, clientMsgId, contentJson, timestampMs: 1, isCounted: true };
  await world.timeline.append([{ ...entry, msgId: recordId(1) }]);
  await world.owner.recover([message('a', 'bob')]);
  await until(async () => {
    const members = await world.directory.getMembers([{ conversationId: group, userId: user('bob') }]);
    return members[0]?.sentSeq === 2;
  });
});

test('[F2] a new owner reads memberships from the directory again', async () => {
  await world.handle([message('a', 'bob')]);
  await world.directory.removeMember({ conversationId: group, userId: user('bob'), atMs: 1 });
  expect((await world.handle([message('b', 'bob')])).map(codeOf)).toEqual(['ok']);
  await world.owner.claim(world.row.position.partition);
  expect((await world.handle([message('c', 'bob')])).map(codeOf)).toEqual(['not_member']);
});
