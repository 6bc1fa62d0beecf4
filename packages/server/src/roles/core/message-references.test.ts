// Replies and mentions through the core: what is checked, what is shown, and what a recall leaves of them.

import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import type { Mentions } from '@hongyan/protocol/entry';
import type { ClientMsgId, ConversationId } from '@hongyan/protocol/ids';
import { conversationTopic, userTopic } from '../../ports/event-bus/event-bus.ts';
import { accepted, caller, codeOf, openWorld, seq, user, type World } from './testing/world.ts';

let world: World;
let keys = 0;
beforeEach(async () => {
  world = await openWorld();
  await world.people('ann', 'bob', 'carl', 'dora');
});
afterEach(() => world.close());

const direct = 'd:ann:bob' as ConversationId;
const text = (words: string) => ({ type: 'text', text: words });

interface Referring {
  readonly conversation_id?: ConversationId;
  readonly replyTo?: number;
  readonly mentions?: readonly string[] | 'all';
  readonly key?: string;
  readonly content?: { readonly type: string };
}

const send = (by: string, { conversation_id = direct, replyTo, mentions, key, content }: Referring) =>
  world.core.send(caller(by), {
    conversation_id,
    client_msg_id: (key ?? `referring ${++keys}`) as ClientMsgId,
    content: content ?? text('see there'),
    ...(replyTo === undefined ? {} : { reply_to: { seq: seq(replyTo) } }),
    ...(mentions === undefined ? {} : { mentions: mentions as Mentions }),
  });
const change = (target: number) => ({
  conversation_id: direct,
  target_seq: seq(target),
  client_msg_id: `change ${++keys}` as ClientMsgId,
});
const history = async (by: string, conversation_id = direct) =>
  accepted(await world.core.history(caller(by), { conversation_id })).entries;
const conversation = async (by: string, conversation_id = direct) =>
  accepted(await world.core.getConversation(caller(by), { conversation_id }));

describe('replies', () => {
  test('[E7] a reply shows the present form of the replied message at each read, and is pushed with it', async () => {
    await world.say('ann', 'bob', 'frist');
    const frames = await world.listen(userTopic(user('ann')));
    accepted(await send('bob', { replyTo: 1 }));
    expect(frames).toMatchObject([{ type: 'message', reply_to: { seq: 1, from: 'ann', content: text('frist') } }]);
    accepted(await world.core.edit(caller('ann'), { ...change(1), content: text('first') }));
    const edited = { seq: seq(1), from: user('ann'), content: text('first'), as_of_seq: seq(3) };
    expect((await history('ann'))[1]?.reply_to).toEqual(edited);
    const raw = accepted(await world.core.catchUp(caller('bob'), { conversation_id: direct, after_seq: seq(1) }));
    expect(raw.entries[0]?.reply_to).toEqual(edited);
    expect((await conversation('ann')).last_message?.reply_to).toEqual({ seq: seq(1) });
  });

  test('[E5, E7] no reply shows a recalled message, and a recalled reply has no quote', async () => {
    await world.say('ann', 'bob', 'secret');
    accepted(await send('bob', { replyTo: 1 }));
    accepted(await world.core.recall(caller('ann'), change(1)));
    expect((await history('bob'))[1]?.reply_to).toEqual({
      seq: seq(1),
      from: user('ann'),
      recalled: true,
      as_of_seq: seq(3),
    });
    const frames = await world.listen(userTopic(user('ann')));
    accepted(await send('bob', { replyTo: 1 }));
    expect(JSON.stringify(frames)).not.toContain('secret');
    accepted(await world.core.recall(caller('bob'), change(2)));
    expect((await history('bob'))[1]).not.toHaveProperty('reply_to');
  });

  test('[E7] a long text is cut between characters, and other content is quoted by its type', async () => {
    await world.say('ann', 'bob', `${'x'.repeat(199)}😀 tail`);
    accepted(await send('ann', { content: { type: 'image' } }));
    accepted(await send('bob', { replyTo: 1 }));
    accepted(await send('bob', { replyTo: 2 }));
    const [, , first, second] = await history('bob');
    expect(first?.reply_to?.content).toEqual(text(`${'x'.repeat(199)}…`));
    expect(second?.reply_to?.content).toEqual({ type: 'image' });
  });

  test('[E7] a reply to a state entry or to a hidden message is refused', async () => {
    const group = await world.group('ann', ['bob']);
    const { seq: hidden } = await world.say('ann', group, 'before carl');
    accepted(await world.core.addMember(caller('ann'), { conversation_id: group, user_id: user('carl') }));
    for (const [by, replyTo] of [
      ['ann', 1],
      ['ann', 99],
      ['carl', hidden],
    ] as const)
      expect(codeOf(await send(by, { conversation_id: group, replyTo }))).toBe('not_found');
    expect(codeOf(await send('dora', { conversation_id: group, replyTo: hidden }))).toBe('not_member');
    expect(codeOf(await send('bob', { conversation_id: group, replyTo: hidden }))).toBe('ok');
  });
});

describe('mentions', () => {
  test('[E8] unread messages that mention the reader or all are counted, until read or recalled', async () => {
    const group = await world.group('ann', ['bob', 'carl']);
    const frames = await world.listen(conversationTopic(group));
    const { seq: first } = accepted(await send('ann', { conversation_id: group, mentions: ['bob', 'bob'] }));
    accepted(await send('ann', { conversation_id: group, mentions: 'all' }));
    const { seq: last } = accepted(await send('carl', { conversation_id: group, mentions: ['bob'] }));
    expect(frames.map((frame) => frame.mentions)).toEqual([['bob'], 'all', ['bob']]);
    expect(await conversation('bob', group)).toMatchObject({ unread: 3, unread_mentions: 3 });
    expect(await conversation('carl', group)).toMatchObject({ unread: 0, unread_mentions: 0 });
    accepted(await world.read(caller('bob'), group, first));
    expect(await conversation('bob', group)).toMatchObject({ unread: 2, unread_mentions: 2 });
    accepted(await world.core.recall(caller('carl'), { ...change(last), conversation_id: group }));
    expect(await conversation('bob', group)).toMatchObject({ unread: 1, unread_mentions: 1 });
    await world.say('bob', group, 'read it all');
    expect(await conversation('bob', group)).toMatchObject({ unread: 0, unread_mentions: 0 });
    const mentions = (await history('bob', group)).map((entry): unknown => entry.mentions);
    expect(mentions).toEqual([undefined, ['bob'], 'all', undefined, undefined]);
  });

  test('[E8] only members can be mentioned; all of them only by admins, in a conversation that is not too large', async () => {
    const group = await world.group('ann', ['bob', 'carl']);
    expect(codeOf(await send('ann', { conversation_id: group, mentions: ['bob', 'dora'] }))).toBe('not_found');
    expect(codeOf(await send('bob', { conversation_id: group, mentions: 'all' }))).toBe('forbidden');
    expect(codeOf(await send('ann', { conversation_id: group, mentions: 'all' }))).toBe('ok');
    accepted(await world.core.addMember(caller('ann'), { conversation_id: group, user_id: user('dora') }));
    expect(codeOf(await send('ann', { conversation_id: group, mentions: 'all' }))).toBe('too_large');
  });

  test('[D3] a repeat is the first message, even if a mentioned member has left; other references are a conflict', async () => {
    const group = await world.group('ann', ['bob', 'carl']);
    const message = { conversation_id: group, mentions: ['bob'], key: 'once' };
    const first = accepted(await send('ann', message));
    accepted(await world.core.removeMember(caller('ann'), { conversation_id: group, user_id: user('bob') }));
    expect(accepted(await send('ann', message))).toMatchObject({ seq: first.seq, duplicate: true });
    for (const other of [{ mentions: ['carl'] }, { replyTo: Number(first.seq) }])
      expect(codeOf(await send('ann', { conversation_id: group, key: 'once', ...other }))).toBe('conflict');
    const plain = { conversation_id: group, client_msg_id: 'once' as ClientMsgId, content: text('see there') };
    expect(codeOf(await world.core.send(caller('ann'), plain))).toBe('conflict');
  });

  test('[D2] messages with and without references keep their order', async () => {
    const acks = await Promise.all(
      Array.from({ length: 40 }, (_, index) =>
        index % 3 === 0 ? send('ann', { mentions: ['bob'] }) : world.trySay('ann', 'bob', `${index}`),
      ),
    );
    expect(acks.map((ack) => Number(accepted(ack).seq))).toEqual(Array.from({ length: 40 }, (_, index) => index + 1));
  });
});
