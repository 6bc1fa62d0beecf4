// Sending through the core: keys, targets, and what is published.

import { afterEach, beforeEach, expect, test } from 'bun:test';
import type { Content } from '@hongyan/protocol/content';
import type { ClientMsgId, ConversationId } from '@hongyan/protocol/ids';
import { userTopic } from '../../ports/event-bus/event-bus.ts';
import { accepted, caller, codeOf, openWorld, user, type World } from './testing/world.ts';

let world: World;
beforeEach(async () => {
  world = await openWorld({ contentBytesMax: 1_000 });
  await world.people('ann', 'bob', 'Carl');
});
afterEach(() => world.close());

const text = (value: string): Content => ({ type: 'text', text: value });
const send = (from: string, to: string, key: string, content = text('x')) =>
  world.core.send(caller(from), { to: user(to), client_msg_id: key as ClientMsgId, content });
const sendIn = (from: string, conversation_id: ConversationId, key: string, content = text('x')) =>
  world.core.send(caller(from), { conversation_id, client_msg_id: key as ClientMsgId, content });
const lastSeq = async (id: string, conversation_id: ConversationId) =>
  Number(accepted(await world.core.getConversation(caller(id), { conversation_id })).last_seq);

test('[D3] a repeated send returns the first answer as a duplicate, whatever order the keys of its content have', async () => {
  const first = accepted(await send('ann', 'bob', 'k', { type: 'poll', a: 1, b: { c: 2, d: 3 } }));
  const again = accepted(await send('ann', 'bob', 'k', { b: { d: 3, c: 2 }, a: 1, type: 'poll' }));
  expect(again).toEqual({ ...first, duplicate: true });
  expect(await lastSeq('ann', first.conversation_id)).toBe(1);
});

test('[D3] a key that is used again for other content or another conversation is a conflict, and nothing is written', async () => {
  const group = await world.group('ann', ['bob']);
  const { conversation_id } = accepted(await send('ann', 'bob', 'k'));
  expect(codeOf(await send('ann', 'bob', 'k', text('other')))).toBe('conflict');
  expect(codeOf(await send('ann', 'carl', 'k'))).toBe('conflict');
  expect(codeOf(await sendIn('ann', group, 'k'))).toBe('conflict');
  expect(await lastSeq('ann', conversation_id)).toBe(1);
  expect(await lastSeq('ann', group)).toBe(1);
  // Keys are per sender.
  expect(codeOf(await send('bob', 'ann', 'k', text('other')))).toBe('ok');
});

test('[D3] of sends with the same key at once, one is written: its repeats are duplicates, other contents conflict', async () => {
  const contents = ['a', 'a', 'b', 'a', 'b'];
  const results = await Promise.all(contents.map((content) => send('ann', 'bob', 'k', text(content))));
  expect(results.map(codeOf)).toEqual(['ok', 'ok', 'conflict', 'ok', 'conflict']);
  const acks = results.flatMap((result) => (result.type === 'ok' ? [result.value] : []));
  expect(acks.map(({ duplicate = false }) => duplicate)).toEqual([false, true, true]);
  expect(new Set(acks.map(({ msg_id }) => msg_id)).size).toBe(1);
});

test('[D3] a repeated send is not published again', async () => {
  const frames = await world.listen(userTopic(user('bob')));
  accepted(await send('ann', 'bob', 'k'));
  accepted(await send('ann', 'bob', 'k'));
  expect(frames.map(({ type }) => type)).toEqual(['conversation', 'message']);
});

test('the id of a recipient is resolved in whatever case it is written, also in a repeat', async () => {
  const first = accepted(await send('ann', 'CARL', 'k'));
  expect(String(first.conversation_id)).toBe('d:Carl:ann');
  expect(accepted(await send('ann', 'carl', 'k'))).toEqual({ ...first, duplicate: true });
  expect(accepted(await send('Carl', 'ANN', 'k2')).conversation_id).toBe(first.conversation_id);
  const note = accepted(await send('ann', 'Ann', 'k3'));
  expect(String(note.conversation_id)).toBe('d:ann:ann');
});

test('a direct conversation that nobody began yet is opened by its id as by its user', async () => {
  const direct = 'd:ann:bob' as ConversationId;
  expect(accepted(await sendIn('ann', direct, 'k'))).toMatchObject({ conversation_id: direct, seq: 1 });
  expect(codeOf(await sendIn('ann', 'd:ann:nobody' as ConversationId, 'k2'))).toBe('not_found');
  expect(codeOf(await sendIn('Carl', direct, 'k'))).toBe('not_member');
});

test('[D2] the first messages to a user, sent at once, are written in the order of the calls', async () => {
  const keys = Array.from({ length: 50 }, (_, index) => `k${index}`);
  const seqs: number[] = [];
  const all = keys.map(async (key, index) => {
    // Some come while the conversation is being opened, some after.
    for (let turn = 0; turn < index; turn++) await undefined;
    return send('ann', 'bob', key);
  });
  for (const result of await Promise.all(all)) seqs.push(Number(accepted(result).seq));
  expect(seqs).toEqual(keys.map((_key, index) => index + 1));
});

test('content above the bound is refused, and the key is still free', async () => {
  expect(codeOf(await send('ann', 'bob', 'k', text('雁'.repeat(400))))).toBe('too_large');
  expect(codeOf(await send('ann', 'bob', 'k', text('雁')))).toBe('ok');
});
