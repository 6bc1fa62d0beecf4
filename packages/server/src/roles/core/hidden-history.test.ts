// Messages from before a member joined, in a group that hides them [E10]: later changes of them reveal nothing.

import { afterEach, beforeEach, expect, test } from 'bun:test';
import type { Content } from '@hongyan/protocol/content';
import type { ClientMsgId, ConversationId, MsgId, Seq } from '@hongyan/protocol/ids';
import { conversationTopic, userTopic } from '../../ports/event-bus/event-bus.ts';
import { accepted, caller, codeOf, type Frame, openWorld, seq, user, type World } from './testing/world.ts';

let world: World;
let group: ConversationId;
let hidden: Seq;
let keys = 0;
beforeEach(async () => {
  world = await openWorld();
  await world.people('ann', 'bob', 'carl', 'dora');
  group = await world.group('ann', ['bob']);
  hidden = (await world.say('ann', group, 'SECRET')).seq;
  accepted(await world.core.addMember(caller('ann'), { conversation_id: group, user_id: user('carl') }));
});
afterEach(() => world.close());

const at = (target_seq: Seq) => ({
  ...{ conversation_id: group, target_seq, client_msg_id: `change ${++keys}` as ClientMsgId },
});
const read = async (by: string, more: object = {}) =>
  accepted(await world.core.catchUp(caller(by), { conversation_id: group, after_seq: seq(0), ...more })).entries;

/** Changes the message in every way, with SECRET in each that has words. Returns the entries' ids. */
async function change(target: Seq): Promise<readonly MsgId[]> {
  const [ann, bob] = [caller('ann'), caller('bob')];
  const made = [
    await world.core.edit(ann, { ...at(target), content: { type: 'text', text: 'SECRET too' } }),
    await world.core.react(bob, { ...at(target), key: 'SECRET', op: 'add' }),
    await world.core.pin(ann, at(target)),
    await world.core.recall(ann, { ...at(target), reason: 'SECRET' }),
  ];
  return made.map((ack) => accepted(ack).msg_id);
}

test('[E10] changes of a hidden message keep their places but reveal nothing of it', async () => {
  const msgIds = await change(hidden);
  const entries = await read('carl');
  expect(JSON.stringify(entries)).not.toContain('SECRET');
  expect(entries.map((entry) => Number(entry.seq))).toEqual([3, 4, 5, 6, 7]);
  expect(entries.at(-1)?.content).toEqual({ type: 'hongyan.recall', target_seq: hidden } as Content);
  expect(JSON.stringify(await read('carl', { only: 'state' }))).not.toContain('SECRET');
  for (const msg_id of msgIds)
    expect(JSON.stringify(accepted(await world.core.getMessage(caller('carl'), { msg_id })))).not.toContain('SECRET');
  expect((await read('bob')).at(-1)?.content).toMatchObject({ reason: 'SECRET' });
});

test('[E10] an edit of a message from before the join has no content, an edit of a later one has', async () => {
  const { seq: shown } = await world.say('ann', group, 'hello carl');
  accepted(await world.core.edit(caller('ann'), { ...at(hidden), content: { type: 'text', text: 'SECRET too' } }));
  accepted(await world.core.edit(caller('ann'), { ...at(shown), content: { type: 'text', text: 'Hello Carl' } }));
  const contents = async (by: string) => (await read(by)).slice(-2).map(({ content }): unknown => content);
  const [before, after] = [hidden, shown].map((target_seq) => ({ type: 'hongyan.edit', target_seq }));
  const texts = ['SECRET too', 'Hello Carl'].map((text) => ({ type: 'text', text }));
  expect(await contents('carl')).toEqual([before, { ...after, content: texts[1] }]);
  expect(await contents('bob')).toEqual([
    { ...before, content: texts[0] },
    { ...after, content: texts[1] },
  ]);
  expect(codeOf(await world.core.react(caller('carl'), { ...at(hidden), key: 'x', op: 'add' }))).toBe('not_found');
});

test('[E10] a pushed change of a hidden message has content only for members who see the message', async () => {
  const topics = [conversationTopic(group), ...['ann', 'bob', 'carl'].map((id) => userTopic(user(id)))];
  const [all = [], ...own] = await Promise.all(topics.map((topic) => world.listen(topic)));
  const { seq: shown } = await world.say('ann', group, 'hello carl');
  await change(hidden);
  await change(shown);
  const contents = (frames: readonly Frame[] = []) => frames.map(({ content }) => content);
  const types = ['edit', 'reaction', 'pin', 'recall'].map((name) => `hongyan.${name}`);
  expect(contents(own[2])).toEqual(types.map((type) => ({ type, target_seq: hidden })));
  expect(contents(own[0])).toMatchObject([
    { content: { text: 'SECRET too' } },
    { key: 'SECRET' },
    { pinned: true },
    { reason: 'SECRET' },
  ]);
  expect(own[1]).toEqual(own[0] ?? []);
  expect(all.map((frame) => Number(frame.seq))).toEqual([0, 5, 6, 7, 8].map((after) => shown + after));
});

test('[E10] who may see a message is determined again after each change of the members', async () => {
  const frames = await world.listen(conversationTopic(group));
  const { seq: shown } = await world.say('ann', group, 'hello carl');
  const edit = (content: string) =>
    world.core.edit(caller('ann'), { ...at(shown), content: { type: 'text', text: content } });
  const edits = () => frames.filter(({ content }) => (content as Content | undefined)?.type === 'hongyan.edit').length;
  accepted(await edit('Hello'));
  expect(edits()).toBe(1);
  accepted(await world.core.addMember(caller('ann'), { conversation_id: group, user_id: user('dora') }));
  accepted(await edit('Hello again'));
  expect(edits()).toBe(1);
  accepted(await world.core.removeMember(caller('ann'), { conversation_id: group, user_id: user('dora') }));
  accepted(await edit('Hello all'));
  expect(edits()).toBe(2);
});
