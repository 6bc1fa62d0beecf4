// Positions of senders are written later than their messages: unread counts must be right even if the core dies in between.

import { afterEach, beforeEach, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '@hongyan/base/log';
import { StoreFailure } from '@hongyan/base/result';
import type { ConversationId } from '@hongyan/protocol/ids';
import { ManualClock } from '@hongyan/testing/manual-clock';
import { until } from '@hongyan/testing/until';
import type { SoleDirectory } from '../../ports/directory/directory.ts';
import type { SentAdvance } from '../../ports/directory/receipts.ts';
import type { Feed } from '../../ports/timeline/feed.ts';
import { conversation, entry } from '../../ports/timeline/testing/entries.ts';
import type { Position, StoredEntry, Timeline } from '../../ports/timeline/timeline.ts';
import type { CoreDeps } from './deps.ts';
import { SentPositions } from './sent-positions.ts';
import { around, failing } from './testing/faulty-port.ts';
import { accepted, caller, openWorld, user, type World } from './testing/world.ts';

/** Longer than the interval of writes. */
const writeMs = 1_500;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hongyan-sent-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Never writes positions, as if the core were killed before. */
function endingBefore(deps: CoreDeps): CoreDeps {
  const { port, failWith } = failing(deps.directory, 'advanceSent');
  failWith(new Error('killed'));
  return { ...deps, directory: port };
}

/** The timeline, with a feed that has no entries. */
function withEmptyFeed(timeline: Timeline): Timeline {
  const feed: Pick<Feed, 'read'> = {
    read: async ({ after }) => ({ entries: [], position: after, isAtEnd: true, hasGap: false }),
  };
  return new Proxy(timeline, {
    get(target, name) {
      if (name === 'feed') return feed;
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

const unreadOf = async (world: World, id: string, conversation_id: ConversationId) =>
  accepted(await world.core.getConversation(caller(id), { conversation_id })).unread;

async function talk(world: World): Promise<ConversationId> {
  await world.people('ann', 'bob');
  const { conversation_id } = await world.say('ann', 'bob');
  // More than a page of the feed.
  await Promise.all(Array.from({ length: 600 }, () => world.say('ann', 'bob')));
  await world.say('bob', 'ann');
  await world.say('ann', 'bob');
  return conversation_id;
}

test("[E3] a member's messages are not unread after a crash before their position was written", async () => {
  let world = await openWorld({ folder, given: endingBefore });
  const conversation = await talk(world);
  await world.close();
  world = await openWorld({ folder });
  expect(await unreadOf(world, 'bob', conversation)).toBe(1);
  expect(await unreadOf(world, 'ann', conversation)).toBe(0);
  await world.close();
});

test('[E3] positions recovered after a crash are written by the next start', async () => {
  await (await openWorld({ folder })).close();
  let world = await openWorld({ folder, given: endingBefore });
  const conversation = await talk(world);
  await world.close();
  world = await openWorld({ folder });
  await world.close();
  // This one recovers nothing.
  world = await openWorld({ folder, given: (deps) => ({ ...deps, timeline: withEmptyFeed(deps.timeline) }) });
  expect(await unreadOf(world, 'bob', conversation)).toBe(1);
  await world.close();
});

test('[E3] positions noted during a slow write are written after it', async () => {
  let writes = 0;
  const clock = new ManualClock();
  const gate = Promise.withResolvers<void>();
  const world = await openWorld({
    folder,
    given: (deps) => ({
      ...deps,
      clock,
      directory: around(deps.directory, async (name, call) => {
        if (name === 'advanceSent' && writes++ === 0) await gate.promise;
        return call();
      }),
    }),
  });
  await world.people('ann', 'bob');
  await world.say('ann', 'bob');
  clock.advance(writeMs);
  await until(() => writes === 1);
  const { seq } = await world.say('ann', 'bob');
  // The time of the next write passes meanwhile.
  clock.advance(writeMs);
  gate.resolve();
  await until(async () => {
    clock.advance(writeMs);
    return (await world.directory.memberships({ userId: user('ann'), limit: 1 }))[0]?.member.sentSeq === seq;
  });
  await world.close();
});

test('[E3] a member record read before a write and returned after it includes the position', async () => {
  const clock = new ManualClock();
  const gate = Promise.withResolvers<void>();
  let isHolding = false;
  let heldReads = 0;
  let writes = 0;
  const world = await openWorld({
    folder,
    given: (deps) => ({
      ...deps,
      clock,
      directory: around(deps.directory, async (name, call) => {
        const result = await call();
        if (name === 'moveSentThrough') writes++;
        else if (isHolding && name !== 'advanceSent') {
          heldReads++;
          await gate.promise;
        }
        return result;
      }),
    }),
  });
  await world.people('ann', 'bob');
  const { conversation_id } = await world.say('ann', 'bob');
  await world.say('bob', 'ann');
  isHolding = true;
  // The start wrote the first mark.
  writes = 0;
  const unread = unreadOf(world, 'bob', conversation_id);
  await until(() => heldReads > 0);
  clock.advance(writeMs);
  await until(() => writes === 1);
  isHolding = false;
  gate.resolve();
  expect(await unread).toBe(0);
  await world.close();
});

test('[E3] a mark of another timeline is replaced', async () => {
  let directory: SoleDirectory | undefined;
  const given = (deps: CoreDeps) => {
    if (deps.stores.type === 'sole') directory = deps.stores.directory;
    return deps;
  };
  let world = await openWorld({ folder, given });
  await directory?.moveSentThrough('other.1' as Position);
  await world.close();
  world = await openWorld({ folder, given });
  expect(await directory?.sentThrough()).toBe(await world.timeline.position());
  await world.close();
});

/** With a directory that fails until the test ends its outage. */
function sentPositions() {
  const stored = new Set<ConversationId>();
  const clock = new ManualClock();
  const outage = Promise.withResolvers<void>();
  const state = { attempts: 0, isAway: true };
  const directory = {
    async advanceSent(batch: readonly SentAdvance[]) {
      if (state.attempts++ === 0) await outage.promise;
      if (state.isAway) throw new StoreFailure('unavailable', 'the directory is away');
      for (const { conversationId } of batch) stored.add(conversationId);
    },
  };
  const sent = new SentPositions({
    ...{ clock, log: silentLog },
    stores: { type: 'shared' } as CoreDeps['stores'],
    directory: directory as CoreDeps['directory'],
  });
  const note = (from: number, count: number) =>
    sent.note(
      Array.from({ length: count }, (_, index): StoredEntry => {
        const conversationId = conversation(`g:${from + index}`);
        return { ...entry(), conversationId, seq: 1, count: 1, referencesJson: undefined } as unknown as StoredEntry;
      }),
    );
  return { sent, note, clock, stored, state, fail: () => outage.resolve() };
}

test('[E3] positions noted while the directory fails are written afterwards, however many there are', async () => {
  const { sent, note, clock, stored, state, fail } = sentPositions();
  note(0, 12_000);
  await until(() => state.attempts === 1);
  note(12_000, 200_000);
  // The buffer is full.
  expect(() => sent.assertRoom()).toThrow(StoreFailure);
  fail();
  await until(() => {
    clock.advance(writeMs);
    return state.attempts > 2;
  });
  state.isAway = false;
  const written = sent.written();
  // Without a further message.
  await until(() => {
    clock.advance(writeMs);
    return stored.size === 212_000;
  });
  await written;
  sent.assertRoom();
  await sent.drain();
});
