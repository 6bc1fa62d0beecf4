// The delivery status of a message through the core: permissions, counts, and the devices of the reader.

import { afterEach, expect, test } from 'bun:test';
import type { ClientMsgId, ConversationId, MsgId } from '@hongyan/protocol/ids';
import { accepted, caller, codeOf, openWorld, seq, user, type World, type WorldOptions } from './testing/world.ts';

let world: World;
afterEach(() => world.close());

async function open(options?: WorldOptions): Promise<void> {
  world = await openWorld(options);
  await world.people('ann', 'bob', 'carl', 'dan', 'eve');
}
const add = (conversation_id: ConversationId, id: string) =>
  world.core.addMember(caller('ann'), { conversation_id, user_id: user(id) });
const placeFor = async (id: string, msg_id: MsgId) => accepted(await world.core.getMessage(caller(id), { msg_id }));

test('[M16] the status of a message counts present members: a sender who left is not one of them', async () => {
  await open();
  const group = await world.group('ann', ['bob', 'carl']);
  const { seq: at, msg_id } = await world.say('bob', group);
  await world.core.removeMember(caller('bob'), { conversation_id: group, user_id: user('bob') });
  await world.read(caller('ann'), group, at);
  const place = () => placeFor('ann', msg_id);
  expect(await place()).toMatchObject({ status: 'ack', read_count: 1, recipient_count: 2 });
  await world.read(caller('carl'), group, at);
  expect(await place()).toMatchObject({ status: 'read', read_count: 2, recipient_count: 2 });
});

test('[M16] [A26] all members are recipients of a message of the system, which is not a member', async () => {
  await open();
  await world.people('system');
  const group = await world.group('ann', ['bob', 'carl']);
  const { seq: at, msg_id } = await world.say('system', group);
  for (const id of ['ann', 'bob']) await world.read(caller(id), group, at);
  const place = () => placeFor('ann', msg_id);
  expect(await place()).toMatchObject({ status: 'ack', read_count: 2, recipient_count: 3 });
  await world.read(caller('carl'), group, at);
  expect(await place()).toMatchObject({ status: 'read', read_count: 3, recipient_count: 3 });
  for (const role of ['admin', 'owner'] as const)
    expect(
      codeOf(await world.core.setRole(caller('ann'), { conversation_id: group, user_id: user('system'), role })),
    ).toBe('not_found');
});

test('[D5] a hidden message is not found, like one that does not exist', async () => {
  await open();
  const group = await world.group('ann', ['bob']);
  const { msg_id } = await world.say('ann', group);
  await add(group, 'carl');
  const results = await Promise.all(['carl', 'dan'].map((id) => world.core.getMessage(caller(id), { msg_id })));
  const unknown = await world.core.getMessage(caller('ann'), { msg_id: msg_id.replace(/^0/, '1') as MsgId });
  expect([...results, unknown].map(codeOf)).toEqual(Array(3).fill('not_found'));
  expect(results[0]).toEqual(unknown);
  expect((await placeFor('bob', msg_id)).message.msg_id).toBe(msg_id);
});

test('[D6] a key finds only messages of its sender', async () => {
  await open();
  const sent = await world.say('ann', 'bob');
  const find = (id: string) => world.core.findMessage(caller(id), { client_msg_id: sent.client_msg_id });
  expect(accepted(await find('ann')).message).toMatchObject({ msg_id: sent.msg_id, seq: sent.seq });
  expect(codeOf(await find('bob'))).toBe('not_found');
  const unused = 'unused' as ClientMsgId;
  expect(codeOf(await world.core.findMessage(caller('ann'), { client_msg_id: unused }))).toBe('not_found');
});

test('[M16] any message has a status for each other member and for each device of the reader', async () => {
  await open();
  const group = await world.group('ann', ['bob', 'carl']);
  const { msg_id, seq: at } = await world.say('bob', group);
  const [phone, laptop] = [caller('ann', 'phone'), caller('ann', 'laptop')];
  for (const device of [phone, laptop])
    accepted(await world.core.openSession({ caller: device, clientName: `on ${device.deviceId}`, node: 'test' }));
  await world.read(phone, group, at);
  await world.core.delivered(laptop, { conversation_id: group, seq: at });
  await world.core.closeSession({ caller: laptop, node: 'test' });
  const place = await placeFor('ann', msg_id);
  expect(place).toMatchObject({ status: 'ack', delivered_count: 1, read_count: 1, recipient_count: 2 });
  expect(place.members).toMatchObject([
    { user_id: 'ann', read_seq: at, status: 'read' },
    { user_id: 'carl', read_seq: seq(0), status: 'ack' },
  ]);
  expect(place.devices.toSorted((a, b) => (a.device_id < b.device_id ? -1 : 1))).toMatchObject([
    { device_id: 'laptop', name: 'on laptop', delivered_seq: at, read_seq: 0, status: 'delivered', online: false },
    { device_id: 'phone', name: 'on phone', read_seq: at, status: 'read', online: true },
  ]);
});

test('the readers of a message are listed page by page, without its sender, and counted in total', async () => {
  await open({ pageMax: 2 });
  const group = await world.group('ann', ['bob', 'carl', 'dan']);
  const { seq: at } = await world.say('ann', group);
  for (const id of ['bob', 'dan', 'ann']) await world.read(caller(id), group, at);
  await world.core.delivered(caller('carl'), { conversation_id: group, seq: at });
  const readers = (more: object = {}, by = 'ann', target = at) =>
    world.core.listReaders(caller(by), { conversation_id: group, target_seq: target, ...more });
  const ids: string[] = [];
  for (let after: string | undefined; ; ) {
    const page = accepted(await readers({ limit: 2, ...(after === undefined ? {} : { after }) }));
    expect(page.count).toBe(2);
    ids.push(...page.members.map(({ user_id }) => user_id));
    after = page.next;
    if (after === undefined) break;
  }
  expect(ids).toEqual(['bob', 'dan']);
  expect(accepted(await readers({ state: 'delivered' }))).toMatchObject({ count: 3 });
  // The creation of the group is not a message.
  expect(codeOf(await readers({}, 'ann', seq(1)))).toBe('not_found');
  expect(codeOf(await readers({}, 'eve'))).toBe('not_member');
});

test('the readers of a message are counted and listed exactly in a group of 10,000 members', async () => {
  await open({ groupMembersMax: 10_000 });
  const members = Array.from({ length: 9_999 }, (_, index) => `m${String(index).padStart(4, '0')}`);
  await world.people(...members);
  const group = await world.group('ann', members);
  const { seq: at } = await world.say('ann', group);
  const [read, delivered] = [members.filter((_, no) => no % 7 === 0), members.filter((_, no) => no % 7 === 1)];
  await Promise.all(read.map((id) => world.read(caller(id), group, at)));
  const receive = (id: string) => world.core.delivered(caller(id), { conversation_id: group, seq: at });
  await Promise.all(delivered.map(receive));
  const list = async (state: 'read' | 'delivered') => {
    const ids: string[] = [];
    for (let after = ''; ; ) {
      const request = {
        conversation_id: group,
        target_seq: at,
        state,
        ...(after === '' ? {} : { after: user(after) }),
      };
      const { members: page, next, count } = accepted(await world.core.listReaders(caller('ann'), request));
      ids.push(...page.map(({ user_id }) => user_id));
      if (next === undefined) return { ids, count };
      after = next;
    }
  };
  expect(await list('read')).toEqual({ ids: read, count: read.length });
  expect(await list('delivered')).toEqual({
    ids: [...read, ...delivered].toSorted(),
    count: read.length + delivered.length,
  });
});

test('[E6] users who reacted to a message are listed page by page, each with their keys, and counted in total', async () => {
  await open({ pageMax: 2 });
  const group = await world.group('ann', ['bob', 'carl', 'dan']);
  const { seq: at } = await world.say('ann', group);
  const react = async (id: string, key: string, op: 'add' | 'remove' = 'add') => {
    const change = { conversation_id: group, target_seq: at, client_msg_id: `${id} ${key} ${op}` as ClientMsgId };
    accepted(await world.core.react(caller(id), { ...change, key, op }));
  };
  const reactions = (more: object = {}, by = 'ann', target = at) =>
    world.core.listReactions(caller(by), { conversation_id: group, target_seq: target, ...more });
  expect(accepted(await reactions())).toEqual({ users: [], count: 0 });
  for (const id of ['dan', 'bob', 'carl']) await react(id, '👍');
  await react('bob', '🎉');
  const first = accepted(await reactions());
  expect(first).toMatchObject({ count: 3, next: 'carl' });
  expect(first.users).toMatchObject([
    { user_id: 'bob', keys: ['👍', '🎉'] },
    { user_id: 'carl', keys: ['👍'] },
  ]);
  await react('carl', '👍', 'remove');
  const second = accepted(await reactions({ after: first.next }));
  expect(second).toMatchObject({ count: 2, users: [{ user_id: 'dan', display_name: 'dan', keys: ['👍'] }] });
  expect(second.next).toBeUndefined();
  // With the variation selector it is the same key.
  expect(accepted(await reactions({ key: '🎉\ufe0f' }))).toMatchObject({ count: 1, users: [{ user_id: 'bob' }] });
  expect(codeOf(await reactions({ key: '\ufe0f' }))).toBe('bad_request');
  expect(codeOf(await reactions({}, 'ann', seq(1)))).toBe('not_found');
  expect(codeOf(await reactions({}, 'eve'))).toBe('not_member');
  await add(group, 'eve');
  expect(codeOf(await reactions({}, 'eve'))).toBe('not_found');
});
