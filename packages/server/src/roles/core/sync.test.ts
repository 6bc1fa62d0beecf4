// Sync through the core: pages over many conversations, cursors, and what a device is told again or not.

import { afterEach, beforeEach, expect, test } from 'bun:test';
import type { ConversationId } from '@hongyan/protocol/ids';
import type { SyncPage, SyncRequest } from '../../ports/core/core.ts';
import { accepted, actor, codeOf, openWorld, user, type World } from './testing/world.ts';

const pageMax = 7;
const pageBytesMax = 20_000;
/** Longer than the time within which changes are told twice rather than missed. */
const longMs = 60_000;
let world: World;
beforeEach(async () => {
  world = await openWorld({ pageMax, pageBytesMax });
  await world.people('ann', 'bob', ...others);
});
afterEach(() => world.close());

const others = Array.from({ length: 25 }, (_, index) => `u${String(index).padStart(2, '0')}`);
const phone = actor('ann', 'phone');
const laptop = actor('ann', 'laptop');
const idsOf = (page: SyncPage) => page.conversations.map(({ conversation_id }) => conversation_id);
const sync = async (request: Partial<SyncRequest> = {}) =>
  accepted(await world.core.sync({ actor: phone, ...request }));

/** Each of the others writes to ann; the ids of the conversations, the oldest activity first. */
async function everyoneWrites(): Promise<ConversationId[]> {
  const ids: ConversationId[] = [];
  for (const other of others) ids.push((await world.say(other, 'ann')).conversationId);
  return ids;
}

/** All pages from `first` on; `between` runs after each. */
async function syncAll(first: Partial<SyncRequest> = {}, between?: (pages: number) => Promise<unknown>) {
  const ids: ConversationId[] = [];
  let page = await sync(first);
  for (let pages = 1; ; pages++) {
    ids.push(...idsOf(page));
    expect(page.conversations.length).toBeLessThanOrEqual(pageMax);
    if (!page.hasMore) return { ids, cursor: page.cursor };
    expect(pages).toBeLessThan(100);
    await between?.(pages);
    page = await sync({ ...(first.actor ? { actor: first.actor } : {}), cursor: page.cursor });
  }
}

test('[M17] many conversations come page by page, newest activity first, each once; then nothing is left', async () => {
  const ids = await everyoneWrites();
  world.pass(longMs);
  const { ids: told, cursor } = await syncAll();
  expect(told).toEqual(ids.toReversed());
  world.pass(longMs);
  expect(await sync({ cursor })).toMatchObject({ conversations: [], hasMore: false });
});

test('[D5] each page says how many conversations there are: a device that knows more has left some', async () => {
  const { length } = await everyoneWrites();
  const { cursor, conversationCount } = await sync();
  expect(conversationCount).toBe(length);
  expect(await sync({ cursor, limit: 1 })).toMatchObject({ conversationCount: length });
});

test('[M17] a smaller limit makes smaller pages, a larger one none above the bound, of the same conversations', async () => {
  const ids = await everyoneWrites();
  expect(idsOf(await sync({ limit: 3 }))).toEqual(ids.toReversed().slice(0, 3));
  const wide = await sync({ limit: 500 });
  expect([wide.conversations.length, wide.hasMore]).toEqual([pageMax, true]);
});

test('[D4] what happens between the pages is told by the end of the next sync, and nothing falls out', async () => {
  const ids = await everyoneWrites();
  world.pass(longMs);
  const { ids: told, cursor } = await syncAll({}, async (pages) => {
    // Old ones that were not told yet move to the front, beyond the pages that are left.
    await world.say(others[pages] ?? 'bob', 'ann');
    if (pages === 1) await world.say('bob', 'ann');
  });
  world.pass(longMs);
  const next = await syncAll({ cursor });
  expect(new Set([...told, ...next.ids])).toEqual(new Set([...ids, 'd:ann:bob' as ConversationId]));
  expect(new Set(told).size).toBe(told.length);
  world.pass(longMs);
  expect((await syncAll({ cursor: next.cursor })).ids).toEqual([]);
});

test('[M17] without a cursor a device is told what it has not acknowledged, whatever its sister has', async () => {
  const [one, two, three] = await everyoneWrites();
  if (!one || !two || !three) throw new Error('there are three conversations');
  for (const conversationId of [one, two]) await world.read(phone, conversationId, 1);
  await world.say(others[1] ?? '', 'ann');
  expect(new Set((await syncAll()).ids)).toEqual(
    new Set((await syncAll({ full: true })).ids).difference(new Set([one])),
  );
  expect((await syncAll({ actor: laptop })).ids).toHaveLength(others.length);
  expect((await syncAll({ full: true })).ids).toHaveLength(others.length);
});

test('[M17] with a cursor come activity, what another device read, and new memberships; not what was left', async () => {
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
  await world.core.removeMember(user('ann'), { conversationId: left, userId: user('ann') });
  const page = await sync({ cursor });
  expect(new Set(idsOf(page))).toEqual(new Set([read, written, joined]));
  expect(page.conversations.find(({ conversation_id }) => conversation_id === read)).toMatchObject({ unread: 0 });
});

test('a conversation without entries is told where it is new, and by a full sync', async () => {
  const { cursor } = await syncAll();
  const made = accepted(
    await world.core.createConversation({ kind: 'direct', creator: user('bob'), with: user('ann') }),
  );
  const told = [made.conversation_id];
  expect(idsOf(await sync({ cursor }))).toEqual(told);
  expect(idsOf(await sync({ full: true }))).toEqual(told);
  expect(idsOf(await sync())).toEqual([]);
  expect(made).toMatchObject({ last_seq: 0, first_seq: 1, unread: 0 });
});

test('a cursor of another making is refused, an empty one is none', async () => {
  await everyoneWrites();
  for (const cursor of ['x', '1', '1~', '1~2~3', '-1~2', '1.5~2', '1~2~3~4~5~f', '9007199254740993~1', "1~2'; --"]) {
    const outcome = await world.core.sync({ actor: phone, cursor });
    expect({ cursor, code: codeOf(outcome) }).toEqual({ cursor, code: 'bad_request' });
  }
  expect((await sync({ cursor: '' })).conversations).toHaveLength(pageMax);
});

test('who has no conversations has an empty page and a cursor that finds the first one', async () => {
  const empty = await sync({ actor: actor('bob') });
  expect(empty).toMatchObject({ conversations: [], hasMore: false });
  const { conversationId } = await world.say('ann', 'bob');
  expect(idsOf(await sync({ actor: actor('bob'), cursor: empty.cursor }))).toEqual([conversationId]);
});

test('[D8] a page of conversations with long last messages ends early, and the next goes on behind it', async () => {
  const ids: ConversationId[] = [];
  for (const other of others) ids.push((await world.say(other, 'ann', 'x'.repeat(7_000))).conversationId);
  expect((await sync()).conversations).toHaveLength(2);
  world.pass(longMs);
  const { ids: told, cursor } = await syncAll();
  expect(told).toEqual(ids.toReversed());
  world.pass(longMs);
  expect(idsOf(await sync({ cursor }))).toEqual([]);
  const { conversationId } = await world.say('bob', 'ann', 'x'.repeat(30_000));
  expect(idsOf(await sync({ cursor }))).toEqual([conversationId]);
});
