// Pages of history through the core: limits of a page, hidden beginnings, entries removed by retention.

import { afterEach, expect, test } from 'bun:test';
import type { ClientMsgId, ConversationId } from '@hongyan/protocol/ids';
import type { Input } from '@hongyan/protocol/operations/operations';
import { accepted, caller, openWorld, seq, user, type World, type WorldOptions } from './testing/world.ts';

const dayMs = 86_400_000;
let world: World;
afterEach(() => world.close());

async function open(options?: WorldOptions): Promise<void> {
  world = await openWorld(options);
  await world.people('ann', 'bob', 'carl', 'dan');
}
const add = (conversation_id: ConversationId, id: string) =>
  world.core.addMember(caller('ann'), { conversation_id, user_id: user(id) });
const view = async (id: string, conversation_id: ConversationId) =>
  accepted(await world.core.getConversation(caller(id), { conversation_id }));
const history = async (id: string, conversation_id: ConversationId, more: Partial<Input<'history'>> = {}) =>
  accepted(await world.core.history(caller(id), { conversation_id, ...more }));

test('[D5] a member who may not see the beginning gets the first visible seq, and reads and counts nothing before it', async () => {
  await open();
  const group = await world.group('ann', ['bob']);
  for (let number = 0; number < 4; number++) await world.say('ann', group);
  await add(group, 'carl');
  // 1 records the creation, 2–5 are messages, 6 records that carl joined.
  expect(await view('carl', group)).toMatchObject({ first_seq: 6, last_seq: 6, unread: 0 });
  await world.say('ann', group);
  expect(await view('carl', group)).toMatchObject({ first_seq: 6, last_seq: 7, unread: 1, last_message: { seq: 7 } });
  for (const more of [{}, { after_seq: seq(0) }, { before_seq: seq(8) }, { after_seq: seq(5) }, { limit: 2 }]) {
    const page = await history('carl', group, more);
    expect(page).toMatchObject({ first_seq: 6, last_seq: 7, has_more: false });
    expect(page.entries.map((entry) => Number(entry.seq))).toEqual([6, 7]);
  }
  expect(await history('carl', group, { limit: 1 })).toMatchObject({ has_more: true, entries: [{ seq: 7 }] });
  expect(await history('carl', group, { before_seq: seq(6) })).toMatchObject({ entries: [], has_more: false });
  expect(await history('bob', group, { before_seq: seq(6) })).toMatchObject({ first_seq: 1, has_more: false });
});

test('[D5] after retention removed old entries, views and pages begin at the first retained one, and count unread from there', async () => {
  await open();
  const { conversation_id } = await world.say('ann', 'bob');
  await world.say('ann', 'bob');
  world.pass(31 * dayMs);
  await world.say('ann', 'bob');
  await world.timeline.retain({ fromMs: Date.UTC(2026, 1) });
  expect(await view('bob', conversation_id)).toMatchObject({ first_seq: 3, last_seq: 3, unread: 1 });
  expect(await history('bob', conversation_id, { after_seq: seq(0) })).toMatchObject({
    first_seq: 3,
    has_more: false,
    entries: [{ seq: 3 }],
  });
  await world.read(caller('bob'), conversation_id, 1);
  expect(await view('bob', conversation_id)).toMatchObject({ read_seq: 1, unread: 1 });
});

test('a page has at most the maximum of entries, and both bounds together are refused', async () => {
  await open({ pageMax: 3 });
  const { conversation_id } = await world.say('ann', 'bob');
  for (let number = 0; number < 4; number++) await world.say('ann', 'bob');
  expect(await history('bob', conversation_id, { limit: 100 })).toMatchObject({
    entries: [{ seq: 3 }, { seq: 4 }, { seq: 5 }],
    has_more: true,
  });
  const both = { conversation_id, after_seq: seq(1), before_seq: seq(3) };
  expect(await world.core.history(caller('bob'), both)).toMatchObject({ type: 'refused', code: 'bad_request' });
});

test('[D5][D8] a page has limited bytes and at least one entry, and all pages contain each entry once', async () => {
  await open({ pageBytesMax: 5_000 });
  const { conversation_id } = await world.say('ann', 'bob');
  for (const size of [1_000, 2_000, 9_000, 10, 4_000, 10, 10]) await world.say('ann', 'bob', 'x'.repeat(size));
  for (const direction of ['after_seq', 'before_seq'] as const) {
    const seqs: number[] = [];
    for (let bound = direction === 'after_seq' ? 0 : 9; ; ) {
      const page = await history('bob', conversation_id, { [direction]: seq(bound) });
      const bytes = JSON.stringify(page.entries).length;
      expect(page.entries.length === 1 || bytes <= 5_000).toBe(true);
      const found = page.entries.map((entry) => Number(entry.seq));
      if (direction === 'after_seq') seqs.push(...found);
      else seqs.unshift(...found);
      if (!page.has_more) break;
      bound = Number(direction === 'after_seq' ? found.at(-1) : found[0]);
    }
    expect(seqs).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  }
});

test('[D5][D8] edits and replies do not exceed the bytes of a page, and all pages contain each entry once', async () => {
  await open({ pageBytesMax: 50_000, pageMax: 100 });
  const { conversation_id } = await world.say('ann', 'bob', '雁'.repeat(5_000));
  const content = (text: string) => ({ type: 'text', text });
  for (let number = 2; number <= 60; number++) {
    const client_msg_id = `message ${number}` as ClientMsgId;
    const references = number % 3 === 0 ? { reply_to: { seq: seq(1) }, mentions: [user('bob')] } : {};
    accepted(
      await world.core.send(caller('ann'), { conversation_id, client_msg_id, content: content('x'), ...references }),
    );
  }
  for (const at of [2, 3, 30, 31, 59, 60]) {
    const client_msg_id = `edit ${at}` as ClientMsgId;
    const edit = { conversation_id, target_seq: seq(at), client_msg_id, content: content('雁'.repeat(9_000)) };
    accepted(await world.core.edit(caller('ann'), edit));
  }
  for (const direction of ['after_seq', 'before_seq'] as const) {
    const seqs: number[] = [];
    for (let bound = direction === 'after_seq' ? 0 : 61; ; ) {
      const page = await history('bob', conversation_id, { [direction]: seq(bound), limit: 100 });
      const bytes = Buffer.byteLength(JSON.stringify(page.entries));
      expect(page.entries.length === 1 || bytes <= 50_000).toBe(true);
      const found = page.entries.map((entry) => Number(entry.seq));
      expect(found.length).toBeGreaterThan(0);
      if (direction === 'after_seq') seqs.push(...found);
      else seqs.unshift(...found);
      if (!page.has_more) break;
      bound = Number(direction === 'after_seq' ? found.at(-1) : found[0]);
    }
    expect(seqs).toEqual(Array.from({ length: 60 }, (_, index) => index + 1));
  }
});

test('[E2] limit counts messages; changes of members between them are included up to a limit, and in both directions each entry comes once', async () => {
  await open({ pageMax: 4 });
  const group = await world.group('ann', ['bob']);
  for (let round = 0; round < 3; round++) {
    await world.say('ann', group);
    for (const id of ['carl', 'dan']) {
      await add(group, id);
      await world.core.removeMember(caller('ann'), { conversation_id: group, user_id: user(id) });
    }
  }
  await world.say('ann', group);
  // 1 records the creation, each message is followed by four changes of members: 2, 7, 12 and 17 are the messages.
  const all = Array.from({ length: 17 }, (_, index) => index + 1);
  const newest = await history('ann', group, { limit: 2 });
  expect(newest.entries.map((entry) => Number(entry.seq))).toEqual([12, 13, 14, 15, 16, 17]);
  for (const direction of ['after_seq', 'before_seq'] as const) {
    for (const limit of [1, 2, 4]) {
      const seqs: number[] = [];
      for (let bound = direction === 'after_seq' ? 0 : 18; ; ) {
        const page = await history('ann', group, { [direction]: seq(bound), limit });
        const messages = page.entries.filter(({ content }) => content.type === 'text').length;
        expect(messages).toBeLessThanOrEqual(limit);
        expect(page.entries.length - messages).toBeLessThanOrEqual(4);
        const found = page.entries.map((entry) => Number(entry.seq));
        if (direction === 'after_seq') seqs.push(...found);
        else seqs.unshift(...found);
        if (!page.has_more) break;
        bound = Number(direction === 'after_seq' ? found.at(-1) : found[0]);
      }
      expect(seqs).toEqual(all);
    }
  }
});
