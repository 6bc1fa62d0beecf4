// [L6] Operations that are charged to their caller, and those that remain possible beyond the limit.

import { afterEach, beforeEach, expect, test } from 'bun:test';
import { ok } from '@hongyan/base/result';
import type { ClientMsgId, ConversationId, Seq } from '@hongyan/protocol/ids';
import type { Result } from '@hongyan/protocol/refusals';
import { ManualClock } from '@hongyan/testing/manual-clock';
import type { Tier } from '../../domain/tier.ts';
import { MemoryRateLimiter } from '../../ports/rate-limiter/memory-rate-limiter.ts';
import { StoredBytes } from './stored-bytes.ts';
import { accepted, caller, codeOf, openWorld, user, type World } from './testing/world.ts';

/** Half of it at once. */
const tier: Tier = { name: 'tiny', perS: 1_000, burst: 1_000, storedBytesPerDay: 40_000 };
const tiers = { of: () => tier, list: () => ({}), get: async () => ok(null) };

let world: World;
let group: ConversationId;
let target: { readonly conversation_id: ConversationId; readonly target_seq: Seq };
let keys = 0;
const key = () => ({ client_msg_id: `change ${++keys}` as ClientMsgId });
const ann = caller('ann');

beforeEach(async () => {
  const limiter = new MemoryRateLimiter({ clock: new ManualClock(), bucketsMax: 1_000 });
  const storedBytes = new StoredBytes({ tiers: tiers as never, limiter });
  world = await openWorld({ given: (deps) => ({ ...deps, storedBytes }) });
  await world.people('ann', 'bob', 'carl');
  group = await world.group('ann', ['bob']);
  target = { conversation_id: group, target_seq: (await world.say('ann', group, 'hello')).seq };
});
afterEach(() => world.close());

/** How many times the operation is accepted, at most a thousand. */
async function accepts(operation: (index: number) => Promise<Result<unknown>>): Promise<number> {
  for (let index = 0; index < 1_000; index++) {
    const code = codeOf(await operation(index));
    if (code === 'ok') continue;
    expect(code).toBe('rate_limited');
    return index;
  }
  return 1_000;
}

const changes: Readonly<Record<string, (index: number) => Promise<Result<unknown>>>> = {
  reactions: (index) =>
    world.core.react(ann, { ...target, ...key(), key: 'x', op: index % 2 === 0 ? 'add' : 'remove' }),
  pins: (index) =>
    index % 2 === 0 ? world.core.pin(ann, { ...target, ...key() }) : world.core.unpin(ann, { ...target, ...key() }),
  titles: (index) => world.core.updateConversation(ann, { conversation_id: group, title: `title ${index}` }),
  roles: (index) =>
    world.core.setRole(ann, {
      conversation_id: group,
      user_id: user('bob'),
      role: index % 2 === 0 ? 'admin' : 'member',
    }),
  groups: () => world.core.createConversation(ann, { kind: 'group', title: 'more', members: [] }),
  members: async (index) =>
    index % 2 === 0
      ? world.core.addMember(ann, { conversation_id: group, user_id: user('carl') })
      : world.core.removeMember(ann, { conversation_id: group, user_id: user('carl') }),
};

for (const [what, change] of Object.entries(changes))
  test(`[L6] ${what} end at the limit of the day, and other users continue`, async () => {
    expect(await accepts(change)).toBeWithin(20, 200);
    expect(
      codeOf(
        await world.core.send(ann, {
          conversation_id: group,
          ...key(),
          content: { type: 'text', text: 'x'.repeat(400) },
        }),
      ),
    ).toBe('rate_limited');
    expect(codeOf(await world.trySay('bob', group))).toBe('ok');
  });

test('[L6] a long title costs more than a short one', async () => {
  const title = (index: number) => `${index} ${'𠀀'.repeat(60)}`;
  const long = await accepts((index) =>
    world.core.updateConversation(ann, { conversation_id: group, title: title(index) }),
  );
  expect(long).toBeWithin(20, 45);
});

test('[L6] a user at the limit can still recall, remove a member, and leave', async () => {
  await accepts(() => world.trySay('ann', group, 'x'.repeat(100)));
  accepted(await world.core.recall(ann, { ...target, ...key() }));
  accepted(await world.core.removeMember(ann, { conversation_id: group, user_id: user('bob') }));
  accepted(await world.core.removeMember(ann, { conversation_id: group, user_id: user('ann') }));
});

test('[E10] an update that changes nothing appends no entry, and is not published', async () => {
  const before = accepted(await world.core.getConversation(ann, { conversation_id: group }));
  const { title = '', rules, history_visible } = before;
  const again = { conversation_id: group, title, rules, history_visible };
  expect(accepted(await world.core.updateConversation(ann, again))).toEqual(before);
  const renamed = accepted(await world.core.updateConversation(ann, { ...again, title: 'another' }));
  expect(renamed.last_seq).toBeGreaterThan(before.last_seq);
});
