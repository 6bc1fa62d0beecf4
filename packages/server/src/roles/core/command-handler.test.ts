// The command handler: the order within a conversation across changes and look-ups, and exact outcomes.

import { afterEach, expect, test } from 'bun:test';
import { StoreFailure } from '@hongyan/base/result';
import type { ClientMsgId, ConversationId } from '@hongyan/protocol/ids';
import type { Result } from '@hongyan/protocol/refusals';
import { createRandom, testSeed } from '@hongyan/testing/seed';
import { until } from '@hongyan/testing/until';
import { defaultRules } from '../../domain/membership.ts';
import { conversationTopic } from '../../ports/event-bus/event-bus.ts';
import type { StoredEntry } from '../../ports/timeline/timeline.ts';
import type { CoreDeps } from './deps.ts';
import { around, failing, held } from './testing/faulty-port.ts';
import { accepted, caller, codeOf, openWorld, seq, user, type World } from './testing/world.ts';

let world: World;
afterEach(() => world.close());

const settled = () => new Promise<void>((resolve) => void setImmediate(resolve));

/** The complete timeline of a conversation. */
async function entriesOf(conversationId: ConversationId): Promise<readonly StoredEntry[]> {
  return (await world.timeline.range({ conversationId, afterSeq: seq(0), limit: 10_000 })).entries;
}
const contentOf = ({ contentJson }: StoredEntry) => JSON.parse(contentJson) as Readonly<Record<string, unknown>>;
const textOf = (entry: StoredEntry) => contentOf(entry).text ?? contentOf(entry).title ?? contentOf(entry).change;

test('[D2] a change waits for earlier commands, later commands wait for the change, and other conversations continue', async () => {
  let open = () => {};
  let reached: Promise<void> = Promise.resolve();
  await openPeople((deps) => {
    const directory = held(deps.directory, 'updateConversation');
    ({ open, reached } = directory);
    return { ...deps, directory: directory.port };
  });
  const [group, other] = [await world.group('ann', ['bob']), await world.group('ann', ['bob'])];
  const frames = await world.listen(conversationTopic(group), conversationTopic(other));
  const stored = () => frames.map(({ content }) => (content as { readonly text?: string }).text);
  const all: Promise<Result<unknown>>[] = [
    world.trySay('ann', group, 'before'),
    world.core.updateConversation(caller('bob'), { conversation_id: group, title: 'title' }),
    world.trySay('ann', group, 'behind'),
  ];
  await reached;
  expect(stored()).toEqual(['before']);
  all.push(world.trySay('bob', group, 'later'), world.trySay('ann', other, 'elsewhere'));
  await until(() => stored().length === 2);
  expect(stored()).toEqual(['before', 'elsewhere']);
  open();
  await Promise.all(all);
  expect((await entriesOf(group)).map(textOf)).toEqual(['created', 'before', 'title', 'behind', 'later']);
});

test('[D8] while a change of one conversation is held, messages of others are stored, in its batch and in later ones', async () => {
  let open = () => {};
  let reached: Promise<void> = Promise.resolve();
  await openPeople((deps) => {
    const timeline = held(deps.timeline, 'messagesAt');
    ({ open, reached } = timeline);
    return { ...deps, timeline: timeline.port };
  });
  const [group, other] = [await world.group('ann', ['bob']), await world.group('ann', ['bob'])];
  const { seq: target } = await world.say('ann', group, 'first');
  const react = (by: string, key: string) =>
    world.core.react(caller(by), {
      ...{ conversation_id: group, target_seq: seq(target), key, op: 'add' },
      client_msg_id: `${by} ${key}` as ClientMsgId,
    });
  const first = react('ann', '1');
  expect(codeOf(await world.trySay('bob', other, 'in its batch'))).toBe('ok');
  await reached;
  const behind = [first];
  // More batches than may be under way at once.
  for (const key of ['2', '3']) {
    behind.push(react('bob', key), world.trySay('ann', group, `behind ${key}`));
    expect(codeOf(await world.trySay('bob', other, `beside ${key}`))).toBe('ok');
  }
  let isDrained = false;
  const drained = world.core.drain().then(() => {
    isDrained = true;
  });
  await settled();
  expect(isDrained).toBe(false);
  open();
  expect((await Promise.all(behind)).map(codeOf)).toEqual(Array(5).fill('ok'));
  await drained;
  expect((await entriesOf(other)).map(textOf)).toEqual(['created', 'in its batch', 'beside 2', 'beside 3']);
  const { entries } = await world.timeline.range({
    ...{ conversationId: group, afterSeq: seq(0), limit: 100, withTargeted: true },
  });
  expect(entries.map((entry) => contentOf(entry).key ?? textOf(entry))).toEqual([
    'created',
    'first',
    '1',
    '2',
    'behind 2',
    '3',
    'behind 3',
  ]);
});

test('[D2] a message whose sender has to be looked up is not overtaken', async () => {
  let open = () => {};
  let reached: Promise<void> = Promise.resolve();
  await openPeople((deps) => {
    const directory = held(deps.directory, 'getMembers');
    ({ open, reached } = directory);
    return { ...deps, directory: directory.port };
  });
  // Created without the core, which has to read its members.
  const group = 'g:unread' as ConversationId;
  await world.directory.createConversation({
    ...{
      conversationId: group,
      kind: 'group',
      title: 't',
      isHistoryVisible: true,
      rules: defaultRules('group'),
      atMs: 1,
    },
    members: [
      { userId: user('ann'), role: 'owner' },
      { userId: user('bob'), role: 'member' },
    ],
  });
  const all = [world.trySay('ann', group, '1')];
  await reached;
  all.push(world.trySay('ann', group, '2'), world.trySay('bob', group, '3'));
  await settled();
  all.push(world.trySay('ann', group, '4'));
  open();
  expect((await Promise.all(all)).map(codeOf)).toEqual(Array(4).fill('ok'));
  expect((await entriesOf(group)).map(textOf)).toEqual(['1', '2', '3', '4']);
});

test('[D2] a change waits for earlier commands, even if the latest of them were all refused', async () => {
  let isHolding = false;
  const gate = Promise.withResolvers<void>();
  const arrival = Promise.withResolvers<void>();
  await openPeople((deps) => {
    const timeline = around(deps.timeline, async (name, call) => {
      if (name === 'append' && isHolding) {
        arrival.resolve();
        await gate.promise;
      }
      return call();
    });
    return { ...deps, timeline };
  });
  const group = await world.group('ann', ['bob']);
  const first = await world.say('ann', group, 'first');
  isHolding = true;
  const message = world.trySay('ann', group, 'second');
  await arrival.promise;
  isHolding = false;
  expect(codeOf(await world.trySay('eve', group, 'refused'))).toBe('not_member');
  const reaction = world.core.react(caller('bob'), {
    ...{ conversation_id: group, target_seq: seq(first.seq), key: '👍', op: 'add' },
    client_msg_id: 'the reaction' as ClientMsgId,
  });
  // A reaction that did not wait would be appended before these users are stored, one after the other.
  for (const id of ['gil', 'hal', 'ida']) await world.people(id);
  gate.resolve();
  expect([codeOf(await message), codeOf(await reaction)]).toEqual(['ok', 'ok']);
  expect(accepted(await message).seq).toBeLessThan(Number(accepted(await reaction).seq));
});

test('[D9] a removal waits for an earlier message whose sender is still being looked up', async () => {
  let isHolding = false;
  const gate = Promise.withResolvers<void>();
  const arrival = Promise.withResolvers<void>();
  await openPeople((deps) => {
    const directory = around(deps.directory, async (name, call) => {
      const answer = await call();
      if (name !== 'getMembers' || !isHolding) return answer;
      isHolding = false;
      arrival.resolve();
      await gate.promise;
      return answer;
    });
    return { ...deps, directory };
  });
  const group = await world.group('ann', ['bob']);
  isHolding = true;
  const message = world.trySay('bob', group, 'last words');
  await arrival.promise;
  const removal = world.core.removeMember(caller('ann'), { conversation_id: group, user_id: user('bob') });
  // A removal that did not wait would be stored before these users are, one after the other.
  for (const id of ['gil', 'hal', 'ida']) await world.people(id);
  gate.resolve();
  expect([codeOf(await message), codeOf(await removal)]).toEqual(['ok', 'ok']);
  expect((await entriesOf(group)).map(textOf)).toEqual(['created', 'last words', 'left']);
});

test('[D9] a membership that ends while it is read is not cached', async () => {
  let open = () => {};
  let reached: Promise<void> = Promise.resolve();
  await openPeople((deps) => {
    // The result is stale when it arrives: it was read before the removal.
    const gate = Promise.withResolvers<void>();
    const arrival = Promise.withResolvers<void>();
    [open, reached] = [gate.resolve, arrival.promise];
    let isFirst = true;
    const directory = around(deps.directory, async (name, call) => {
      const answer = await call();
      if (name !== 'getMembers' || !isFirst) return answer;
      isFirst = false;
      arrival.resolve();
      await gate.promise;
      return answer;
    });
    return { ...deps, directory };
  });
  const group = 'g:unread' as ConversationId;
  await world.directory.createConversation({
    ...{
      conversationId: group,
      kind: 'group',
      title: 't',
      isHistoryVisible: true,
      rules: defaultRules('group'),
      atMs: 1,
    },
    members: [
      { userId: user('ann'), role: 'owner' },
      { userId: user('bob'), role: 'member' },
    ],
  });
  const reading = world.core.history(caller('bob'), { conversation_id: group });
  await reached;
  const removal = { conversation_id: group, user_id: user('bob') };
  expect(codeOf(await world.core.removeMember(caller('ann'), removal))).toBe('ok');
  open();
  await reading;
  expect(codeOf(await world.trySay('bob', group))).toBe('not_member');
});

test.each([
  ['unavailable', 'unavailable'],
  ['overloaded', 'overloaded'],
  ['unknown_outcome', 'unknown_outcome'],
] as const)('[D6] a timeline that fails as %s is answered so, and the next message is stored', async (code, answer) => {
  let failWith: (error: Error | undefined) => void = () => {};
  await openPeople((deps) => {
    const timeline = failing(deps.timeline, 'append');
    ({ failWith } = timeline);
    return { ...deps, timeline: timeline.port };
  });
  const { conversation_id } = await world.say('ann', 'bob');
  failWith(new StoreFailure(code, 'full'));
  expect(codeOf(await world.trySay('ann', 'bob'))).toBe(answer);
  failWith(undefined);
  expect(await world.say('ann', conversation_id)).toMatchObject({ seq: 2 });
});

test('[D6] a directory that fails before anything is stored leaves no outcome unknown', async () => {
  let failWith: (error: Error | undefined) => void = () => {};
  await openPeople((deps) => {
    const directory = failing(deps.directory, 'getMembers', 'createConversation');
    ({ failWith } = directory);
    return { ...deps, directory: directory.port };
  });
  const group = await world.group('ann', ['bob']);
  await world.say('ann', group);
  failWith(new StoreFailure('unavailable', 'the disk is full'));
  const outcomes = await Promise.all([
    world.trySay('ann', 'carl'),
    world.trySay('bob', group),
    world.core.updateConversation(caller('bob'), { conversation_id: group, title: 'x' }),
    world.trySay('bob', group),
  ]);
  expect(outcomes.map(codeOf)).toEqual(Array(4).fill('unavailable'));
  failWith(undefined);
  expect(codeOf(await world.trySay('bob', group))).toBe('ok');
});

test('a failing bus does not change outcomes: what is stored is reported as stored', async () => {
  let failWith: (error: Error | undefined) => void = () => {};
  await openPeople((deps) => {
    const bus = failing(deps.bus, 'publish');
    ({ failWith } = bus);
    return { ...deps, bus: bus.port };
  });
  failWith(new StoreFailure('unavailable', 'no bus'));
  expect(codeOf(await world.trySay('ann', 'bob'))).toBe('ok');
  const group = await world.group('ann', ['bob']);
  const title = await world.core.updateConversation(caller('bob'), { conversation_id: group, title: 'x' });
  expect(accepted(title)).toMatchObject({ title: 'x', last_seq: 2 });
  expect(codeOf(await world.read(caller('bob'), group, 2))).toBe('ok');
});

async function openPeople(given: (deps: CoreDeps) => CoreDeps): Promise<void> {
  world = await openWorld({ given });
  await world.people(...names);
}

const names = ['ann', 'bob', 'carl', 'dan'];

interface Asked {
  readonly by: string;
  readonly conversationId: ConversationId;
  /** Of a message, its text; of a title, the title; otherwise empty. */
  readonly mark: string;
  readonly outcome: Promise<Result<unknown>>;
}

/** Users who write, rename, add and remove at random, without waiting for outcomes. */
class Crowd {
  readonly asked: Asked[] = [];
  readonly #random: () => number;
  readonly #groups: readonly ConversationId[];

  constructor(random: () => number, groups: readonly ConversationId[]) {
    this.#random = random;
    this.#groups = groups;
  }

  step(): void {
    const by = this.#pick(names);
    const dice = this.#random();
    if (dice < 0.2) return this.#writeTo(by, this.#pick(names));
    const group = this.#pick(this.#groups);
    const ask = { conversation_id: group, user_id: user(this.#pick(names)) };
    if (dice < 0.7) return this.#write(by, group);
    if (dice < 0.75) return this.#rename(by, group);
    if (dice < 0.85) return this.#note(by, group, '', world.core.addMember(caller(by), ask));
    if (dice < 0.95) return this.#note(by, group, '', world.core.removeMember(caller(by), ask));
    // A read fills the cache at any time.
    this.#note(by, group, '', world.core.history(caller(by), { conversation_id: group }));
  }

  /** A direct conversation by its user, in any case of the letters, or by its id. */
  #writeTo(by: string, other: string): void {
    const id = (by <= other ? `d:${by}:${other}` : `d:${other}:${by}`) as ConversationId;
    const target =
      this.#random() < 0.5 ? { conversation_id: id } : { to: user(this.#pick([other, other.toUpperCase()])) };
    this.#send(by, id, target);
  }

  #write(by: string, group: ConversationId): void {
    this.#send(by, group, { conversation_id: group });
  }

  #send(by: string, conversationId: ConversationId, target: object): void {
    const mark = `message ${this.asked.length}`;
    const message = { ...target, client_msg_id: mark as ClientMsgId, content: { type: 'text', text: mark } };
    this.#note(by, conversationId, mark, world.core.send(caller(by), message));
  }

  #rename(by: string, group: ConversationId): void {
    const title = `title ${this.asked.length}`;
    this.#note(by, group, title, world.core.updateConversation(caller(by), { conversation_id: group, title }));
  }

  #note(by: string, conversationId: ConversationId, mark: string, outcome: Promise<Result<unknown>>): void {
    this.asked.push({ by, conversationId, mark, outcome });
  }

  #pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.#random() * from.length)] as T;
  }
}

const markOf = (entry: StoredEntry): string[] => {
  const text = String(textOf(entry));
  return /^(?:message|title) /.test(text) ? [text] : [];
};

/** The members after the last entry; throws if an entry is by a user who is not a member. */
function membersAlong(entries: readonly StoredEntry[], first: readonly string[]): readonly string[] {
  const members = new Set(first);
  for (const entry of entries) {
    expect({ seq: entry.seq, from: entry.from, isMember: members.has(entry.from) }).toMatchObject({ isMember: true });
    const { change, user_ids: ids } = contentOf(entry) as { change?: string; user_ids?: readonly string[] };
    for (const id of ids ?? []) {
      if (change === 'joined') members.add(id);
      if (change === 'left') members.delete(id);
    }
  }
  return [...members].sort();
}

test('[D2][D9] in any interleaving the commands of each user run in order, and no entry of a removed member follows the removal', async () => {
  const seed = testSeed('interleavings');
  const random = createRandom(seed);
  const someTurns = async () => {
    for (let turns = Math.floor(random() ** 2 * 6); turns > 0; turns--) await settled();
  };
  await openPeople((deps) => ({
    ...deps,
    directory: around(deps.directory, async (_name, call) => {
      await someTurns();
      const answer = await call();
      await someTurns();
      return answer;
    }),
  }));
  const groups = await Promise.all([world.group('ann', ['bob', 'carl']), world.group('bob', ['ann', 'carl', 'dan'])]);
  const published = await Promise.all(groups.map((group) => world.listen(conversationTopic(group))));
  const crowd = new Crowd(random, groups);
  for (let step = 0; step < 800; step++) {
    crowd.step();
    if (random() < 0.3) await settled();
  }
  const outcomes = await Promise.all(crowd.asked.map(({ outcome }) => outcome));
  expect(outcomes.map(({ type }) => type)).not.toContain('failed');
  const direct = new Set(crowd.asked.map(({ conversationId }) => conversationId)).difference(new Set(groups));
  for (const conversationId of [...groups, ...direct]) {
    const entries = await entriesOf(conversationId);
    expect(entries.map((entry) => Number(entry.seq))).toEqual(entries.map((_entry, index) => index + 1));
    for (const name of names) {
      const stored = entries.flatMap((entry) => (entry.from === name ? markOf(entry) : []));
      const asked = crowd.asked.filter((one) => one.by === name && one.conversationId === conversationId);
      expect(stored).toEqual(asked.map(({ mark }) => mark).filter((mark) => stored.includes(mark)));
    }
  }
  const marks = new Set((await Promise.all([...groups, ...direct].map(entriesOf))).flat().flatMap(markOf));
  for (const [index, { mark }] of crowd.asked.entries()) {
    const isOk = outcomes[index]?.type === 'ok';
    // A new title of a user who was removed at once is stored, and answered with not_member.
    if (mark !== '' && (isOk || mark.startsWith('message'))) expect([mark, marks.has(mark)]).toEqual([mark, isOk]);
  }
  for (const [index, conversationId] of groups.entries()) {
    const first = index === 0 ? ['ann', 'bob', 'carl'] : names;
    const members = await world.directory.members({ conversationId, limit: 10 });
    const messages = (published[index] ?? [])
      .filter(({ type }) => type === 'message' || type === 'entry')
      .map(({ seq }) => seq);
    expect(messages).toEqual(messages.map((_seq, place) => place + 2));
    expect(membersAlong(await entriesOf(conversationId), first)).toEqual(members.map(({ userId }) => String(userId)));
  }
});
