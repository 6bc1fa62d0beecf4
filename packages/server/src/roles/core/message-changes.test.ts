// Edits, recalls and reactions through the core, and the two reads of one timeline.

import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Entry } from '@hongyan/protocol/entry';
import type { ClientMsgId, ConversationId } from '@hongyan/protocol/ids';
import type { Output } from '@hongyan/protocol/operations/operations';
import type { Result } from '@hongyan/protocol/refusals';
import { type FoldedMessage, foldEntries } from '@hongyan/testing/fold-entries';
import { testSeed } from '@hongyan/testing/seed';
import fc from 'fast-check';
import { userTopic } from '../../ports/event-bus/event-bus.ts';
import { accepted, caller, codeOf, openWorld, seq, user, type World } from './testing/world.ts';

let world: World;
let keys = 0;
beforeEach(async () => {
  world = await openWorld({ receiptsPushMax: 3 });
  await world.people('ann', 'bob', 'carl', 'dora');
});
afterEach(() => world.close());

const direct = 'd:ann:bob' as ConversationId;
const text = (words: string) => ({ type: 'text', text: words });
const at = (target: number, conversation_id: ConversationId = direct, key = `change ${++keys}`) => ({
  conversation_id,
  target_seq: seq(target),
  client_msg_id: key as ClientMsgId,
});
type Ack = Promise<Result<Output<'edit'>>>;
const edit = (by: string, target: number, words: string, more: object = {}): Ack =>
  world.core.edit(caller(by), { ...at(target), content: text(words), ...more });
const recall = (by: string, target: number, more: object = {}): Ack =>
  world.core.recall(caller(by), { ...at(target), ...more });
const react = (by: string, target: number, key: string, op: 'add' | 'remove' = 'add', more: object = {}): Ack =>
  world.core.react(caller(by), { ...at(target), key, op, ...more });
const history = async (by = 'ann', conversation_id = direct, more: object = {}) =>
  accepted(await world.core.history(caller(by), { conversation_id, limit: 100, ...more }));
const raw = async (by = 'ann', conversation_id = direct, after = 0) =>
  accepted(await world.core.catchUp(caller(by), { conversation_id, after_seq: seq(after), limit: 200 }));
const conversation = async (by: string, conversation_id = direct) =>
  accepted(await world.core.getConversation(caller(by), { conversation_id }));

describe('edits', () => {
  test('[E4] history has the last content in place, catch_up has every entry', async () => {
    await world.say('ann', 'bob', 'frist');
    await world.say('bob', 'ann', 'what?');
    const frames = await world.listen(userTopic(user('bob')));
    const first = accepted(await edit('ann', 1, 'fist'));
    const second = accepted(await edit('ann', 1, 'first'));
    expect([first.seq, second.seq]).toEqual([seq(3), seq(4)]);
    const page = await history('bob');
    expect(page.entries.map((entry) => [Number(entry.seq), entry.content.text])).toEqual([
      [1, 'first'],
      [2, 'what?'],
    ]);
    expect(page.entries[0]).toMatchObject({ edited: 4, as_of_seq: 4, count: 1 });
    expect(page.entries[1]).not.toHaveProperty('as_of_seq');
    expect(page.last_seq).toBe(seq(4));
    const all = await raw('bob');
    expect(all.entries.map((entry) => [Number(entry.seq), entry.count, entry.content.type])).toEqual([
      [1, 1, 'text'],
      [2, 2, 'text'],
      [3, 2, 'hongyan.edit'],
      [4, 2, 'hongyan.edit'],
    ]);
    expect(frames).toMatchObject([
      { type: 'entry', seq: 3, count: 2, content: { target_seq: 1, content: text('fist') } },
      { type: 'entry', seq: 4, count: 2, content: { target_seq: 1, content: text('first') } },
    ]);
  });

  test('[E4] getMessage and the preview of the conversation have the present content too', async () => {
    const { msg_id } = await world.say('ann', 'bob', 'frist');
    accepted(await edit('ann', 1, 'first'));
    expect(accepted(await world.core.getMessage(caller('bob'), { msg_id })).message).toMatchObject({
      content: text('first'),
      edited: 2,
    });
    expect((await conversation('bob')).last_message).toMatchObject({ content: text('first'), seq: 1 });
  });

  test('[D3] a repeated edit takes effect once, even if the rules would refuse it by then', async () => {
    await world.say('ann', 'bob', 'frist');
    const key = at(1);
    const once = accepted(await edit('ann', 1, 'first', key));
    world.pass(120_000); // the window is over
    expect(accepted(await edit('ann', 1, 'first', key))).toEqual({ ...once, duplicate: true });
    expect(codeOf(await edit('ann', 1, 'other', key))).toBe('conflict');
    expect(codeOf(await edit('ann', 1, 'first'))).toBe('forbidden');
    accepted(await recall('ann', 1));
    expect(accepted(await edit('ann', 1, 'first', key))).toMatchObject({ seq: once.seq, duplicate: true });
    expect((await raw()).entries).toHaveLength(3);
  });

  test('[D3] a repeated edit gets its first outcome, even if its author has left', async () => {
    const group = await world.group('ann', ['bob']);
    const { seq: target } = await world.say('bob', group, 'frist');
    const key = at(target, group);
    const once = accepted(await edit('bob', target, 'first', key));
    accepted(await world.core.removeMember(caller('ann'), { conversation_id: group, user_id: user('bob') }));
    expect(accepted(await edit('bob', target, 'first', key))).toEqual({ ...once, duplicate: true });
    expect(codeOf(await edit('bob', target, 'first', { conversation_id: group }))).toBe('not_member');
  });

  test('[D3] the key of an erased change is a duplicate only for the same kind of change; another change or a message is a conflict', async () => {
    const of = (id: string) => ({ client_msg_id: id as ClientMsgId });
    const say = (id: string, words: string) =>
      world.core.send(caller('ann'), { to: user('bob'), ...of(id), content: text(words) });
    accepted(await say('message', 'secret'));
    accepted(await edit('ann', 1, 'Secret', of('edit')));
    accepted(await recall('ann', 1));
    await world.say('ann', 'bob', 'kept');
    for (const id of ['message', 'edit'])
      expect([
        codeOf(await recall('ann', 4, of(id))),
        codeOf(await edit('ann', 4, 'other', of(id))),
        codeOf(await react('ann', 4, '👍', 'add', of(id))),
        codeOf(await world.core.pin(caller('ann'), { ...at(4), ...of(id) })),
      ]).toEqual(['conflict', 'conflict', 'conflict', 'conflict']);
    expect(codeOf(await recall('ann', 1, of('message')))).toBe('conflict');
    expect(codeOf(await say('edit', 'Secret'))).toBe('conflict');
    expect(accepted(await say('message', 'secret'))).toMatchObject({ seq: 1, duplicate: true });
    expect(accepted(await edit('ann', 1, 'Secret', of('edit')))).toMatchObject({ seq: 2, duplicate: true });
    expect((await history()).entries.at(-1)?.content).toEqual(text('kept'));
  });

  test('[E4] of two edits based on the same edit, the second is a conflict', async () => {
    await world.say('ann', 'bob', 'x');
    const outcomes = await Promise.all([
      edit('ann', 1, 'a', { expect_seq: seq(0) }),
      edit('ann', 1, 'b', { expect_seq: seq(0) }),
    ]);
    expect(outcomes.map(codeOf)).toEqual(['ok', 'conflict']);
  });

  test('an edit passes the checks of a send', async () => {
    await world.say('ann', 'bob', 'x');
    const put = (content: { type: string; text?: string }) => world.core.edit(caller('ann'), { ...at(1), content });
    expect(codeOf(await put({ type: 'text' }))).toBe('bad_request');
    expect(codeOf(await put({ type: 'hongyan.title' }))).toBe('forbidden');
    expect(codeOf(await put({ type: 'text', text: 'x'.repeat(40_000) }))).toBe('too_large');
  });
});

describe('targets', () => {
  test('[E2] only a message that the caller may see can be changed', async () => {
    await world.say('ann', 'bob', 'x');
    accepted(await react('bob', 1, '👍'));
    for (const target of [0, 2, 3, 99]) {
      expect([target, codeOf(await edit('ann', target, 'y'))]).toEqual([target, 'not_found']);
      expect([target, codeOf(await recall('ann', target))]).toEqual([target, 'not_found']);
      expect([target, codeOf(await react('ann', target, '👍'))]).toEqual([target, 'not_found']);
    }
    expect(codeOf(await react('carl', 1, '👍'))).toBe('not_member');
    expect(codeOf(await world.core.recall(caller('ann'), at(1, 'g:none' as ConversationId)))).toBe('not_member');
  });

  test('[E2] a member who joined later cannot change hidden messages', async () => {
    const group = await world.group('ann', ['bob'], { history_visible: false });
    const { seq: hidden } = await world.say('ann', group, 'before');
    accepted(await world.core.addMember(caller('ann'), { conversation_id: group, user_id: user('carl') }));
    const change = world.core.react(caller('carl'), { ...at(hidden, group), key: '👍', op: 'add' });
    expect(codeOf(await change)).toBe('not_found');
  });
});

describe('recalls', () => {
  test('[E5] leaves a tombstone, in history and in every entry that contained the text', async () => {
    await world.say('ann', 'bob', 'secret one');
    accepted(await edit('ann', 1, 'secret two'));
    accepted(await react('bob', 1, '😮'));
    accepted(await recall('ann', 1, { reason: 'wrong chat' }));
    const page = await history('bob');
    expect(page.entries).toMatchObject([
      { seq: 1, recalled: true, content: { type: 'hongyan.recalled' }, as_of_seq: 4 },
    ]);
    expect(page.entries[0]).not.toHaveProperty('edited');
    expect(page.entries[0]).not.toHaveProperty('reactions');
    const all = await raw('bob');
    expect(JSON.stringify(all)).not.toContain('secret');
    expect(all.entries.at(-1)).toMatchObject({
      content: { type: 'hongyan.recall', target_seq: 1, reason: 'wrong chat' },
    });
    expect(JSON.stringify(await conversation('bob'))).not.toContain('secret');
  });

  test('[E5] a recalled message that is retried late stays recalled', async () => {
    const input = { to: user('bob'), client_msg_id: 'k' as ClientMsgId, content: text('secret') };
    const sent = accepted(await world.core.send(caller('ann'), input));
    accepted(await recall('ann', 1));
    expect(accepted(await world.core.send(caller('ann'), input))).toMatchObject({ seq: sent.seq, duplicate: true });
    expect(JSON.stringify(await history())).not.toContain('secret');
  });

  test('[E5] a second recall changes nothing', async () => {
    await world.say('ann', 'bob', 'x');
    accepted(await recall('ann', 1));
    expect(accepted(await recall('ann', 1))).toMatchObject({ unchanged: true, seq: 2 });
    expect((await raw()).last_seq).toBe(seq(2));
  });
});

describe('reactions', () => {
  test('[E6] are counted per key, and mark those of the reader', async () => {
    await world.say('ann', 'bob', 'x');
    accepted(await react('ann', 1, '❤️'));
    accepted(await react('bob', 1, '❤'));
    accepted(await react('bob', 1, '🎉'));
    expect(accepted(await react('bob', 1, '🎉'))).toMatchObject({ unchanged: true, seq: 4 });
    const [seen] = (await history('ann')).entries;
    expect(seen?.reactions).toEqual([
      { key: '❤', count: 2, mine: true },
      { key: '🎉', count: 1 },
    ]);
    accepted(await react('ann', 1, '❤', 'remove'));
    accepted(await react('bob', 1, '❤', 'remove'));
    expect((await history('bob')).entries[0]?.reactions).toEqual([{ key: '🎉', count: 1, mine: true }]);
  });

  test('[E6] concurrent ones are each counted once', async () => {
    const group = await world.group('ann', ['bob', 'carl', 'dora']);
    const { seq: target } = await world.say('ann', group, 'x');
    const everyone = ['ann', 'bob', 'carl', 'dora', 'ann', 'bob', 'carl', 'dora'];
    const acks = await Promise.all(everyone.map((by) => react(by, target, '👍', 'add', { conversation_id: group })));
    expect(acks.map(accepted).filter(({ unchanged }) => unchanged)).toHaveLength(4);
    const seen = (await history('ann', group)).entries.find((entry) => entry.seq === target);
    expect(seen?.reactions).toEqual([{ key: '👍', count: 4, mine: true }]);
  });
});

describe('one key for two at once', () => {
  test.each([
    ['different seqs', 2],
    ['the same seq', 1],
  ])(
    '[D1, D3] two reactions with %s: one counts, the other is a conflict, and other users notice nothing',
    async (_title, messages) => {
      const groups = [await world.group('ann', ['bob']), await world.group('ann', ['bob'])] as const;
      const [first, second] = groups;
      // Cached by the core, so that the next message shares a batch with the second reaction.
      await world.say('ann', 'carl');
      const { seq: target } = await world.say('ann', first, 'x');
      for (let count = 0; count < messages; count++) await world.say('ann', second, 'x');
      const more = (group: ConversationId) => ({ ...at(target, group), client_msg_id: 'both' as ClientMsgId });
      const [one, other, ofAnn] = await Promise.all([
        react('bob', target, '👍', 'add', more(first)),
        react('bob', target, '👍', 'add', more(second)),
        world.trySay('ann', 'carl'),
      ]);
      expect([codeOf(one), codeOf(other), codeOf(ofAnn)]).toEqual(['ok', 'conflict', 'ok']);
      const pages = await Promise.all(groups.map((group) => history('bob', group)));
      const reactions = pages.map(({ entries }) => entries.find((entry) => entry.seq === target)?.reactions);
      expect(reactions).toEqual([[{ key: '👍', count: 1, mine: true }], undefined]);
    },
  );
});

describe('pins', () => {
  const pin = (by: string, target: number, conversation_id = direct): Ack =>
    world.core.pin(caller(by), at(target, conversation_id));
  const unpin = (by: string, target: number, conversation_id = direct): Ack =>
    world.core.unpin(caller(by), at(target, conversation_id));
  const pinned = async (by: string, conversation_id = direct) =>
    accepted(await world.core.listPinned(caller(by), { conversation_id })).entries;

  test('[E9] both members of a direct conversation pin and unpin; no change, no entry', async () => {
    await world.say('ann', 'bob', 'one');
    await world.say('bob', 'ann', 'two');
    const frames = await world.listen(userTopic(user('ann')));
    expect(accepted(await pin('bob', 1))).toMatchObject({ seq: 3 });
    expect(accepted(await pin('ann', 1))).toMatchObject({ seq: 3, unchanged: true });
    accepted(await pin('ann', 2));
    accepted(await edit('ann', 1, 'first'));
    expect(await pinned('bob')).toMatchObject([
      { seq: 1, pinned: true, edited: 5, content: text('first') },
      { seq: 2, pinned: true },
    ]);
    expect((await history('ann')).entries).toMatchObject([{ pinned: true }, { pinned: true }]);
    expect(frames[0]).toMatchObject({ type: 'entry', content: { type: 'hongyan.pin', target_seq: 1, pinned: true } });
    accepted(await unpin('bob', 2));
    expect((await pinned('ann')).map((entry) => Number(entry.seq))).toEqual([1]);
    expect((await conversation('ann')).unread).toBe(1);
  });

  test('[E9] messages between two pins are not read', async () => {
    for (let seq = 1; seq <= 20; seq++) await world.say('ann', 'bob', `${seq}`);
    for (const target of [1, 20]) accepted(await pin('bob', target));
    for (let target = 2; target < 20; target++)
      accepted(await world.core.react(caller('bob'), { ...at(target), op: 'add', key: '👍' }));
    const states = world.timeline.states.bind(world.timeline);
    let read = 0;
    world.timeline.states = async (ranges) => {
      const found = await states(ranges);
      for (const { size } of found) read += size;
      return found;
    };
    expect(await pinned('bob')).toMatchObject([
      { seq: 1, pinned: true },
      { seq: 20, pinned: true },
    ]);
    expect(read).toBe(2);
  });

  test('[E9] the list is limited, a recall removes from it, and in groups only admins pin', async () => {
    const group = await world.group('ann', ['bob', 'carl']);
    const seqs: number[] = [];
    for (const words of ['1', '2', '3']) seqs.push((await world.say('bob', group, words)).seq);
    const [first = 0, second = 0, third = 0] = seqs;
    expect(codeOf(await pin('bob', first, group))).toBe('forbidden');
    accepted(await pin('ann', first, group));
    accepted(await pin('ann', second, group));
    expect(codeOf(await pin('ann', third, group))).toBe('too_large');
    accepted(await recall('bob', first, { conversation_id: group }));
    expect(codeOf(await pin('ann', first, group))).toBe('conflict');
    accepted(await pin('ann', third, group));
    expect((await pinned('carl', group)).map((entry) => Number(entry.seq))).toEqual([second, third]);
    expect(codeOf(await pin('dora', second, group))).toBe('not_member');
    expect(codeOf(await world.core.listPinned(caller('dora'), { conversation_id: group }))).toBe('not_member');
    expect(codeOf(await pin('ann', 1, group))).toBe('not_found');
  });
});

describe('unread counts', () => {
  test('[E3] counts only messages of others, after what was read or sent', async () => {
    for (const words of ['1', '2', '3']) await world.say('ann', 'bob', words);
    expect([(await conversation('ann')).unread, (await conversation('bob')).unread]).toEqual([0, 3]);
    accepted(await react('bob', 1, '👍'));
    accepted(await edit('ann', 2, 'two'));
    expect([(await conversation('ann')).unread, (await conversation('bob')).unread]).toEqual([0, 3]);
    accepted(await recall('ann', 3));
    expect(await conversation('bob')).toMatchObject({ unread: 2, last_count: 3, last_seq: 6 });
    const phone = caller('bob');
    accepted(await world.read(phone, direct, 1));
    expect((await conversation('bob')).unread).toBe(1);
    await world.say('bob', 'ann', 'answer');
    const seen = await conversation('bob');
    expect(seen).toMatchObject({ unread: 0, read_seq: 1 });
    expect((await conversation('ann')).unread).toBe(1);
  });

  test('[E3] changes of members and title are not unread, and move no conversation up', async () => {
    const group = await world.group('ann', ['bob']);
    world.pass(1000);
    const before = await conversation('bob', group);
    accepted(await world.core.updateConversation(caller('ann'), { conversation_id: group, title: 'other' }));
    accepted(await world.core.addMember(caller('ann'), { conversation_id: group, user_id: user('carl') }));
    const after = await conversation('bob', group);
    expect([before.unread, after.unread, (await conversation('carl', group)).unread]).toEqual([0, 0, 0]);
    expect(after.last_message).toBeUndefined();
    await world.say('bob', 'ann', 'newer');
    await world.say('ann', group, 'older than the title');
    world.pass(1000);
    await world.say('bob', 'ann', 'newest');
    world.pass(1000);
    accepted(await world.core.updateConversation(caller('ann'), { conversation_id: group, title: 'third' }));
    const list = accepted(await world.core.listConversations(caller('ann'), {}));
    expect(list.conversations.map(({ conversation_id }) => conversation_id)).toEqual([direct, group]);
  });

  test('[E3] survives a restart', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'hongyan-counts-'));
    try {
      const first = await openWorld({ folder });
      await first.people('ann', 'bob');
      await first.say('bob', 'ann', '1');
      await first.say('ann', 'bob', '2');
      await first.say('bob', 'ann', '3');
      await first.close();
      const second = await openWorld({ folder });
      const input = { conversation_id: direct };
      expect(accepted(await second.core.getConversation(caller('ann'), input)).unread).toBe(1);
      expect(accepted(await second.core.getConversation(caller('bob'), input)).unread).toBe(0);
      await second.close();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

test('[E2] catch_up can return only state entries, page by page', async () => {
  for (const words of ['1', '2', '3']) await world.say('ann', 'bob', words);
  accepted(await edit('ann', 1, 'one'));
  await world.say('bob', 'ann', '4');
  accepted(await react('bob', 2, '👍'));
  const input = { conversation_id: direct, limit: 4, only: 'state' as const };
  const first = accepted(await world.core.catchUp(caller('bob'), { ...input, after_seq: seq(0) }));
  expect(first.entries.map((entry) => Number(entry.seq))).toEqual([4]);
  expect(first).toMatchObject({ through_seq: 4, has_more: true, last_seq: 6 });
  const second = accepted(await world.core.catchUp(caller('bob'), { ...input, after_seq: first.through_seq }));
  expect(second.entries.map((entry) => Number(entry.seq))).toEqual([6]);
  expect(second).toMatchObject({ through_seq: 6, has_more: false });
  const end = accepted(await world.core.catchUp(caller('bob'), { ...input, after_seq: second.through_seq }));
  expect(end).toMatchObject({ entries: [], through_seq: 6, has_more: false });
});

test.each([
  ['one after the other', 1],
  ['many at once', 12],
])(
  '[E2] history as of any seq is the fold of the raw entries up to it: changes come %s',
  async (_title, atOnce) => {
    const names = ['ann', 'bob'];
    const steps = fc.array(
      fc.record({
        by: fc.constantFrom(...names),
        do: fc.constantFrom('say', 'reply', 'mention', 'edit', 'recall', 'add', 'remove', 'pin', 'unpin'),
        target: fc.integer({ min: 1, max: 12 }),
        key: fc.constantFrom('👍', '🎉'),
      }),
      { minLength: 5, maxLength: 40 },
    );
    const run = async (script: StepsOf<typeof steps>) => {
      const own = await openWorld();
      try {
        await own.people(...names);
        await own.say('ann', 'bob', 'start');
        const take = async (step: (typeof script)[number], index: number) => {
          const target = at(step.target);
          const message = {
            ...{ conversation_id: direct, client_msg_id: target.client_msg_id, content: text(`text ${index}`) },
            ...(step.do === 'reply' ? { reply_to: { seq: seq(step.target) } } : {}),
            ...(step.do === 'mention' ? { mentions: [user('ann')] } : {}),
          };
          if (step.do === 'say' || step.do === 'reply' || step.do === 'mention')
            await own.core.send(caller(step.by), message);
          else if (step.do === 'pin' || step.do === 'unpin') await own.core[step.do](caller(step.by), target);
          else if (step.do === 'edit')
            await own.core.edit(caller(step.by), { ...target, content: text(`edit ${index}`) });
          else if (step.do === 'recall') await own.core.recall(caller(step.by), target);
          else await own.core.react(caller(step.by), { ...target, key: step.key, op: step.do as 'add' | 'remove' });
        };
        for (let from = 0; from < script.length; from += atOnce)
          await Promise.all(script.slice(from, from + atOnce).map((step, index) => take(step, from + index)));
        const input = { conversation_id: direct, limit: 200 };
        const page = accepted(await own.core.history(caller('ann'), input)).entries;
        const all = accepted(await own.core.catchUp(caller('ann'), { ...input, after_seq: seq(0) })).entries;
        expect(page.map(formOf)).toEqual(foldEntries(all, 'ann').map(formOf));
        expect(all.map((entry) => Number(entry.seq))).toEqual(all.map((_, index) => index + 1));
      } finally {
        await own.close();
      }
    };
    await fc.assert(fc.asyncProperty(steps, run), { seed: testSeed('fold of entries'), numRuns: 25 });
  },
  120_000,
);

const formOf = (message: FoldedMessage | Entry) => {
  const { seq: at, from, content, edited, recalled, reactions, pinned, mentions, reply_to } = message;
  return {
    at: Number(at),
    from: String(from),
    content,
    edited: edited === undefined ? undefined : Number(edited),
    recalled,
    reactions,
    pinned,
    mentions,
    reply_to: reply_to && {
      seq: Number(reply_to.seq),
      ...('content' in reply_to ? { content: reply_to.content } : {}),
      ...(reply_to.recalled ? { recalled: true } : {}),
    },
  };
};

type StepsOf<A> = A extends fc.Arbitrary<infer T> ? T : never;
