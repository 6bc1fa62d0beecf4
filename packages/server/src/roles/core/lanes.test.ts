// Commands that wait in one lane: decided one upon the other, committed together, and each with an outcome of its own.

import { afterEach, expect, test } from 'bun:test';
import { StoreFailure } from '@hongyan/base/result';
import type { ClientMsgId, ConversationId } from '@hongyan/protocol/ids';
import { conversationTopic } from '../../ports/event-bus/event-bus.ts';
import { around } from './testing/faulty-port.ts';
import { accepted, caller, codeOf, openWorld, seq, user, type World } from './testing/world.ts';

const people = ['ann', 'bob', 'carl', 'dora'];
let world: World;
let keys = 0;
afterEach(() => world.close());

/** Appends, each of which the test lets go; `rows` are the sizes of all appends so far. */
class HeldAppends {
  readonly rows: number[] = [];
  readonly #waiting: (() => void)[] = [];
  #arrival = Promise.withResolvers<void>();
  isHolding = false;
  failure: Error | undefined;

  async pass(rows: number): Promise<void> {
    this.rows.push(rows);
    if (this.isHolding) {
      const gate = Promise.withResolvers<void>();
      this.#waiting.push(gate.resolve);
      this.#arrival.resolve();
      await gate.promise;
    }
    if (this.failure) throw this.failure;
  }

  /** Resolves when one more is held than were let go. */
  async next(): Promise<void> {
    while (this.#waiting.length === 0) await this.#arrival.promise;
    this.#arrival = Promise.withResolvers<void>();
  }

  release(): void {
    this.#waiting.shift()?.();
  }
}

async function openHeld(): Promise<HeldAppends> {
  const appends = new HeldAppends();
  world = await openWorld({
    given: (deps) => {
      const timeline = around(deps.timeline, (_name, call) => call());
      const append: typeof timeline.append = async (batch, fence) => {
        await appends.pass(batch.length);
        return deps.timeline.append(batch, fence);
      };
      const held = new Proxy(timeline, {
        get: (target, name) => (name === 'append' ? append : Reflect.get(target, name)),
      });
      return { ...deps, timeline: held };
    },
  });
  await world.people(...people);
  return appends;
}

const at = (conversation_id: ConversationId, target: number, key = `change ${++keys}`) => ({
  conversation_id,
  target_seq: seq(target),
  client_msg_id: key as ClientMsgId,
});
const react = (by: string, group: ConversationId, target: number, { key = '👍', id = `react ${++keys}` } = {}) =>
  world.core.react(caller(by), { ...at(group, target, id), key, op: 'add' });
const reply = (by: string, group: ConversationId, target: number, words: string) =>
  world.core.send(caller(by), {
    ...{ conversation_id: group, client_msg_id: `reply ${++keys}` as ClientMsgId, reply_to: { seq: seq(target) } },
    content: { type: 'text', text: words },
  });
const reactionsOf = async (by: string, group: ConversationId, target: number) =>
  accepted(await world.core.history(caller(by), { conversation_id: group })).entries.find(
    (entry) => Number(entry.seq) === target,
  )?.reactions;
/** Other batches have been handled: what was submitted before waits in its lane. */
const inLanes = async () => {
  for (let count = 0; count < 3; count++) await world.trySay('nobody', 'ann');
};

test('[D2] commands that wait in a lane share one commit, see one another, and are published in their order', async () => {
  const appends = await openHeld();
  const group = await world.group('ann', people.slice(1));
  const { seq: target } = await world.say('ann', group, 'frist');
  const frames = await world.listen(conversationTopic(group));
  appends.isHolding = true;
  const all: Promise<Parameters<typeof codeOf>[0]>[] = [react('ann', group, target)];
  await appends.next();
  const before = appends.rows.length;
  const edit = at(group, target);
  all.push(
    react('bob', group, target),
    world.core.edit(caller('ann'), { ...edit, content: { type: 'text', text: 'first' } }),
    reply('carl', group, target, 'an answer'),
    react('carl', group, 999),
    world.trySay('dora', group, 'plain'),
    react('bob', group, target, { key: '🎉' }),
    world.core.edit(caller('ann'), { ...edit, content: { type: 'text', text: 'first' } }),
  );
  await inLanes();
  appends.isHolding = false;
  appends.release();
  expect((await Promise.all(all)).map(codeOf)).toEqual(['ok', 'ok', 'ok', 'ok', 'not_found', 'ok', 'ok', 'ok']);
  // The repeated edit waits for the first one to be committed, and finds it.
  expect(appends.rows.slice(before)).toEqual([5]);
  expect(frames.map((frame) => Number(frame.seq))).toEqual([3, 4, 5, 6, 7, 8]);
  expect(frames[3]).toMatchObject({ type: 'message', reply_to: { content: { text: 'first' }, as_of_seq: 5 } });
  const page = accepted(await world.core.history(caller('dora'), { conversation_id: group }));
  expect(page.entries.find((entry) => entry.seq === target)).toMatchObject({
    ...{ content: { text: 'first' }, edited: 5, as_of_seq: 8 },
    reactions: [
      { key: '👍', count: 2 },
      { key: '🎉', count: 1 },
    ],
  });
});

test('[D3] what was decided upon a command that turns out to be a repeat is decided again', async () => {
  const appends = await openHeld();
  const [group, other] = [await world.group('ann', people.slice(1)), await world.group('ann', people.slice(1))];
  const [{ seq: target }, { seq: elsewhere }] = [
    await world.say('ann', group, 'x'),
    await world.say('ann', other, 'x'),
  ];
  appends.isHolding = true;
  const first = react('ann', group, target);
  await appends.next();
  const taken = react('bob', group, target, { id: 'both' });
  const unchanged = react('bob', group, target);
  const behind = react('carl', group, target);
  await inLanes();
  appends.release();
  await appends.next();
  appends.isHolding = false;
  // The key is taken between the look-up and the commit.
  expect(codeOf(await react('bob', other, elsewhere, { id: 'both' }))).toBe('ok');
  expect(await reactionsOf('dora', group, target)).toEqual([{ key: '👍', count: 1 }]);
  appends.release();
  expect([codeOf(await first), codeOf(await taken), codeOf(await behind)]).toEqual(['ok', 'conflict', 'ok']);
  // Bob's second reaction was none while the first one was there.
  expect(accepted(await unchanged).unchanged).toBeUndefined();
  expect(await reactionsOf('bob', group, target)).toEqual([{ key: '👍', count: 3, mine: true }]);
  const raw = accepted(await world.core.catchUp(caller('ann'), { conversation_id: group, after_seq: seq(target) }));
  expect(raw.entries.map(({ from }) => String(from))).toEqual(['ann', 'bob', 'carl']);
});

test('[D6] where a commit fails, so does everything that was decided upon it, and nothing else', async () => {
  const appends = await openHeld();
  const group = await world.group('ann', people.slice(1));
  const { seq: target } = await world.say('ann', group, 'x');
  appends.isHolding = true;
  const all = [react('ann', group, target)];
  await appends.next();
  all.push(
    react('eve', group, target),
    react('bob', group, target),
    react('bob', group, target),
    react('carl', group, 999),
  );
  const message = world.trySay('dora', group, 'plain');
  await inLanes();
  appends.release();
  await appends.next();
  appends.failure = new StoreFailure('unavailable', 'the disk is full');
  appends.isHolding = false;
  appends.release();
  const codes = (await Promise.all(all)).map(codeOf);
  expect(codes).toEqual(['ok', 'not_member', 'unavailable', 'unavailable', 'unavailable']);
  expect(codeOf(await message)).toBe('unavailable');
  appends.failure = undefined;
  expect(accepted(await react('bob', group, target)).unchanged).toBeUndefined();
  expect(await reactionsOf('dora', group, target)).toEqual([{ key: '👍', count: 2 }]);
});

test('[D9] a removal stands between what its lane commits before it and after it', async () => {
  const appends = await openHeld();
  const group = await world.group('ann', people.slice(1));
  const { seq: target } = await world.say('ann', group, 'x');
  appends.isHolding = true;
  const first = react('ann', group, target);
  await appends.next();
  const before = [react('bob', group, target), reply('bob', group, target, 'last words')];
  const removal = world.core.removeMember(caller('ann'), { conversation_id: group, user_id: user('bob') });
  const after = [
    react('bob', group, target, { key: '🎉' }),
    world.trySay('bob', group, 'more'),
    react('carl', group, target),
  ];
  await inLanes();
  appends.isHolding = false;
  appends.release();
  expect(codeOf(await first)).toBe('ok');
  expect((await Promise.all(before)).map(codeOf)).toEqual(['ok', 'ok']);
  expect(codeOf(await removal)).toBe('ok');
  expect((await Promise.all<Parameters<typeof codeOf>[0]>(after)).map(codeOf)).toEqual([
    'not_member',
    'not_member',
    'ok',
  ]);
});

test('a bug that one command triggers fails that command alone', async () => {
  world = await openWorld({
    given: (deps) => ({
      ...deps,
      timeline: around(deps.timeline, async (name, call) => {
        const answer = await call();
        if (name === 'messagesAt' && (answer as readonly unknown[]).length > 0 && isBroken(answer))
          throw new Error('a bug');
        return answer;
      }),
    }),
  });
  await world.people(...people);
  const group = await world.group('ann', people.slice(1));
  const { seq: target } = await world.say('ann', group, 'x');
  const { seq: broken } = await world.say('ann', group, 'broken');
  const all = [
    react('ann', group, target),
    react('bob', group, target),
    react('carl', group, broken),
    react('dora', group, target),
  ];
  const outcomes = await Promise.all(all);
  expect(outcomes.map(codeOf)).toEqual(['ok', 'ok', 'unknown_outcome', 'ok']);
  expect(await reactionsOf('ann', group, target)).toEqual([{ key: '👍', count: 3, mine: true }]);
});

const isBroken = (answer: unknown): boolean => JSON.stringify(answer).includes('broken');
