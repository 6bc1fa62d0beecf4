// Sync through the core: pages over many conversations, cursors, and repeated reports.

import { afterEach, beforeEach, expect, test } from 'bun:test';
import type { ClientMsgId, ConversationId } from '@hongyan/protocol/ids';
import type { Input, Output } from '@hongyan/protocol/operations/operations';
import { createRandom, testSeed } from '@hongyan/testing/seed';
import { accepted, caller, codeOf, openWorld, seq, user, type World } from './testing/world.ts';

const pageMax = 7;
const pageBytesMax = 20_000;
/** Longer than the overlap, in which changes are reported twice. */
const longMs = 60_000;
let world: World;
beforeEach(async () => {
  world = await openWorld({ pageMax, pageBytesMax });
  await world.people('ann', 'bob', ...others);
});
afterEach(() => world.close());

const others = Array.from({ length: 25 }, (_, index) => `u${String(index).padStart(2, '0')}`);
const phone = caller('ann', 'phone');
const laptop = caller('ann', 'laptop');
const idsOf = (page: Pick<Output<'sync'>, 'conversations'>) =>
  page.conversations.map(({ conversation_id }) => conversation_id);
const sync = async (input: Input<'sync'> = {}, by = phone) => accepted(await world.core.sync(by, input));

/** Each of the others writes to ann. Returns the ids of the conversations, the oldest activity first. */
async function everyoneWrites(): Promise<ConversationId[]> {
  const ids: ConversationId[] = [];
  for (const other of others) {
    world.pass(1);
    ids.push((await world.say(other, 'ann')).conversation_id);
  }
  return ids;
}

/** All pages from `first` on; `between` runs after each. */
async function syncAll(first: Input<'sync'> = {}, between?: (pages: number) => Promise<unknown>, by = phone) {
  const ids: ConversationId[] = [];
  let page = await sync(first, by);
  for (let pages = 1; ; pages++) {
    ids.push(...idsOf(page));
    expect(page.conversations.length).toBeLessThanOrEqual(pageMax);
    if (!page.has_more) return { ids, cursor: page.cursor };
    expect(pages).toBeLessThan(100);
    await between?.(pages);
    page = await sync({ cursor: page.cursor }, by);
  }
}

test('[M17] many conversations come page by page, newest activity first, each once', async () => {
  const ids = await everyoneWrites();
  world.pass(longMs);
  const { ids: reported, cursor } = await syncAll();
  expect(reported).toEqual(ids.toReversed());
  world.pass(longMs);
  expect(await sync({ cursor })).toMatchObject({ conversations: [], has_more: false });
});

test('[D5] each page has the number of conversations: a device that counts more has left some', async () => {
  const { length } = await everyoneWrites();
  const { cursor, conversation_count } = await sync();
  expect(conversation_count).toBe(length);
  expect(await sync({ cursor, limit: 1 })).toMatchObject({ conversation_count: length });
});

test('[M17] a smaller limit makes smaller pages of the same conversations, a larger one is reduced to the maximum', async () => {
  const ids = await everyoneWrites();
  expect(idsOf(await sync({ limit: 3 }))).toEqual(ids.toReversed().slice(0, 3));
  const wide = await sync({ limit: 500 });
  expect([wide.conversations.length, wide.has_more]).toEqual([pageMax, true]);
});

test('[M17][D8] edited last messages do not exceed the bytes of a page', async () => {
  const ids = await everyoneWrites();
  for (const [index, conversation_id] of ids.entries())
    accepted(
      await world.core.edit(caller(others[index] ?? ''), {
        ...{ conversation_id, target_seq: seq(1), client_msg_id: `edit ${index}` as ClientMsgId },
        content: { type: 'text', text: '雁'.repeat(2_000) },
      }),
    );
  const reported: ConversationId[] = [];
  for (let page = await sync(); ; page = await sync({ cursor: page.cursor })) {
    expect(Buffer.byteLength(JSON.stringify(page.conversations))).toBeLessThanOrEqual(pageBytesMax);
    reported.push(...idsOf(page));
    if (!page.has_more) break;
  }
  expect(reported).toEqual(ids.toReversed());
});

test('[D4] changes between pages are reported by the end of the next sync, without omissions', async () => {
  const ids = await everyoneWrites();
  world.pass(longMs);
  const { ids: reported, cursor } = await syncAll({}, async (pages) => {
    // Old conversations that were not reported yet move to the front, before the remaining pages.
    world.pass(1);
    await world.say(others[pages] ?? 'bob', 'ann');
    if (pages === 1) await world.say('bob', 'ann');
  });
  world.pass(longMs);
  const next = await syncAll({ cursor });
  expect(new Set([...reported, ...next.ids])).toEqual(new Set([...ids, 'd:ann:bob' as ConversationId]));
  expect(new Set(reported).size).toBe(reported.length);
  world.pass(longMs);
  expect((await syncAll({ cursor: next.cursor })).ids).toEqual([]);
});

test('[M17] without a cursor a device gets what it has not acknowledged, whatever other devices have', async () => {
  const [one, two, three] = await everyoneWrites();
  if (!one || !two || !three) throw new Error('there are three conversations');
  for (const conversationId of [one, two]) await world.read(phone, conversationId, 1);
  await world.say(others[1] ?? '', 'ann');
  expect(new Set((await syncAll()).ids)).toEqual(
    new Set((await syncAll({ full: true })).ids).difference(new Set([one])),
  );
  expect((await syncAll({}, undefined, laptop)).ids).toHaveLength(others.length);
  expect((await syncAll({ full: true })).ids).toHaveLength(others.length);
});

test('[M17] a cursor returns new activity, reads on other devices, and new memberships, but not conversations that were left', async () => {
  const ids = await everyoneWrites();
  const left = await world.group('bob', ['ann']);
  world.pass(longMs);
  const { cursor } = await syncAll();
  world.pass(longMs);
  const [read, written] = ids;
  if (!read || !written) throw new Error('there are two conversations');
  await world.read(laptop, read, 1);
  await world.say(others[1] ?? '', 'ann');
  const joined = await world.group('bob', ['ann']);
  await world.core.removeMember(phone, { conversation_id: left, user_id: user('ann') });
  const page = await sync({ cursor });
  expect(new Set(idsOf(page))).toEqual(new Set([read, written, joined]));
  expect(page.conversations.find(({ conversation_id }) => conversation_id === read)).toMatchObject({ unread: 0 });
});

test('a conversation without entries is reported if it is new, and by a full sync', async () => {
  const { cursor } = await syncAll();
  const made = accepted(await world.core.createConversation(caller('bob'), { kind: 'direct', with: user('ann') }));
  const expected = [made.conversation_id];
  expect(idsOf(await sync({ cursor }))).toEqual(expected);
  expect(idsOf(await sync({ full: true }))).toEqual(expected);
  expect(idsOf(await sync())).toEqual([]);
  expect(made).toMatchObject({ last_seq: 0, first_seq: 1, unread: 0 });
});

test('a cursor that the server did not issue is refused, an empty one is ignored', async () => {
  await everyoneWrites();
  for (const cursor of ['x', '1', '1~', '1~2~3', '1~-2', '1~2.5', '1~2~3~4~5~f', '1~9007199254740993', "1~2'; --"]) {
    const outcome = await world.core.sync(phone, { cursor });
    expect({ cursor, code: codeOf(outcome) }).toEqual({ cursor, code: 'bad_request' });
  }
  expect((await sync({ cursor: '' })).conversations).toHaveLength(pageMax);
});

test('a user without conversations gets an empty page and a cursor that finds the first one', async () => {
  const empty = await sync({}, caller('bob'));
  expect(empty).toMatchObject({ conversations: [], has_more: false });
  const { conversation_id } = await world.say('ann', 'bob');
  expect(idsOf(await sync({ cursor: empty.cursor }, caller('bob')))).toEqual([conversation_id]);
});

test('[D8] a page of conversations with long last messages ends early, and the next one continues after it', async () => {
  const ids: ConversationId[] = [];
  for (const other of others) {
    world.pass(1);
    ids.push((await world.say(other, 'ann', 'x'.repeat(7_000))).conversation_id);
  }
  expect((await sync()).conversations).toHaveLength(2);
  world.pass(longMs);
  const { ids: reported, cursor } = await syncAll();
  expect(reported).toEqual(ids.toReversed());
  world.pass(longMs);
  expect(idsOf(await sync({ cursor }))).toEqual([]);
  const { conversation_id } = await world.say('bob', 'ann', 'x'.repeat(30_000));
  expect(idsOf(await sync({ cursor }))).toEqual([conversation_id]);
});

test('the list of conversations is the same without a device, page by page, and its cursors continue it', async () => {
  const ids = await everyoneWrites();
  const { deviceId: _device, sessionId: _session, ...bearer } = phone;
  const listed: ConversationId[] = [];
  let cursor: string | undefined;
  for (let more = true; more; ) {
    const input = { limit: 4, ...(cursor === undefined ? {} : { cursor }) };
    const page = accepted(await world.core.listConversations(bearer, input));
    expect(page).not.toHaveProperty('conversation_count');
    listed.push(...page.conversations.map(({ conversation_id }) => conversation_id));
    ({ cursor, has_more: more } = page);
  }
  expect(listed).toEqual(ids.toReversed());
});

test('conversations with equal times come once each, in the order of their ids', async () => {
  const ids: ConversationId[] = [];
  for (const other of others.toReversed()) ids.push((await world.say(other, 'ann')).conversation_id);
  expect((await syncAll()).ids).toEqual(ids.toSorted());
});

test('the order is by the time of the server, not by that of creation', async () => {
  const [first] = await everyoneWrites();
  world.pass(longMs);
  await world.group('bob', ['ann']);
  world.pass(1);
  await world.say(others[0] ?? '', 'ann');
  expect(idsOf(await sync({ limit: 1 }))).toEqual(first ? [first] : []);
});

test('[D4] a wall clock that is set back makes a device receive more, never less', async () => {
  await everyoneWrites();
  world.pass(longMs);
  const { cursor } = await syncAll();
  world.pass(-24 * 3_600_000);
  const joined = await world.group('bob', ['ann']);
  expect((await syncAll({ cursor })).ids).toContain(joined);
});

test('[D4] after any order of writes, reads and pages, the device has the state of the server', async () => {
  const random = createRandom(testSeed('sync'));
  const held = new Map<ConversationId, number>();
  let cursor: string | undefined;
  const catchUp = async (mayStop: boolean) => {
    for (;;) {
      const page = await sync({ limit: 1 + Math.floor(random() * 4), ...(cursor === undefined ? {} : { cursor }) });
      for (const { conversation_id, last_seq } of page.conversations) held.set(conversation_id, last_seq);
      ({ cursor } = page);
      if (!page.has_more || (mayStop && random() < 0.3)) return;
    }
  };
  for (let step = 0; step < 150; step++) {
    world.pass(Math.floor(random() * 3 * longMs) - longMs);
    const burst = Array.from({ length: Math.floor(random() * 4) }, () =>
      world.say(others[Math.floor(random() * others.length)] ?? '', 'ann'),
    );
    if (random() < 0.4) await catchUp(true);
    await Promise.all(burst);
  }
  await catchUp(false);
  // An interrupted paging passes its cursor to the next sync, whose end covers later changes.
  await catchUp(false);
  const memberships = await world.directory.memberships({ userId: user('ann'), limit: 100 });
  const heads = await world.timeline.heads(memberships.map(({ conversation }) => conversation.conversationId));
  expect(held).toEqual(new Map(heads.map(({ conversationId, lastSeq }) => [conversationId, Number(lastSeq)])));
});
