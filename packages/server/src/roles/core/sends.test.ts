// Sends through the core: the recipient of a message, its key, and the order of one user's messages.

import { afterEach, beforeEach, expect, test } from 'bun:test';
import type { Content } from '@hongyan/protocol/content';
import type { ClientMsgId, ConversationId } from '@hongyan/protocol/ids';
import type { Input } from '@hongyan/protocol/operations/operations';
import { userTopic } from '../../ports/event-bus/event-bus.ts';
import { accepted, caller, codeOf, openWorld, user, type World } from './testing/world.ts';

let world: World;
beforeEach(async () => {
  world = await openWorld({ contentBytesMax: 200 });
  await world.people('ann', 'bob', 'carl');
});
afterEach(() => world.close());

const text = (words: string): Content => ({ type: 'text', text: words });
const key = (id: string) => id as ClientMsgId;
const toBob = { to: user('bob') };
const direct = 'd:ann:bob' as ConversationId;
const send = (input: Omit<Input<'send'>, 'client_msg_id' | 'content'>, id: string, content = text('x'), by = 'ann') =>
  world.core.send(caller(by), { ...input, client_msg_id: key(id), content });
const textsOf = async (conversation_id: ConversationId, by = 'ann') =>
  accepted(await world.core.history(caller(by), { conversation_id })).entries.map(({ content }) => content.text);

test('[D1] an accepted message has a seq, the ids of its request, and the status ack', async () => {
  const sent = accepted(await send(toBob, 'k'));
  expect(sent).toMatchObject({ client_msg_id: 'k', conversation_id: direct, seq: 1, status: 'ack' });
  expect(sent).not.toHaveProperty('duplicate');
  const { entries } = accepted(await world.core.history(caller('bob'), { conversation_id: direct }));
  expect(entries).toMatchObject([{ msg_id: sent.msg_id, timestamp: sent.timestamp, from: 'ann', to: 'bob' }]);
});

test('[D3] a repeated message is the first one, even if its JSON keys have another order', async () => {
  const first = accepted(await send(toBob, 'k', { type: 'poll', a: 1, b: [{ c: 2, d: 3 }] }));
  const again = accepted(await send(toBob, 'k', { b: [{ d: 3, c: 2 }], type: 'poll', a: 1 }));
  expect(again).toEqual({ ...first, duplicate: true });
  const byId = accepted(await send({ conversation_id: direct }, 'k', { type: 'poll', a: 1, b: [{ c: 2, d: 3 }] }));
  expect(byId).toEqual({ ...first, duplicate: true });
});

test('[D3] other content or another recipient under a used key is a conflict, and not stored', async () => {
  accepted(await send(toBob, 'k', text('run 1')));
  expect(codeOf(await send(toBob, 'k', text('run 2')))).toBe('conflict');
  expect(codeOf(await send({ to: user('carl') }, 'k', text('run 1')))).toBe('conflict');
  expect(codeOf(await send(toBob, 'k', { type: 'text', text: 'run 1', more: null }))).toBe('conflict');
  expect(await textsOf(direct)).toEqual(['run 1']);
  expect(
    accepted(await world.core.history(caller('carl'), { conversation_id: 'd:ann:carl' as ConversationId })),
  ).toMatchObject({ entries: [] });
  // Keys are per sender: another user can use the same one.
  expect(accepted(await send({ to: user('carl') }, 'k', text('run 1'), 'bob'))).toMatchObject({ seq: 1 });
});

test('[D3] of several concurrent messages with one key, the first wins', async () => {
  const outcomes = await Promise.all([
    send(toBob, 'k', text('a')),
    send(toBob, 'k', text('b')),
    send(toBob, 'k', text('a')),
    send({ to: user('carl') }, 'k', text('a')),
  ]);
  expect(outcomes.map(codeOf)).toEqual(['ok', 'conflict', 'ok', 'conflict']);
  expect(outcomes.map((outcome) => outcome.type === 'ok' && outcome.value.duplicate)).toEqual([
    undefined,
    false,
    true,
    false,
  ]);
  expect(await textsOf(direct)).toEqual(['a']);
});

test.each([
  ['a message', {}],
  ['a message with mentions', { mentions: [user('ann')] }],
])(
  '[D3, D6] %s sent again is the first one, also when its sender may not write any more or has left',
  async (_what, more) => {
    const [group, other] = [await world.group('ann', ['bob']), await world.group('ann', [])];
    const sendAs = (id: string, words = 'x') => send({ conversation_id: group, ...more }, id, text(words), 'bob');
    const first = accepted(await sendAs('k'));
    const again = async () => {
      expect(accepted(await sendAs('k'))).toEqual({ ...first, duplicate: true });
      expect(codeOf(await sendAs('k', 'y'))).toBe('conflict');
      expect(codeOf(await send({ conversation_id: other, ...more }, 'k', text('x'), 'bob'))).toBe('conflict');
    };
    accepted(await world.core.updateConversation(caller('ann'), { conversation_id: group, rules: { post: 'admins' } }));
    await again();
    expect(codeOf(await sendAs('new'))).toBe('forbidden');
    accepted(await world.core.removeMember(caller('ann'), { conversation_id: group, user_id: user('bob') }));
    await again();
    expect(codeOf(await sendAs('new'))).toBe('not_member');
    expect(await textsOf(group)).toEqual([undefined, 'x', undefined, undefined]);
  },
);

test('[D2, D3] messages sent together with a refused one and a repeat keep their order', async () => {
  const group = await world.group('ann', ['bob']);
  accepted(await send({ conversation_id: group }, 'known', text('1'), 'bob'));
  accepted(await world.core.updateConversation(caller('ann'), { conversation_id: group, rules: { post: 'admins' } }));
  const outcomes = await Promise.all([
    send({ conversation_id: group }, '2', text('2')),
    send({ conversation_id: group }, 'new', text('no'), 'bob'),
    send({ conversation_id: group }, 'known', text('1'), 'bob'),
    send({ conversation_id: group }, '3', text('3')),
  ]);
  expect(outcomes.map(codeOf)).toEqual(['ok', 'forbidden', 'ok', 'ok']);
  expect(await textsOf(group)).toEqual([undefined, '1', undefined, '2', '3']);
});

test('a user is found in any case, and the conversation id has the spelling of their creation', async () => {
  const outcomes = await Promise.all(['BOB', 'bob', 'Bob'].map((to, index) => send({ to: user(to) }, `k${index}`)));
  expect(outcomes.map((outcome) => accepted(outcome).conversation_id)).toEqual([direct, direct, direct]);
  expect(outcomes.map((outcome) => Number(accepted(outcome).seq))).toEqual([1, 2, 3]);
  expect(accepted(await send({ to: user('ANN') }, 'note'))).toMatchObject({ conversation_id: 'd:ann:ann', seq: 1 });
  // An id in another case does not create a second conversation.
  for (const id of ['d:Ann:bob', 'd:ANN:BOB'] as ConversationId[]) {
    expect(codeOf(await send({ conversation_id: id }, `${id} by ann`))).toBe('not_member');
    expect(codeOf(await send({ conversation_id: id }, `${id} by bob`, text('x'), 'bob'))).not.toBe('ok');
    expect(codeOf(await world.core.getConversation(caller('bob'), { conversation_id: id }))).toBe('not_member');
    expect(codeOf(await world.core.history(caller('bob'), { conversation_id: id }))).toBe('not_member');
    expect(codeOf(await world.read(caller('bob'), id, 0))).toBe('not_member');
  }
});

test('[D2] messages of one user are in the order of the calls, whether addressed by user or conversation', async () => {
  const targets = [toBob, { conversation_id: direct }, { to: user('BOB') }, { conversation_id: direct }, toBob];
  const outcomes = await Promise.all(targets.map((target, index) => send(target, `k${index}`, text(String(index)))));
  expect(outcomes.map(codeOf)).toEqual(Array(5).fill('ok'));
  expect(await textsOf(direct)).toEqual(['0', '1', '2', '3', '4']);
});

test('[D2] changes and messages of a user take effect in the order of the calls', async () => {
  const group = await world.group('ann', ['bob']);
  const member = { conversation_id: group, user_id: user('carl') };
  const outcomes = await Promise.all([
    send({ conversation_id: group }, '1', text('before')),
    world.core.addMember(caller('ann'), member),
    send({ conversation_id: group }, '2', text('welcome')),
    world.core.removeMember(caller('ann'), member),
    send({ conversation_id: group }, '3', text('goodbye')),
  ]);
  expect(outcomes.map(codeOf)).toEqual(Array(5).fill('ok'));
  const { entries } = accepted(await world.core.history(caller('ann'), { conversation_id: group }));
  expect(entries.map(({ content }) => content.text ?? (content as Content).change)).toEqual([
    ...['created', 'before', 'joined', 'welcome', 'left', 'goodbye'],
  ]);
});

test('a message without a valid recipient is refused with the reason', async () => {
  expect(codeOf(await send({}, 'k'))).toBe('bad_request');
  expect(codeOf(await send({ ...toBob, conversation_id: direct }, 'k'))).toBe('bad_request');
  expect(codeOf(await send({ to: user('nobody') }, 'k'))).toBe('not_found');
  expect(codeOf(await send({ conversation_id: 'd:ann:nobody' as ConversationId }, 'k'))).toBe('not_found');
  expect(codeOf(await send({ conversation_id: 'd:bob:ann' as ConversationId }, 'k'))).toBe('bad_request');
  expect(codeOf(await send({ conversation_id: 'd:bob:carl' as ConversationId }, 'k'))).toBe('not_member');
  expect(codeOf(await send({ conversation_id: 'g:nowhere' as ConversationId }, 'k'))).toBe('not_member');
});

test('content is limited, text content has text, and reserved types are refused', async () => {
  const overhead = JSON.stringify(text('')).length;
  expect(codeOf(await send(toBob, '1', text('x'.repeat(200 - overhead))))).toBe('ok');
  expect(codeOf(await send(toBob, '2', text('x'.repeat(201 - overhead))))).toBe('too_large');
  expect(codeOf(await send(toBob, '3', text('雁'.repeat(67))))).toBe('too_large');
  expect(codeOf(await send(toBob, '4', { type: 'text' }))).toBe('bad_request');
  expect(codeOf(await send(toBob, '5', { type: 'hongyan.members' }))).toBe('forbidden');
  expect(codeOf(await send(toBob, 'half \ud83d'))).toBe('bad_request');
  expect(codeOf(await send(toBob, 'whole \ufffd'))).toBe('ok');
});

test('[D3] a repeated send is not published again', async () => {
  const frames = await world.listen(userTopic(user('bob')));
  accepted(await send(toBob, 'k'));
  accepted(await send(toBob, 'k'));
  expect(frames.map(({ type }) => type)).toEqual(['conversation', 'message']);
});

test('a new direct conversation is created by its id or by its user', async () => {
  expect(accepted(await send({ conversation_id: direct }, 'k'))).toMatchObject({ conversation_id: direct, seq: 1 });
  expect(codeOf(await send({ conversation_id: direct }, 'k', text('x'), 'carl'))).toBe('not_member');
});

test('[D2] first messages sent while their conversation is being created are in the order of the calls', async () => {
  const all = Array.from({ length: 50 }, async (_, index) => {
    for (let turn = 0; turn < index; turn++) await undefined;
    return send(index % 3 === 1 ? { conversation_id: direct } : toBob, `k${index}`);
  });
  const seqs = (await Promise.all(all)).map((outcome) => Number(accepted(outcome).seq));
  expect(seqs).toEqual(seqs.map((_seq, index) => index + 1));
});

test('a message that was refused leaves its key free', async () => {
  expect(codeOf(await send(toBob, 'k', text('雁'.repeat(67))))).toBe('too_large');
  expect(codeOf(await send(toBob, 'k', text('雁')))).toBe('ok');
});
