// Presence through the core: who is online, who was last seen when, and who is typing.

import { afterEach, beforeEach, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DeviceCaller } from '../../ports/core/core.ts';
import { conversationTopic, presenceTopic, userTopic } from '../../ports/event-bus/event-bus.ts';
import { accepted, caller, codeOf, openWorld, user, type World } from './testing/world.ts';

let folder: string;
let world: World;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'hongyan-presence-'));
  world = await openWorld({ folder });
  await world.people('ann', 'bob', 'carl');
});
afterEach(async () => {
  await world.close();
  rmSync(folder, { recursive: true });
});

const open = async (device: DeviceCaller) =>
  accepted(await world.core.openSession({ caller: device, clientName: '', node: 'test' }));
const close = (device: DeviceCaller) => world.core.closeSession({ caller: device, node: 'test' });
const presenceOf = async (...ids: readonly string[]) =>
  accepted(await world.core.presence(caller('ann'), { user_ids: ids.map(user) })).users;

test('a user is online from the first session to the end of the last, and watchers receive both once', async () => {
  const frames = await world.listen(presenceTopic(user('bob')));
  const [phone, laptop] = [caller('bob', 'phone'), caller('bob', 'laptop')];
  await open(phone);
  await open(laptop);
  await close(phone);
  await close(phone);
  expect(await presenceOf('bob', 'carl')).toEqual([
    { user_id: user('bob'), online: true },
    { user_id: user('carl'), online: false },
  ]);
  world.pass(1_000);
  await close(laptop);
  const lastSeen = Date.UTC(2026, 0, 15) + 1_000;
  const bob = { user_id: 'bob' };
  expect(frames).toEqual([
    { type: 'presence', ...bob, online: true },
    { type: 'presence', ...bob, online: false, last_seen: lastSeen },
  ]);
  expect(await presenceOf('bob')).toEqual([{ user_id: user('bob'), online: false, last_seen: lastSeen }]);
});

test('when a user was last seen survives the core: it is the same after opening its stores again', async () => {
  await open(caller('bob'));
  world.pass(5_000);
  await close(caller('bob'));
  const before = await presenceOf('bob', 'carl');
  expect(before[0]?.last_seen).toBe(Date.UTC(2026, 0, 15) + 5_000);
  await world.close();
  world = await openWorld({ folder });
  expect(await presenceOf('bob', 'carl')).toEqual(before);
});

test('a session gets the groups and broadcasts of its user, not the direct conversations', async () => {
  const group = await world.group('ann', ['bob']);
  const broadcast = await world.group('ann', ['bob'], { kind: 'broadcast' });
  await world.say('ann', 'bob');
  await world.group('ann', ['carl']);
  const { conversationIds, epoch } = await open(caller('bob'));
  expect(conversationIds.toSorted()).toEqual([group, broadcast].toSorted());
  expect(epoch).toBe(world.timeline.epoch);
});

test('typing in a group reaches its members, in a direct conversation the other user alone', async () => {
  const group = await world.group('ann', ['bob']);
  const { conversation_id: direct } = await world.say('ann', 'bob');
  const inGroup = await world.listen(conversationTopic(group));
  const [atAnn, atBob] = [await world.listen(userTopic(user('ann'))), await world.listen(userTopic(user('bob')))];
  for (const conversation_id of [group, direct])
    expect(codeOf(await world.core.typing(caller('ann'), { conversation_id }))).toBe('ok');
  expect(inGroup).toEqual([{ type: 'typing', conversation_id: group, user_id: 'ann' }]);
  expect(atBob).toEqual([{ type: 'typing', conversation_id: direct, user_id: 'ann' }]);
  expect(atAnn).toEqual([]);
});

test('typing of a user who may not write is refused and not published', async () => {
  const broadcast = await world.group('ann', ['bob'], { kind: 'broadcast' });
  const frames = await world.listen(conversationTopic(broadcast));
  const typing = async (id: string) => codeOf(await world.core.typing(caller(id), { conversation_id: broadcast }));
  expect([await typing('bob'), await typing('carl')]).toEqual(['forbidden', 'not_member']);
  expect(frames).toEqual([]);
  expect(await typing('ann')).toBe('ok');
  expect(frames).toHaveLength(1);
});
