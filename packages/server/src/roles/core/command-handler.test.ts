// Messages and changes of conversations, interleaved at random: what the command handler keeps of their order.

import { afterAll, beforeAll, expect, test } from 'bun:test';
import type { Content } from '@hongyan/protocol/content';
import type { ClientMsgId, ConversationId } from '@hongyan/protocol/ids';
import type { Result } from '@hongyan/protocol/refusals';
import { testSeed } from '@hongyan/testing/seed';
import fc from 'fast-check';
import { conversationTopic } from '../../ports/event-bus/event-bus.ts';
import { accepted, caller, codeOf, type Frame, openWorld, user, type World } from './testing/world.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld({ pageMax: 500, pageBytesMax: 8 * 1024 * 1024 });
});
afterAll(() => world.close());

/** The first one owns both groups and is never removed, so that everything can be read in the end. */
const people = ['ann', 'bob', 'carl', 'dan'] as const;
const person = fc.constantFrom(...people);
const step = fc.record({
  by: person,
  group: fc.nat(1),
  what: fc.oneof(
    { weight: 6, arbitrary: fc.constant({ type: 'say' } as const) },
    { weight: 2, arbitrary: person.map((to) => ({ type: 'say_to', to }) as const) },
    { weight: 1, arbitrary: fc.constant({ type: 'title' } as const) },
    { weight: 2, arbitrary: person.map((member) => ({ type: 'add', member }) as const) },
    {
      weight: 2,
      arbitrary: fc.constantFrom('bob', 'carl', 'dan').map((member) => ({ type: 'remove', member }) as const),
    },
  ),
  /** How long the next step waits. */
  pause: fc.constantFrom('none', 'none', 'none', 'microtask', 'turn', 'answer'),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** One step that was begun, and its answers. */
interface Begun {
  readonly by: string;
  readonly what: Step['what']['type'];
  /** The text or title that it writes. */
  readonly label: string;
  readonly conversationId: ConversationId | undefined;
  readonly answers: Result<unknown>[];
}

class Run {
  readonly #suffix: string;
  readonly groups: ConversationId[] = [];
  readonly frames: (readonly Frame[])[] = [];
  readonly begun: Begun[] = [];
  readonly #answered: Promise<unknown>[] = [];

  constructor(number: number) {
    this.#suffix = `.${number}`;
  }

  id(name: string): string {
    return `${name}${this.#suffix}`;
  }

  async prepare(): Promise<void> {
    await world.people(...people.map((name) => this.id(name)));
    for (let count = 0; count < 2; count++) {
      const group = await world.group(this.id('ann'), [this.id('bob'), this.id('carl')]);
      this.groups.push(group);
      this.frames.push(await world.listen(conversationTopic(group)));
    }
  }

  async take(steps: readonly Step[]): Promise<void> {
    for (const each of steps) {
      const answer = this.#begin(each);
      if (each.pause === 'microtask') await undefined;
      if (each.pause === 'turn') await new Promise(setImmediate);
      if (each.pause === 'answer') await answer;
    }
    await Promise.all(this.#answered);
  }

  #begin({ by, group, what }: Step): Promise<unknown> {
    const label = `${by} ${this.begun.length}`;
    const conversationId = what.type === 'say_to' ? undefined : this.groups[group];
    const begun: Begun = { by: this.id(by), what: what.type, label, conversationId, answers: [] };
    this.begun.push(begun);
    const answered = this.#call(what, begun).then((result) => begun.answers.push(result));
    this.#answered.push(answered);
    return answered;
  }

  #call(what: Step['what'], { by, label, conversationId }: Begun): Promise<Result<unknown>> {
    const { core } = world;
    const conversation_id = conversationId ?? ('' as ConversationId);
    const message = { client_msg_id: label as ClientMsgId, content: { type: 'text', text: label } };
    switch (what.type) {
      case 'say':
        return core.send(caller(by), { conversation_id, ...message });
      case 'say_to':
        return core.send(caller(by), { to: user(this.id(what.to).toUpperCase()), ...message });
      case 'title':
        return core.setTitle(caller(by), { conversation_id, title: label });
      case 'add':
        return core.addMember(caller(by), { conversation_id, user_id: user(this.id(what.member)) });
      case 'remove':
        return core.removeMember(caller(by), { conversation_id, user_id: user(this.id(what.member)) });
    }
  }

  async entries(by: string, conversation_id: ConversationId) {
    const page = accepted(await world.core.history(caller(by), { conversation_id, limit: 500 }));
    expect(page.has_more).toBe(false);
    expect(page.entries.map((entry) => Number(entry.seq))).toEqual(page.entries.map((_entry, index) => index + 1));
    return page.entries.map((entry) => ({ ...entry, content: entry.content as Content }));
  }
}
type Entries = Awaited<ReturnType<Run['entries']>>;

test('[D2][D9] whatever is interleaved, each user keeps their order and a removed member writes nothing more', async () => {
  let runs = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 120 }), async (steps) => {
      const run = new Run(runs++);
      await run.prepare();
      await run.take(steps);
      checkAnswers(run);
      for (const [index, group] of run.groups.entries()) {
        const entries = await run.entries(run.id('ann'), group);
        checkOrder(run, group, entries);
        await checkMembers(run, group, entries);
        const published = (run.frames[index] ?? []).filter(({ type }) => type === 'message');
        expect(published.map(({ msg_id }) => String(msg_id))).toEqual(entries.slice(1).map(({ msg_id }) => msg_id));
      }
      await checkDirect(run);
    }),
    { seed: testSeed('command handler'), numRuns: 25 },
  );
}, 60_000);

/** Each step was answered once: done, or refused for a reason that the steps can have. */
function checkAnswers({ begun }: Run): void {
  for (const { answers } of begun) {
    expect(answers).toHaveLength(1);
    expect(['ok', 'not_member', 'forbidden', 'not_found']).toContain(answers.map(codeOf)[0] ?? '');
  }
}

/** What was accepted of a user is there once, in the order of the calls, and nothing else is. */
function checkOrder({ begun }: Run, group: ConversationId | undefined, entries: Entries): void {
  const byUser = Map.groupBy(entries, ({ from }) => String(from));
  for (const by of new Set(begun.map((each) => each.by))) {
    const written = (byUser.get(by) ?? []).flatMap(({ content }) => content.text ?? content.title ?? []);
    const texts = begun.filter(
      (each) => each.by === by && each.conversationId === group && isWritten(each, new Set(written)),
    );
    expect(written).toEqual(texts.map(({ label }) => label));
  }
}

/** Additions and removals carry no label. A title is answered with the conversation: a member removed meanwhile is refused that. */
function isWritten({ what, label, answers: [answer] }: Begun, written: ReadonlySet<unknown>): boolean {
  if (what === 'title' && answer?.type === 'refused') return answer.code === 'not_member' && written.has(label);
  return (what === 'say' || what === 'title') && answer?.type === 'ok';
}

/** Followed along the entries, members alone write, and those left at the end are the members. */
async function checkMembers(run: Run, conversation_id: ConversationId, entries: Entries): Promise<void> {
  const members = new Set(['ann', 'bob', 'carl'].map((name) => run.id(name)));
  for (const { from, content, seq } of entries) {
    expect({ seq, from, isMember: members.has(from) }).toEqual({ seq, from, isMember: true });
    if (content.type !== 'hongyan.members' || content.change === 'created') continue;
    for (const id of content.user_ids as readonly string[]) {
      if (content.change === 'joined') members.add(id);
      else members.delete(id);
    }
  }
  const listed = accepted(await world.core.listMembers(caller(run.id('ann')), { conversation_id })).members;
  expect(listed.map(({ user_id }) => String(user_id))).toEqual([...members].toSorted());
}

/** The first messages of two users open their conversation. */
async function checkDirect(run: Run): Promise<void> {
  const sent = run.begun.filter(({ conversationId }) => conversationId === undefined);
  const idOf = ({ answers: [answer] }: Begun) =>
    accepted(answer as Result<{ conversation_id: ConversationId }>).conversation_id;
  for (const [conversationId, all] of Map.groupBy(sent, idOf)) {
    const entries = await run.entries(all[0]?.by ?? '', conversationId);
    expect(entries).toHaveLength(all.length);
    for (const [by, own] of Map.groupBy(all, (each) => each.by)) {
      const texts = entries.filter(({ from }) => from === by).map(({ content }) => content.text);
      expect(texts).toEqual(own.map(({ label }) => label));
    }
  }
}

test('[D9] a removal waits for a message before it whose membership is still being looked up', async () => {
  await world.people('eve', 'fay');
  const group = await world.group('eve', ['fay']);
  await world.say('eve', group);
  const getMembers = world.directory.getMembers.bind(world.directory);
  const held = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  world.directory.getMembers = async (keys) => {
    world.directory.getMembers = getMembers;
    const found = await getMembers(keys);
    begun.resolve();
    await held.promise;
    return found;
  };
  const message = world.trySay('fay', group, 'last words');
  await begun.promise;
  const removal = world.core.removeMember(caller('eve'), { conversation_id: group, user_id: user('fay') });
  // A removal that did not wait would be stored before these users are, one after the other.
  for (const id of ['gil', 'hal', 'ida']) await world.people(id);
  held.resolve();
  expect([codeOf(await message), codeOf(await removal)]).toEqual(['ok', 'ok']);
  const { entries } = accepted(await world.core.history(caller('eve'), { conversation_id: group }));
  expect(entries.slice(-2).map(({ content }) => content.text ?? content.type)).toEqual([
    'last words',
    'hongyan.members',
  ]);
});
