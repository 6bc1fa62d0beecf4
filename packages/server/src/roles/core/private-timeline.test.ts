// The private timeline of a user through the core: its changes, its state on all devices, and its privacy.

import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StoreFailure } from '@hongyan/base/result';
import type { PrivateChange } from '@hongyan/protocol/content';
import type { ClientMsgId, ConversationId, DeviceId, MsgId, UserId } from '@hongyan/protocol/ids';
import type { Output } from '@hongyan/protocol/operations/operations';
import type { Result } from '@hongyan/protocol/refusals';
import type { Caller, CoreOperation } from '../../ports/core/core.ts';
import { userTopic } from '../../ports/event-bus/event-bus.ts';
import { around, failing } from './testing/faulty-port.ts';
import { accepted, caller, codeOf, openWorld, seq, user, type World } from './testing/world.ts';

let world: World;
let keys = 0;
beforeEach(async () => {
  world = await openWorld({ contentBytesMax: 100 });
  await world.people('ann', 'bob', 'carl');
  await world.say('bob', 'ann', 'hello');
});
afterEach(() => world.close());

const direct = 'd:ann:bob' as ConversationId;
const own = 'u:ann' as ConversationId;
const phone = { ...caller('ann'), deviceId: 'phone' as DeviceId };
const desktop = { ...caller('ann'), deviceId: 'desktop' as DeviceId };

type Ack = Promise<Result<Output<'setPrivate'>>>;
const set = (change: PrivateChange, by: Caller = phone, key = `private ${++keys}`): Ack =>
  world.core.setPrivate(by, { client_msg_id: key as ClientMsgId, change });
const mute = (until: number | null, conversation_id = direct) => ({ type: 'mute', conversation_id, until }) as const;
const pin = (pinned = true, conversation_id = direct) => ({ type: 'pin', conversation_id, pinned }) as const;
const archive = (count: number | null) => ({ type: 'archive', conversation_id: direct, count }) as const;
const setting = (name: string, value: unknown) => ({ type: 'setting', name, value }) as const;
const readUpTo = (at: number, conversation_id = direct) => ({ type: 'read', conversation_id, seq: seq(at) }) as const;
const draft = (text: string, base = 0) =>
  ({ type: 'draft', conversation_id: direct, text, base_revision: seq(base) }) as const;
const state = async (by: Caller = phone, more: object = {}) => accepted(await world.core.privateState(by, more));
const entries = async () =>
  accepted(await world.core.catchUp(phone, { conversation_id: own, after_seq: seq(0) })).entries;
const sync = async () => accepted(await world.core.sync({ ...phone, sessionId: 's' }, { full: true }));

/** A world whose directory stores no private state while `failWith` is set, as after a crash between the entry and the directory. */
async function openFaultyWorld() {
  await world.close();
  const faulty: { directory?: ReturnType<typeof failing<World['directory']>> } = {};
  world = await openWorld({
    given: (deps) => {
      faulty.directory = failing(deps.directory, 'putPrivate');
      return { ...deps, directory: faulty.directory.port };
    },
  });
  await world.people('ann', 'bob');
  await world.say('bob', 'ann', 'hello');
  return { failWith: (error: Error | undefined) => faulty.directory?.failWith(error) };
}

describe('a change', () => {
  test('[E21] is an entry of the timeline and the present state of its key', async () => {
    const frames = await world.listen(userTopic(user('ann')));
    const acks = [];
    for (const change of [mute(5), pin(), mute(9), archive(1), setting('theme', { dark: true })])
      acks.push(accepted(await set(change)));
    expect(acks.map(({ seq: at, conversation_id }) => [Number(at), conversation_id as string])).toEqual(
      [1, 2, 3, 4, 5].map((at) => [at, 'u:ann']),
    );
    const content = (change: PrivateChange) => ({ type: 'hongyan.private', change });
    expect(frames).toMatchObject([
      { type: 'entry', conversation_id: 'u:ann', seq: 1, count: 0, content: content(mute(5)) },
      { seq: 2, content: content(pin()) },
      { seq: 3, content: content(mute(9)) },
      { seq: 4, content: content(archive(1)) },
      { seq: 5, content: content(setting('theme', { dark: true })) },
    ]);
    expect((await entries()).map((entry) => entry.content)).toMatchObject(
      frames.map((frame) => frame.content as object),
    );
    expect(await state()).toEqual({
      as_of_seq: seq(5),
      items: [
        { seq: seq(4), change: archive(1) },
        { seq: seq(3), change: mute(9) },
        { seq: seq(2), change: pin() },
        { seq: seq(5), change: setting('theme', { dark: true }) },
      ],
    });
    expect((await sync()).private_seq).toBe(seq(5));
  });

  test('[E21] that removes a value leaves nothing of it in the state', async () => {
    for (const change of [mute(5), pin(), archive(1), setting('a', 1), draft('x')]) accepted(await set(change));
    for (const change of [mute(null), pin(false), archive(null), setting('a', null), draft('', 5)])
      accepted(await set(change));
    expect(await state()).toEqual({ as_of_seq: seq(10), items: [] });
  });

  test('[D3] takes effect once, and another change with its key is refused', async () => {
    const first = accepted(await set(pin(), phone, 'key'));
    expect(accepted(await set(pin(), desktop, 'key'))).toEqual({ ...first, duplicate: true });
    expect(codeOf(await set(mute(1), phone, 'key'))).toBe('conflict');
    await world.core.send(phone, {
      to: user('bob'),
      client_msg_id: 'said' as ClientMsgId,
      content: { type: 'text', text: '' },
    });
    expect(codeOf(await set(pin(false), phone, 'said'))).toBe('conflict');
    expect(await entries()).toHaveLength(1);
  });

  test.each([
    ['another seq', 0],
    ['the same seq', 1],
  ])('[D1, D3] whose key a message takes meanwhile, with %s, is refused and set nowhere', async (_title, changes) => {
    await world.close();
    const gate = Promise.withResolvers<void>();
    const arrival = Promise.withResolvers<void>();
    let isHolding = false;
    world = await openWorld({
      given: (deps) => ({
        ...deps,
        timeline: around(deps.timeline, async (name, call) => {
          const answer = await call();
          if (name !== 'findByClientMsgId' || !isHolding) return answer;
          arrival.resolve();
          await gate.promise;
          return answer;
        }),
      }),
    });
    await world.people('ann');
    const conversation_id = await world.group('ann', []);
    for (let count = 0; count < changes; count++) accepted(await set(setting('count', count)));
    isHolding = true;
    const change = set(pin(true, conversation_id), phone, 'both');
    await arrival.promise;
    const message = { client_msg_id: 'both' as ClientMsgId, content: { type: 'text', text: '' } };
    expect(accepted(await world.core.send(phone, { ...message, conversation_id }))).toMatchObject({ seq: 2 });
    gate.resolve();
    expect(codeOf(await change)).toBe('conflict');
    expect(await entries()).toHaveLength(changes);
    expect((await state()).items).toHaveLength(changes);
  });

  test('[E21] that changes nothing appends no entry', async () => {
    accepted(await set(pin()));
    for (const change of [pin(), mute(null), setting('a', null), draft(''), readUpTo(0)])
      expect(accepted(await set(change))).toMatchObject({ unchanged: true, seq: 1 });
    expect(await entries()).toHaveLength(1);
  });

  test('[E21] survives a crash between the timeline and the directory', async () => {
    const crashed = await openFaultyWorld();
    accepted(await set(draft('a')));
    crashed.failWith(new StoreFailure('unavailable', 'the disk is full'));
    accepted(await set(draft('b', 1)));
    expect(codeOf(await world.core.privateState(phone, {}))).toBe('unavailable');
    crashed.failWith(undefined);
    expect((await state()).items).toMatchObject([{ seq: 2, change: { text: 'b' } }]);
    accepted(await set(mute(7)));
    expect((await state()).items).toHaveLength(2);
  });
});

describe('[E20] no one else', () => {
  test('reads, writes, follows or detects it: it behaves like a conversation that does not exist', async () => {
    const { msg_id } = accepted(await set(pin(), phone, 'pinned'));
    const missing = 'g:missing' as ConversationId;
    const key = (text: string) => ({ client_msg_id: `${text} ${++keys}` as ClientMsgId });
    const at = { target_seq: seq(1) };
    const text = { type: 'text', text: 'x' };
    type Asked = { readonly [N in CoreOperation]?: (conversation_id: ConversationId) => object };
    const asked: Asked = {
      getConversation: (conversation_id) => ({ conversation_id }),
      updateConversation: (conversation_id) => ({ conversation_id, title: 'mine' }),
      listPinned: (conversation_id) => ({ conversation_id }),
      pin: (conversation_id) => ({ conversation_id, ...at, ...key('pin') }),
      unpin: (conversation_id) => ({ conversation_id, ...at, ...key('unpin') }),
      addMember: (conversation_id) => ({ conversation_id, user_id: 'bob' }),
      removeMember: (conversation_id) => ({ conversation_id, user_id: 'ann' }),
      setRole: (conversation_id) => ({ conversation_id, user_id: 'ann', role: 'member' }),
      listMembers: (conversation_id) => ({ conversation_id }),
      listReaders: (conversation_id) => ({ conversation_id, ...at }),
      send: (conversation_id) => ({ conversation_id, ...key('send'), content: text }),
      edit: (conversation_id) => ({ conversation_id, ...at, ...key('edit'), content: text }),
      recall: (conversation_id) => ({ conversation_id, ...at, ...key('recall') }),
      react: (conversation_id) => ({ conversation_id, ...at, ...key('react'), key: 'x', op: 'add' }),
      history: (conversation_id) => ({ conversation_id }),
      catchUp: (conversation_id) => ({ conversation_id, after_seq: 0 }),
      delivered: (conversation_id) => ({ conversation_id, seq: 1 }),
      read: (conversation_id) => ({ conversation_id, seq: 1 }),
      typing: (conversation_id) => ({ conversation_id }),
      setPrivate: (conversation_id) => ({ ...key('private'), change: readUpTo(1, conversation_id) }),
    };
    const ask = (name: CoreOperation, input: object, by = 'bob') =>
      (world.core[name] as (caller: object, input: object) => Promise<Result<unknown>>)(
        { ...caller(by), sessionId: 's' },
        input,
      );
    for (const [name, inputOf] of Object.entries(asked) as [CoreOperation, (id: ConversationId) => object][]) {
      const [other, none] = [await ask(name, inputOf(own)), await ask(name, inputOf(missing))];
      expect({ name, ...other }).toEqual({ name, ...none });
      expect(other).toMatchObject({ type: 'refused', code: 'not_member' });
      // Its user can only change it and catch up.
      if (name !== 'catchUp') expect(await ask(name, inputOf(own), 'ann')).toMatchObject({ code: 'not_member' });
    }
    expect(codeOf(await world.core.getMessage(caller('bob'), { msg_id: msg_id as MsgId }))).toBe('not_found');
    expect(await world.follow('ann')).not.toContain(own);
    expect((await sync()).conversations.map((one) => one.conversation_id)).toEqual([direct]);
    expect(accepted(await world.core.privateState(caller('bob'), {}))).toEqual({ as_of_seq: seq(0), items: [] });
  });

  test('receives its entries', async () => {
    const [others, mine] = [await world.listen(userTopic(user('bob'))), await world.listen(userTopic(user('ann')))];
    for (const change of [pin(), draft('secret'), readUpTo(1)]) accepted(await set(change));
    expect(others).toEqual([]);
    expect(mine).toHaveLength(3);
  });
});

describe('drafts', () => {
  const present = async () => {
    const item = (await state()).items.find(({ change }) => change.type === 'draft');
    if (item?.change.type !== 'draft') return undefined;
    return { text: item.change.text, others: item.others?.map(({ text }) => text) ?? [], seq: Number(item.seq) };
  };

  test('[E22] a text that continues the present one replaces it, from any device', async () => {
    accepted(await set(draft('din')));
    accepted(await set(draft('dinner', 1), desktop));
    expect(await present()).toEqual({ text: 'dinner', others: [], seq: 2 });
  });

  test('[E22] another text is stored beside it, and neither is lost while a device continues to write', async () => {
    accepted(await set(draft('at seven')));
    accepted(await set(draft('at eight'), desktop));
    expect(await present()).toEqual({ text: 'at eight', others: ['at seven'], seq: 2 });
    accepted(await set(draft('at eight?'), desktop));
    expect(await present()).toEqual({ text: 'at eight?', others: ['at seven'], seq: 3 });
    accepted(await set(draft('at seven!', 1)));
    expect(await present()).toEqual({ text: 'at seven!', others: ['at eight?'], seq: 4 });
    expect((await entries()).at(-1)?.content).toMatchObject({ device_id: 'phone', others: [{ device_id: 'desktop' }] });
  });

  test('[E5] a superseded or sent draft is in no file once the server has stopped', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'hongyan-private-'));
    const first = await openWorld({ folder });
    await first.people('ann', 'bob');
    await first.say('bob', 'ann', 'hello');
    const save = async (text: string, key: string, base = 0) =>
      accepted(await first.core.setPrivate(phone, { client_msg_id: key as ClientMsgId, change: draft(text, base) }));
    for (const [index, text] of ['SECRET', 'SECRET two', 'SECRET three', '', 'kept'].entries())
      await save(text, `k${index}`);
    expect(await save('SECRET', 'k0')).toMatchObject({ duplicate: true, seq: 1 });
    const otherwise = { client_msg_id: 'k0' as ClientMsgId, change: mute(1) };
    expect(codeOf(await first.core.setPrivate(phone, otherwise))).toBe('conflict');
    const page = accepted(await first.core.catchUp(phone, { conversation_id: own, after_seq: seq(0) }));
    expect(page.entries.map(({ content }) => content.type)).toEqual(
      ['recalled', 'recalled', 'recalled', 'private', 'private'].map((kind) => `hongyan.${kind}`),
    );
    await first.close();
    const holding = (text: string) =>
      readdirSync(folder, { recursive: true })
        .map((name) => join(folder, String(name)))
        .filter((path) => statSync(path).isFile() && readFileSync(path).includes(text));
    expect(holding('SECRET')).toEqual([]);
    expect(holding('kept').length).toBeGreaterThan(0);
    rmSync(folder, { recursive: true });
  });

  test('[E22] a text that continues a draft with several texts replaces them all', async () => {
    accepted(await set(draft('at seven')));
    accepted(await set(draft('at eight'), desktop));
    accepted(await set(draft('at eight', 2), desktop));
    expect(await present()).toEqual({ text: 'at eight', others: [], seq: 3 });
  });

  test('[E22] sending one text leaves the other as the draft', async () => {
    accepted(await set(draft('at seven')));
    accepted(await set(draft('at eight'), desktop));
    accepted(await set(draft(''), desktop));
    expect(await state()).toMatchObject({
      items: [{ change: { text: '' }, others: [{ text: 'at seven', device_id: 'phone' }] }],
    });
    expect(accepted(await set(draft(''), desktop))).toMatchObject({ unchanged: true });
    accepted(await set(draft(''), phone));
    expect(await present()).toBeUndefined();
  });

  test('[E22, E25] a fifth text is refused until the user has chosen', async () => {
    for (const name of ['a', 'b', 'c', 'd']) accepted(await set(draft(name), { ...phone, deviceId: name as DeviceId }));
    expect(await set(draft('e'))).toMatchObject({ code: 'conflict' });
    accepted(await set(draft('e', 4)));
    expect(await present()).toEqual({ text: 'e', others: [], seq: 5 });
  });
});

describe('private read marks', () => {
  const unread = async (by: string) =>
    accepted(await world.core.getConversation(caller(by), { conversation_id: direct })).unread;

  test('[E23] unread falls, and the others see neither a receipt nor a status', async () => {
    const { msg_id } = await world.say('bob', 'ann', 'are you there?');
    const frames = await world.listen(userTopic(user('bob')));
    expect(await unread('ann')).toBe(2);
    accepted(await set(readUpTo(2)));
    expect(await unread('ann')).toBe(0);
    expect(frames).toEqual([]);
    const place = accepted(await world.core.getMessage(caller('bob'), { msg_id }));
    expect([place.status, place.read_count, place.delivered_count]).toEqual(['ack', 0, 0]);
    await world.say('bob', 'ann', 'well?');
    expect(await unread('ann')).toBe(1);
    expect(accepted(await set(readUpTo(1)))).toMatchObject({ unchanged: true });
    expect(await unread('ann')).toBe(1);
  });

  test('[E23] another device finds the conversation in its next sync', async () => {
    const other = { ...desktop, sessionId: 's' };
    const { cursor } = accepted(await world.core.sync(other, { full: true }));
    world.pass(60_000);
    const later = accepted(await world.core.sync(other, { cursor })).cursor;
    world.pass(60_000);
    accepted(await set(readUpTo(1)));
    const { conversations } = accepted(await world.core.sync(other, { cursor: later }));
    expect(conversations).toMatchObject([{ conversation_id: direct, unread: 0, read_seq: 0 }]);
  });

  test('[E3, E23] a read mark that a crash kept from the directory counts, and reads work while the directory cannot store it', async () => {
    const { failWith } = await openFaultyWorld();
    const unreadBySync = async () => (await sync()).conversations.map((one) => one.unread);
    failWith(new StoreFailure('unavailable', 'the disk is full'));
    accepted(await set(readUpTo(1)));
    expect([await unread('ann'), await unreadBySync(), (await sync()).private_seq]).toEqual([1, [1], seq(1)]);
    failWith(undefined);
    expect(await unread('ann')).toBe(0);
    await world.say('bob', 'ann', 'are you there?');
    failWith(new StoreFailure('unavailable', 'the disk is full'));
    accepted(await set(readUpTo(2)));
    failWith(undefined);
    expect(await unreadBySync()).toEqual([0]);
  });

  test('[E23] a read mark beyond the last message is refused', async () => {
    expect(codeOf(await set(readUpTo(2)))).toBe('bad_request');
  });
});

describe('[E25] bounds', () => {
  test('of a draft, a setting, and everything together', async () => {
    expect(codeOf(await set(draft('x'.repeat(101))))).toBe('too_large');
    accepted(await set(draft('x'.repeat(100))));
    expect(codeOf(await set(setting('a', 'x'.repeat(4_095))))).toBe('too_large');
    expect(codeOf(await set(draft('\ud800')))).toBe('bad_request');
    let count = 0;
    while ((await set(setting(`s${count}`, 'x'.repeat(4_094)))).type === 'ok') count++;
    expect(count).toBeGreaterThan(240);
    expect(count).toBeLessThan(256);
    expect(codeOf(await set(setting('last', 'x'.repeat(4_094))))).toBe('too_large');
    accepted(await set(setting('s0', 'y'.repeat(4_094))));
    accepted(await set(setting('s0', null)));
    accepted(await set(setting('last', 'x'.repeat(4_093))));
  });

  test('pages of the state are limited, and together contain all of it', async () => {
    for (let n = 0; n < 100; n++) accepted(await set(setting(`s${n}`, 'x'.repeat(4_000))));
    const items = [];
    let pages = 0;
    for (let after: string | undefined = ''; after !== undefined; pages++) {
      const page: Output<'privateState'> = await state(phone, { after, limit: 200 });
      items.push(...page.items);
      after = page.next;
    }
    expect(pages).toBe(2);
    expect(new Set(items.map(({ change }) => change.type === 'setting' && change.name)).size).toBe(100);
  });

  test('for a conversation that the user has left, values can be removed but not set', async () => {
    const group = await world.group('bob', ['ann']);
    accepted(await set(pin(true, group)));
    accepted(await world.core.removeMember(caller('ann'), { conversation_id: group, user_id: 'ann' as UserId }));
    expect(codeOf(await set(mute(5, group)))).toBe('not_member');
    accepted(await set(pin(false, group)));
    expect((await state()).items).toEqual([]);
  });
});
