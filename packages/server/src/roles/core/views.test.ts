// What a reader sees of conversations and messages: unread counts, status, hidden beginnings, dropped months.

import { afterEach, expect, test } from 'bun:test';
import type { Conversation } from '@hongyan/protocol/entry';
import type { ConversationId } from '@hongyan/protocol/ids';
import { accepted, actor, openWorld, seq, user, type World, type WorldOptions } from './testing/world.ts';

const dayMs = 86_400_000;
let world: World;
afterEach(() => world.close());

async function open(options?: WorldOptions): Promise<void> {
  world = await openWorld(options);
  await world.people('ann', 'bob', 'carl', 'dan');
}
const view = async (who: string, conversationId: ConversationId): Promise<Conversation> =>
  accepted(await world.core.getConversation(user(who), conversationId));
const history = async (who: string, conversationId: ConversationId, more = {}) =>
  accepted(await world.core.history({ userId: user(who), conversationId, ...more }));
const statusesFor = async (who: string, conversationId: ConversationId) =>
  (await history(who, conversationId)).entries.map(({ status }) => status);

test('unread is what lies behind the read position, whoever wrote it; reading on any device lowers it for all', async () => {
  await open();
  const { conversationId } = await world.say('ann', 'bob');
  for (let number = 0; number < 4; number++) await world.say('ann', 'bob');
  expect(await view('bob', conversationId)).toMatchObject({ last_seq: 5, read_seq: 0, unread: 5 });
  await world.read(actor('bob', 'phone'), conversationId, 2);
  await world.read(actor('bob', 'laptop'), conversationId, 4);
  expect(await view('bob', conversationId)).toMatchObject({ delivered_seq: 4, read_seq: 4, unread: 1 });
  expect(await view('ann', conversationId)).toMatchObject({ read_seq: 0, unread: 5 });
  await world.say('bob', 'ann');
  await world.read(actor('bob'), conversationId, 6);
  expect(await view('bob', conversationId)).toMatchObject({ unread: 0, last_message: { seq: 6, from: 'bob' } });
});

test('[D5] who may not see the beginning is told the first seq, counts from there, and reads nothing before it', async () => {
  await open({ areNewMembersShownHistory: false });
  const group = await world.group('ann', ['bob']);
  for (let number = 0; number < 4; number++) await world.say('ann', group);
  await world.core.addMember(user('ann'), { conversationId: group, userId: user('carl') });
  // 1 tells of the creation, 2–5 are messages, 6 tells that carl joined.
  expect(await view('carl', group)).toMatchObject({ first_seq: 6, last_seq: 6, unread: 1 });
  await world.say('ann', group);
  expect(await view('carl', group)).toMatchObject({ first_seq: 6, last_seq: 7, unread: 2, last_message: { seq: 7 } });
  for (const more of [{}, { afterSeq: seq(0) }, { beforeSeq: seq(8) }, { afterSeq: seq(5) }, { limit: 2 }]) {
    const page = await history('carl', group, more);
    expect(page).toMatchObject({ first_seq: 6, last_seq: 7, has_more: false });
    expect(page.entries.map((entry) => Number(entry.seq))).toEqual([6, 7]);
  }
  expect(await history('carl', group, { limit: 1 })).toMatchObject({ has_more: true, entries: [{ seq: 7 }] });
  expect(await history('carl', group, { beforeSeq: seq(6) })).toMatchObject({ entries: [], has_more: false });
  expect(await history('bob', group, { beforeSeq: seq(6) })).toMatchObject({ first_seq: 1, has_more: false });
});

test('[D7] whoever joins later has nothing of the past to read, and takes back no status', async () => {
  await open();
  const group = await world.group('ann', ['bob']);
  const { seq: last } = await world.say('ann', group);
  await world.read(actor('bob'), group, last);
  expect(await statusesFor('ann', group)).toEqual(['read', 'read']);
  await world.core.addMember(user('ann'), { conversationId: group, userId: user('carl') });
  expect(await statusesFor('ann', group)).toEqual(['read', 'read', 'ack']);
  expect(await view('carl', group)).toMatchObject({ first_seq: 1, last_seq: 3, unread: 1 });
});

test('[D5] the last message is not shown to one who may not see it', async () => {
  await open({ areNewMembersShownHistory: false });
  const group = await world.group('ann', ['bob']);
  const { msgId } = await world.say('ann', group);
  await world.core.addMember(user('ann'), { conversationId: group, userId: user('carl') });
  expect(await world.core.whereIs(user('carl'), { msgId })).toMatchObject({ code: 'not_found' });
  expect(await world.core.whereIs(user('bob'), { msgId })).toMatchObject({ type: 'ok' });
});

test('[D5] after a month was dropped views begin at what is kept, and count unread from there', async () => {
  await open();
  const { conversationId } = await world.say('ann', 'bob');
  await world.say('ann', 'bob');
  world.pass(31 * dayMs);
  await world.say('ann', 'bob');
  await world.timeline.dropMonth('2026-01');
  expect(await view('bob', conversationId)).toMatchObject({ first_seq: 3, last_seq: 3, unread: 1 });
  expect(await history('bob', conversationId, { afterSeq: seq(0) })).toMatchObject({
    first_seq: 3,
    has_more: false,
    entries: [{ seq: 3 }],
  });
  await world.read(actor('bob'), conversationId, 1);
  expect(await view('bob', conversationId)).toMatchObject({ read_seq: 1, unread: 1 });
});

test('[D7] of a direct message its sender sees the position of the other, the other the own', async () => {
  await open();
  const { conversationId } = await world.say('ann', 'bob');
  await world.say('ann', 'bob');
  await world.say('bob', 'ann');
  await world.core.advance({ actor: actor('bob'), conversationId, deliveredSeq: seq(3), readSeq: seq(1) });
  expect(await statusesFor('ann', conversationId)).toEqual(['read', 'delivered', 'ack']);
  expect(await statusesFor('bob', conversationId)).toEqual(['read', 'delivered', 'ack']);
  await world.read(actor('ann'), conversationId, 3);
  expect(await statusesFor('bob', conversationId)).toEqual(['read', 'delivered', 'read']);
});

test('[D7] a group message is read for its sender once all others read it, above the bound only where-is tells', async () => {
  await open({ receiptsPushMax: 3 });
  const group = await world.group('ann', ['bob', 'carl']);
  const { seq: at, msgId } = await world.say('ann', group);
  const status = async () => (await statusesFor('ann', group)).at(-1);
  expect(await status()).toBe('ack');
  await world.read(actor('bob'), group, at);
  expect(await status()).toBe('ack');
  await world.read(actor('carl'), group, at);
  expect(await status()).toBe('read');
  await world.core.addMember(user('ann'), { conversationId: group, userId: user('dan') });
  expect(await statusesFor('ann', group)).toEqual(['ack', 'ack', 'ack']);
  await world.read(actor('dan'), group, at);
  expect(accepted(await world.core.whereIs(user('ann'), { msgId }))).toMatchObject({ status: 'read', read_count: 3 });
});

test('[M16] where a message is counts those who are there: a sender who left is not one of them', async () => {
  await open();
  const group = await world.group('ann', ['bob', 'carl']);
  const { seq: at, msgId } = await world.say('bob', group);
  await world.core.removeMember(user('bob'), { conversationId: group, userId: user('bob') });
  await world.read(actor('ann'), group, at);
  const where = async () => accepted(await world.core.whereIs(user('ann'), { msgId }));
  expect(await where()).toMatchObject({ status: 'ack', read_count: 1, member_count: 2 });
  await world.read(actor('carl'), group, at);
  expect(await where()).toMatchObject({ status: 'read', read_count: 2, member_count: 2 });
});

test('a larger group does not list its members inline, and still tells how many there are', async () => {
  await open({ membersInlineMax: 3 });
  const group = await world.group('ann', ['bob', 'carl']);
  expect(await view('ann', group)).toMatchObject({ member_count: 3, members: ['ann', 'bob', 'carl'] });
  await world.core.addMember(user('ann'), { conversationId: group, userId: user('dan') });
  const large = await view('ann', group);
  expect(large.member_count).toBe(4);
  expect(large).not.toHaveProperty('members');
});

test('a page is no longer than the bound, and after and before together are refused', async () => {
  await open({ pageMax: 3 });
  const { conversationId } = await world.say('ann', 'bob');
  for (let number = 0; number < 4; number++) await world.say('ann', 'bob');
  expect(await history('bob', conversationId, { limit: 100 })).toMatchObject({
    entries: [{ seq: 3 }, { seq: 4 }, { seq: 5 }],
    has_more: true,
  });
  const both = { userId: user('bob'), conversationId, afterSeq: seq(1), beforeSeq: seq(3) };
  expect(await world.core.history(both)).toMatchObject({ type: 'refused', code: 'bad_request' });
});

test('[D5][D8] a page has so many bytes at most, one entry at least, and page by page everything comes once', async () => {
  await open({ pageBytesMax: 5_000 });
  const { conversationId } = await world.say('ann', 'bob');
  for (const size of [1_000, 2_000, 9_000, 10, 4_000, 10, 10]) await world.say('ann', 'bob', 'x'.repeat(size));
  for (const direction of ['afterSeq', 'beforeSeq'] as const) {
    const seqs: number[] = [];
    for (let bound = direction === 'afterSeq' ? 0 : 9; ; ) {
      const page = await history('bob', conversationId, { [direction]: seq(bound) });
      const bytes = JSON.stringify(page.entries).length;
      expect(page.entries.length === 1 || bytes <= 5_000).toBe(true);
      const found = page.entries.map((entry) => Number(entry.seq));
      if (direction === 'afterSeq') seqs.push(...found);
      else seqs.unshift(...found);
      if (!page.has_more) break;
      bound = Number(direction === 'afterSeq' ? found.at(-1) : found[0]);
    }
    expect(seqs).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  }
});
