// What a reader sees of conversations: unread counts, hidden beginnings, statuses, inline members.

import { afterEach, expect, test } from 'bun:test';
import type { ConversationId } from '@hongyan/protocol/ids';
import { accepted, caller, openWorld, seq, user, type World, type WorldOptions } from './testing/world.ts';

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
const statusesFor = async (id: string, conversation_id: ConversationId) =>
  accepted(await world.core.history(caller(id), { conversation_id })).entries.map(({ status }) => status);

test('[E3] unread counts messages of others after the read position; reading on one device lowers it on all', async () => {
  await open();
  const { conversation_id } = await world.say('ann', 'bob');
  for (let number = 0; number < 4; number++) await world.say('ann', 'bob');
  expect(await view('bob', conversation_id)).toMatchObject({ last_seq: 5, read_seq: 0, unread: 5 });
  await world.read(caller('bob', 'phone'), conversation_id, 2);
  await world.read(caller('bob', 'laptop'), conversation_id, 4);
  expect(await view('bob', conversation_id)).toMatchObject({ delivered_seq: 4, read_seq: 4, unread: 1 });
  expect(await view('ann', conversation_id)).toMatchObject({ read_seq: 0, unread: 0 });
  await world.say('bob', 'ann');
  await world.read(caller('bob'), conversation_id, 6);
  expect(await view('bob', conversation_id)).toMatchObject({ unread: 0, last_message: { seq: 6, from: 'bob' } });
});

test('[D7] earlier messages are not unread for a new member, and their status does not go back', async () => {
  await open();
  const group = await world.group('ann', ['bob'], { history_visible: true });
  const { seq: last } = await world.say('ann', group);
  await world.read(caller('bob'), group, last);
  expect(await statusesFor('ann', group)).toEqual(['read', 'read']);
  await add(group, 'carl');
  expect(await statusesFor('ann', group)).toEqual(['read', 'read', 'ack']);
  expect(await view('carl', group)).toMatchObject({ first_seq: 1, last_seq: 3, unread: 0 });
});

test('[D5] the last message is shown only to members who may see it', async () => {
  await open();
  const group = await world.group('ann', ['bob']);
  const { msg_id } = await world.say('ann', group);
  // The entry of the joining is the first that carl sees; it is no message.
  await add(group, 'carl');
  expect(await view('carl', group)).toMatchObject({ first_seq: 3 });
  expect(await view('carl', group)).not.toHaveProperty('last_message');
  expect(await view('ann', group)).toMatchObject({ last_message: { seq: 2 } });
  await world.say('ann', group);
  expect(await view('carl', group)).toMatchObject({ last_message: { seq: 4 } });
  expect(await world.core.getMessage(caller('carl'), { msg_id })).toMatchObject({ code: 'not_found' });
});

test('[D7] the sender of a direct message sees the position of the other user, who sees their own', async () => {
  await open();
  const { conversation_id } = await world.say('ann', 'bob');
  await world.say('ann', 'bob');
  await world.say('bob', 'ann');
  await world.core.delivered(caller('bob'), { conversation_id, seq: seq(3) });
  await world.read(caller('bob'), conversation_id, 1);
  expect(await statusesFor('ann', conversation_id)).toEqual(['read', 'delivered', 'ack']);
  expect(await statusesFor('bob', conversation_id)).toEqual(['read', 'delivered', 'ack']);
  await world.read(caller('ann'), conversation_id, 3);
  expect(await statusesFor('bob', conversation_id)).toEqual(['read', 'delivered', 'read']);
});

test('[D7] a group message is read for its sender once all others have read it; in large groups only getMessage shows that', async () => {
  await open({ receiptsPushMax: 3 });
  const group = await world.group('ann', ['bob', 'carl']);
  const { seq: at, msg_id } = await world.say('ann', group);
  const status = async () => (await statusesFor('ann', group)).at(-1);
  expect(await status()).toBe('ack');
  await world.read(caller('bob'), group, at);
  expect(await status()).toBe('ack');
  await world.read(caller('carl'), group, at);
  expect(await status()).toBe('read');
  await add(group, 'dan');
  expect(await statusesFor('ann', group)).toEqual(['ack', 'ack', 'ack']);
  await world.read(caller('dan'), group, at);
  expect(accepted(await world.core.getMessage(caller('ann'), { msg_id }))).toMatchObject({
    status: 'read',
    read_count: 3,
  });
});

test('a larger group does not list its members inline, but has their number', async () => {
  await open({ membersInlineMax: 3 });
  const group = await world.group('ann', ['bob', 'carl']);
  expect(await view('ann', group)).toMatchObject({ member_count: 3, members: ['ann', 'bob', 'carl'] });
  await add(group, 'dan');
  const large = await view('ann', group);
  expect(large.member_count).toBe(4);
  expect(large).not.toHaveProperty('members');
});

test('[D7] the last message of a view has the same status as in history', async () => {
  await open({ receiptsPushMax: 3, membersInlineMax: 10 });
  const group = await world.group('ann', ['bob', 'carl', 'dan']);
  const { seq: at } = await world.say('ann', group);
  for (const id of ['bob', 'carl', 'dan']) await world.read(caller(id), group, at);
  // Four members are more than receipts are pushed to, though they are listed.
  for (const id of ['ann', 'bob'])
    expect((await view(id, group)).last_message?.status).toBe((await statusesFor(id, group)).at(-1));
});
