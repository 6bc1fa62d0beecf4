// Reactions in a conversation above receipts-push-max: one entry per message and second, and nothing is lost in between.

import { afterEach, beforeEach, expect, test } from 'bun:test';
import type { ClientMsgId, ConversationId, Seq } from '@hongyan/protocol/ids';
import { foldEntries } from '@hongyan/testing/fold-entries';
import { ManualClock } from '@hongyan/testing/manual-clock';
import { until } from '@hongyan/testing/until';
import { conversationTopic } from '../../ports/event-bus/event-bus.ts';
import type { CoreDeps } from './deps.ts';
import { around } from './testing/faulty-port.ts';
import { accepted, caller, codeOf, openWorld, seq, user, type World } from './testing/world.ts';

const everyone = ['ann', 'bob', 'carl', 'dora', 'eve'];
let clock: ManualClock;
let world: World;
let group: ConversationId;
let target: Seq;
let keys = 0;
/** While set, the storage of a reaction waits for it. */
let storing: PromiseWithResolvers<void> | undefined;
let isStoring = false;
let storedCount = 0;
beforeEach(async () => {
  clock = new ManualClock(Date.UTC(2026, 0, 15));
  [storing, isStoring, storedCount] = [undefined, false, 0];
  const given = (deps: CoreDeps): CoreDeps => {
    const timeline = around(deps.timeline, async (name, call) => {
      isStoring ||= name === 'setState';
      if (name === 'setState') storedCount++;
      if (name === 'setState') await storing?.promise;
      return call();
    });
    return { ...deps, clock, timeline };
  };
  world = await openWorld({ receiptsPushMax: 4, given });
  await world.people(...everyone);
  group = await world.group('ann', everyone.slice(1));
  target = (await world.say('ann', group, 'x')).seq;
});
afterEach(() => world.close());

const react = (by: string, key: string, op: 'add' | 'remove' = 'add', clientMsgId = `k${++keys}`) =>
  world.core.react(caller(by), {
    ...{ conversation_id: group, target_seq: target, key, op },
    client_msg_id: clientMsgId as ClientMsgId,
  });
const history = async (by: string) =>
  accepted(await world.core.history(caller(by), { conversation_id: group })).entries.find(
    (entry) => entry.seq === target,
  );
const entries = async () =>
  accepted(await world.core.catchUp(caller('ann'), { conversation_id: group, after_seq: seq(0), limit: 200 })).entries;

test('[E6] of many reactions within a second the first has an entry, the others share one; each counts immediately', async () => {
  const frames = await world.listen(conversationTopic(group));
  const first = accepted(await react('ann', '👍'));
  expect(first.noted).toBeUndefined();
  for (const by of everyone.slice(1)) expect(accepted(await react(by, '👍'))).toMatchObject({ noted: true });
  accepted(await react('bob', '🎉'));
  accepted(await react('bob', '👍', 'remove'));
  expect(accepted(await react('carl', '👍'))).toMatchObject({ unchanged: true });
  expect((await history('bob'))?.reactions).toEqual([
    { key: '👍', count: 4 },
    { key: '🎉', count: 1, mine: true },
  ]);
  expect(frames).toHaveLength(1);
  clock.advance(1_000);
  await until(() => frames.length === 2);
  const change = (userId: string, key: string, op = 'add') => ({ user_id: userId, key, op });
  expect(frames[1]).toMatchObject({
    type: 'entry',
    count: 1,
    content: {
      type: 'hongyan.reactions',
      target_seq: target,
      changes: [...everyone.slice(1).map((by) => change(by, '👍')), change('bob', '🎉'), change('bob', '👍', 'remove')],
      reactions: [
        { key: '👍', count: 4 },
        { key: '🎉', count: 1 },
      ],
    },
  });
  const seen = await history('bob');
  expect(Number(seen?.as_of_seq)).toBe(Number(frames[1]?.seq));
  expect(foldEntries(await entries(), 'bob').find((message) => message.seq === target)?.reactions).toEqual(
    seen?.reactions as never,
  );
});

test('[E2, E6] reactions that arrive while a summary is in flight are in it or in the next one', async () => {
  accepted(await react('ann', '👍'));
  accepted(await react('bob', '👍'));
  const before = (await entries()).length;
  const onTheirWay = ['carl', 'dora', 'eve'].map((by) => react(by, '🎉'));
  clock.advance(1_000);
  for (const reaction of onTheirWay) expect(accepted(await reaction).noted).toBe(true);
  await until(async () => (await entries()).length === before + 1);
  await until(async () => {
    clock.advance(1_000);
    return (await entries()).length === before + 2;
  });
  for (const by of everyone) {
    const folded = foldEntries(await entries(), by).find((message) => message.seq === target);
    expect(folded?.reactions).toEqual((await history(by))?.reactions as never);
  }
});

test('[E2, E6] a reaction that is being stored when the second ends is in the next summary', async () => {
  accepted(await react('ann', '👍'));
  const before = (await entries()).length;
  storing = Promise.withResolvers<void>();
  const reaction = react('bob', '👍');
  await until(() => isStoring);
  clock.advance(1_000);
  storing.resolve();
  expect(accepted(await reaction).noted).toBe(true);
  clock.advance(1_000);
  await until(async () => (await entries()).length === before + 1);
  expect((await entries()).at(-1)?.content).toMatchObject({ changes: [{ user_id: 'bob', key: '👍', op: 'add' }] });
});

test('[E6] reactions that wait for one another are stored together, and each is in the summary', async () => {
  accepted(await react('ann', '👍'));
  storing = Promise.withResolvers<void>();
  const reactions = [react('bob', '👍')];
  await until(() => isStoring);
  reactions.push(react('carl', '👍'), react('dora', '👍'), react('eve', '👍'), react('eve', '👍', 'remove'));
  const unchanged = react('carl', '👍');
  await world.people('fay');
  storing.resolve();
  for (const reaction of reactions) expect(accepted(await reaction).noted).toBe(true);
  expect(accepted(await unchanged)).toMatchObject({ unchanged: true });
  expect(storedCount).toBe(2);
  expect((await history('carl'))?.reactions).toEqual([{ key: '👍', count: 4, mine: true }]);
  clock.advance(1_000);
  await until(async () => (await entries()).at(-1)?.content.type === 'hongyan.reactions');
  expect((await entries()).at(-1)?.content).toMatchObject({
    changes: [{ user_id: 'bob' }, { user_id: 'carl' }, { user_id: 'dora' }, { user_id: 'eve' }, { op: 'remove' }],
    reactions: [{ key: '👍', count: 4 }],
  });
});

test('[E6, D3] a repeated reaction changes nothing, and a second without reactions ends the summaries', async () => {
  accepted(await react('ann', '👍'));
  accepted(await react('bob', '👍', 'add', 'once'));
  expect(accepted(await react('bob', '👍', 'add', 'once'))).toMatchObject({ unchanged: true });
  clock.advance(1_000);
  await until(async () => (await entries()).at(-1)?.content.type === 'hongyan.reactions');
  clock.advance(1_000);
  expect(accepted(await react('carl', '👍')).noted).toBeUndefined();
  expect((await history('carl'))?.reactions).toEqual([{ key: '👍', count: 3, mine: true }]);
});

test('[E5, E6] a recalled message gets no summary, and a pin in between keeps the reactions', async () => {
  accepted(await react('ann', '👍'));
  accepted(await react('bob', '👍'));
  const place = { conversation_id: group, target_seq: target };
  accepted(await world.core.pin(caller('ann'), { ...place, client_msg_id: 'pin' as ClientMsgId }));
  expect(await history('bob')).toMatchObject({ pinned: true, reactions: [{ key: '👍', count: 2, mine: true }] });
  accepted(await react('carl', '👍'));
  expect((await history('bob'))?.pinned).toBe(true);
  accepted(await world.core.recall(caller('ann'), { ...place, client_msg_id: 'recall' as ClientMsgId }));
  const before = (await entries()).length;
  clock.advance(1_000);
  expect(codeOf(await react('dora', '👍'))).toBe('conflict');
  expect(await entries()).toHaveLength(before);
});

test('[E6] pending reactions are summarized when the core stops, even those of users who have left', async () => {
  accepted(await react('ann', '👍'));
  accepted(await react('bob', '👍'));
  accepted(await world.core.removeMember(caller('ann'), { conversation_id: group, user_id: user('bob') }));
  accepted(await react('carl', '👍'));
  await world.core.drain();
  const last = await world.timeline.range({
    ...{ conversationId: group, beforeSeq: seq(1_000), limit: 1, withTargeted: true },
  });
  expect(JSON.parse(last.entries[0]?.contentJson ?? '')).toMatchObject({
    type: 'hongyan.reactions',
    reactions: [{ key: '👍', count: 3 }],
  });
});
