// Presence through the core: sessions that open, close and expire, the time when a user was last seen, and typing.

import { afterEach, expect, test } from 'bun:test';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StoreFailure } from '@hongyan/base/result';
import type { ConversationId, DeviceId } from '@hongyan/protocol/ids';
import { ManualClock } from '@hongyan/testing/manual-clock';
import { until } from '@hongyan/testing/until';
import { defaultRules } from '../../domain/membership.ts';
import { type BusEvent, conversationTopic, presenceTopic, userTopic } from '../../ports/event-bus/event-bus.ts';
import { MemorySessionRegistry } from '../../ports/session-registry/memory-session-registry.ts';
import { failing } from './testing/faulty-port.ts';
import { accepted, caller, codeOf, openWorld, user, type World, type WorldOptions } from './testing/world.ts';

let world: World;
/** For a world that is opened again. */
let folder: string | undefined;
afterEach(async () => {
  await world.close();
  if (folder !== undefined) await rm(folder, { recursive: true });
  folder = undefined;
});

async function open(options?: WorldOptions): Promise<void> {
  world = await openWorld(options);
  await world.people('ann', 'bob', 'carl');
}

const session = (who: string, device = 'phone', node = 'here') => ({ caller: caller(who, device), node });
const openSession = (who: string, device?: string, clientName = '') =>
  world.core.openSession({ ...session(who, device), clientName });
const presenceOf = async (...who: string[]) =>
  accepted(await world.core.presence(caller('ann'), { user_ids: who.map(user) })).users;
const isOnline = async (who: string) => (await presenceOf(who))[0]?.online;

test('a user is online from the first session to the last, whose end is the time last seen', async () => {
  await open();
  const heard = await world.listen(presenceTopic(user('bob')));
  expect(await presenceOf('bob', 'nobody')).toEqual([
    { user_id: user('bob'), online: false },
    { user_id: user('nobody'), online: false },
  ]);
  accepted(await openSession('bob', 'phone'));
  accepted(await openSession('bob', 'desk'));
  expect(await presenceOf('bob')).toEqual([{ user_id: user('bob'), online: true }]);
  world.pass(5_000);
  await world.core.closeSession(session('bob', 'phone'));
  expect(await isOnline('bob')).toBe(true);
  world.pass(5_000);
  await world.core.closeSession(session('bob', 'desk'));
  const last_seen = Date.UTC(2026, 0, 15) + 10_000;
  expect(await presenceOf('bob')).toEqual([{ user_id: user('bob'), online: false, last_seen }]);
  await world.core.closeSession(session('bob', 'desk'));
  expect(heard).toEqual([
    { type: 'presence', user_id: 'bob', online: true },
    { type: 'presence', user_id: 'bob', online: false, last_seen },
  ]);
});

test('the time when a user was last seen survives a restart', async () => {
  folder = await mkdtemp(join(tmpdir(), 'hongyan-presence-'));
  await open({ folder });
  accepted(await openSession('bob'));
  world.pass(5_000);
  await world.core.closeSession(session('bob'));
  const before = await presenceOf('bob', 'carl');
  expect(before[0]?.last_seen).toBe(Date.UTC(2026, 0, 15) + 5_000);
  await world.close();
  world = await openWorld({ folder });
  expect(await presenceOf('bob', 'carl')).toEqual(before);
});

test('a further session is published to the user, so that an older one of the same device is closed', async () => {
  await open();
  const events: BusEvent[] = [];
  const topic = userTopic(user('bob'));
  await world.bus.attach({ onEvent: (event) => events.push(event), onLoss: () => {} }).subscribe([topic]);
  accepted(await openSession('bob'));
  expect(events).toEqual([]);
  const again = { ...caller('bob'), sessionId: 'second' };
  accepted(await world.core.openSession({ caller: again, clientName: '', node: 'there' }));
  expect(events).toEqual([{ type: 'replaced', topic, deviceId: 'phone' as DeviceId, sessionId: 'second' }]);
});

test('a session subscribes to all groups and broadcasts; direct conversations use the topic of the user', async () => {
  await open();
  const ids = Array.from({ length: 1_203 }, (_, number) => `g:${number}` as ConversationId);
  const member = { userId: user('bob'), role: 'member' as const };
  const common = { title: 't', isHistoryVisible: true, rules: defaultRules('group'), members: [member], atMs: 1 };
  await Promise.all(
    ids.map((conversationId, number) =>
      world.directory.createConversation({ ...common, conversationId, kind: number % 2 ? 'group' : 'broadcast' }),
    ),
  );
  await world.say('ann', 'bob');
  const opened = accepted(await openSession('bob'));
  expect(opened.conversationIds.toSorted()).toEqual(ids.toSorted());
  expect(opened.epoch).toBe(world.timeline.epoch);
});

test('[D9] a failing bus neither refuses a device nor leaves it online', async () => {
  let failWith: (error: Error | undefined) => void = () => {};
  await open({
    given(deps) {
      const bus = failing(deps.bus, 'publish');
      ({ failWith } = bus);
      return { ...deps, bus: bus.port };
    },
  });
  failWith(new StoreFailure('unavailable', 'no bus'));
  expect(codeOf(await openSession('bob'))).toBe('ok');
  expect(codeOf(await openSession('bob', 'desk'))).toBe('ok');
  await world.core.closeSession(session('bob'));
  await world.core.closeSession(session('bob', 'desk'));
  expect(await isOnline('bob')).toBe(false);
});

test('a failing store of devices refuses no device; a failing directory does, and leaves no user online', async () => {
  let failWith: (error: Error | undefined) => void = () => {};
  let failReads: (error: Error | undefined) => void = () => {};
  await open({
    given(deps) {
      const writes = failing(deps.devices, 'touch');
      const reads = failing(deps.directory, 'memberships');
      [failWith, failReads] = [writes.failWith, reads.failWith];
      return { ...deps, devices: writes.port, directory: reads.port };
    },
  });
  failWith(new StoreFailure('unavailable', 'the disk is full'));
  expect(codeOf(await openSession('bob'))).toBe('ok');
  failReads(new StoreFailure('unavailable', 'no connection'));
  expect(codeOf(await openSession('carl'))).toBe('unavailable');
  expect([await isOnline('bob'), await isOnline('carl')]).toEqual([true, false]);
});

test('sessions of a dead node expire; those of a live node are renewed', async () => {
  const clock = new ManualClock();
  const registry = new MemorySessionRegistry({ clock, ttlMs: 30_000 });
  await open({ given: (deps) => ({ ...deps, clock, registry }) });
  accepted(await openSession('ann'));
  await registry.add({ userId: user('bob'), deviceId: 'phone' as DeviceId, sessionId: 's', node: 'gone' });
  const heard = await world.listen(presenceTopic(user('ann')), presenceTopic(user('bob')));
  for (let step = 0; step < 12; step++) {
    clock.advance(5_000);
    // Renewal and expiry are asynchronous; the next step of the clock comes after them.
    await new Promise<void>((resolve) => void setImmediate(resolve));
  }
  await until(() => heard.length > 0);
  expect(heard).toEqual([{ type: 'presence', user_id: 'bob', online: false }]);
  expect([await isOnline('ann'), await isOnline('bob')]).toEqual([true, false]);
});

test('a device that was not seen for half a year is forgotten', async () => {
  const clock = new ManualClock();
  await open({ given: (deps) => ({ ...deps, clock }) });
  accepted(await openSession('bob', 'old', 'Old phone'));
  await world.core.closeSession(session('bob', 'old'));
  const devices = async () => (await world.devices.ofUsers([user('bob')])).get(user('bob'))?.map(({ name }) => name);
  expect(await devices()).toEqual(['Old phone']);
  clock.suspend(181 * 86_400_000);
  await until(async () => (await devices()) === undefined);
});

test('typing reaches the other members where the user may write, and nobody else', async () => {
  await open();
  const broadcast = await world.group('ann', ['bob', 'carl'], { kind: 'broadcast' });
  const group = await world.group('ann', ['bob']);
  const { conversation_id: direct } = await world.say('ann', 'bob');
  const { conversation_id: note } = await world.say('ann', 'ann');
  const [inBroadcast, inGroup] = [
    await world.listen(conversationTopic(broadcast)),
    await world.listen(conversationTopic(group)),
  ];
  const [atAnn, atBob] = [await world.listen(userTopic(user('ann'))), await world.listen(userTopic(user('bob')))];
  const typing = async (who: string, conversation_id: ConversationId) =>
    codeOf(await world.core.typing(caller(who), { conversation_id }));
  expect(await typing('bob', broadcast)).toBe('forbidden');
  expect(inBroadcast).toEqual([]);
  expect(await typing('ann', broadcast)).toBe('ok');
  expect(inBroadcast).toEqual([{ type: 'typing', conversation_id: broadcast, user_id: 'ann' }]);
  expect(await typing('bob', group)).toBe('ok');
  expect(inGroup).toEqual([{ type: 'typing', conversation_id: group, user_id: 'bob' }]);
  expect(await typing('carl', group)).toBe('not_member');
  expect(await typing('ann', direct)).toBe('ok');
  expect(await typing('ann', note)).toBe('ok');
  expect([atAnn, atBob]).toEqual([[], [{ type: 'typing', conversation_id: direct, user_id: 'ann' }]]);
});
