// A message after its changes: each once, and only those it does not contain already.

import { describe, expect, test } from 'bun:test';
import type { Seq, UserId } from '@hongyan/protocol/ids';
import type { ClientMessage, MessageChange } from './api.ts';
import { applyChange, withPendingChanges } from './apply-change.ts';

const me = 'me' as UserId;
const you = 'you' as UserId;
const message = (more: Partial<ClientMessage> = {}): ClientMessage =>
  ({ from: me, seq: 3, status: 'ack', content: { type: 'text', text: 'old' }, ...more }) as unknown as ClientMessage;
const change = (seq: number, type: string, { from = you, target = 3, ...fields }: Record<string, unknown> = {}) =>
  ({ seq, from, content: { type: `hongyan.${type}`, target_seq: target, ...fields } }) as unknown as MessageChange;
const edit = (seq: number, text: string) => change(seq, 'edit', { content: { type: 'text', text } });
const react = (seq: number, key: string, { op = 'add', from = you } = {}) => change(seq, 'reaction', { key, op, from });
const after = (changes: readonly MessageChange[], first = message()) =>
  changes.reduce((current, next) => applyChange(current, next, me), first);

describe('[E2] a change', () => {
  test('is applied once, to its own message', () => {
    const once = after([edit(5, 'new')]);
    expect(once).toMatchObject({ content: { text: 'new' }, edited: 5, asOfSeq: 5 });
    expect(after([edit(5, 'again'), edit(4, 'older')], once)).toBe(once);
    const other = message({ seq: 4 as Seq });
    expect(after([edit(5, 'new')], other)).toBe(other);
  });

  test('that the message contains already is skipped, a newer one is not', () => {
    const present = message({ asOfSeq: 8 as Seq, reactions: [{ key: '👍', count: 2, isMine: false }] });
    expect(after([react(8, '👍'), react(9, '👍')], present).reactions).toEqual([
      { key: '👍', count: 3, isMine: false },
    ]);
  });

  test('of a message that is in the outbox, or of a kind of a later version, leaves it alone', () => {
    const { seq: _seq, ...queued } = message();
    expect(after([edit(5, 'new')], queued)).toBe(queued);
    const sent = message();
    expect(after([change(5, 'poll'), change(6, 'edit', { content: 7 }), change(7, 'edit')], sent)).toBe(sent);
  });
});

test('[E6] a summary gives the counts as they are, and what this user did since the last one', () => {
  const sum = (seq: number, changes: readonly object[], counts: Record<string, number>) =>
    change(seq, 'reactions', { changes, reactions: Object.entries(counts).map(([key, count]) => ({ key, count })) });
  const first = after([
    react(4, '👍', { from: me }),
    sum(
      5,
      [
        { user_id: me, key: '🎉', op: 'add' },
        { user_id: you, key: '👍', op: 'add' },
      ],
      { '👍': 9, '🎉': 1 },
    ),
  ]);
  expect(first.reactions).toEqual([
    { key: '👍', count: 9, isMine: true },
    { key: '🎉', count: 1, isMine: true },
  ]);
  const second = after([sum(6, [{ user_id: me, key: '👍', op: 'remove' }], { '👍': 8 })], first);
  expect(second).toMatchObject({ reactions: [{ key: '👍', count: 8, isMine: false }], asOfSeq: 6 });
  expect(after([sum(7, [], {})], second)).not.toHaveProperty('reactions');
});

test('[E9] a pin and its removal are shown, and a recall takes a message off the list', () => {
  const pinned = after([change(4, 'pin', { pinned: true })]);
  expect(pinned).toMatchObject({ isPinned: true, asOfSeq: 4 });
  for (const next of [change(5, 'pin', { pinned: false }), change(5, 'recall')])
    expect(after([next], pinned)).not.toHaveProperty('isPinned');
});

test('[E7] a reply follows the message that it answers: its edits in order, and its recall for good', () => {
  const replyTo = { seq: 2 as Seq, from: you, content: { type: 'text', text: 'quoted' }, asOfSeq: 4 as Seq };
  const reply = message({ replyTo });
  const editOf2 = (seq: number, text: string) => change(seq, 'edit', { target: 2, content: { type: 'text', text } });
  expect(after([editOf2(4, 'older'), change(5, 'reaction', { target: 2, key: '👍', op: 'add' })], reply)).toBe(reply);
  const edited = after([editOf2(6, 'newer')], reply);
  expect(edited.replyTo).toEqual({ ...replyTo, content: { type: 'text', text: 'newer' }, asOfSeq: 6 as Seq });
  expect(edited).not.toHaveProperty('edited');
  const recalled = after([change(7, 'recall', { target: 2 }), editOf2(8, 'too late')], edited);
  expect(recalled.replyTo).toEqual({ seq: 2 as Seq, from: you, isRecalled: true, asOfSeq: 7 as Seq });
});

test('[E5] a recall erases content, edits and reactions, and nothing changes the message after it', () => {
  const recalled = after([edit(4, 'new'), react(5, '👍'), change(6, 'recall')]);
  expect(recalled).toEqual({
    ...message(),
    content: { type: 'hongyan.recalled' },
    isRecalled: true,
    asOfSeq: 6 as Seq,
  });
  expect(after([edit(7, 'newer'), react(8, '👍')], recalled)).toBe(recalled);
});

describe('[E6] a reaction', () => {
  test('is counted by key, with the own one marked, in the order in which keys were first used', () => {
    const reacted = after([react(4, '👍'), react(5, '🎉', { from: me }), react(6, '👍', { from: me })]);
    expect(reacted.reactions).toEqual([
      { key: '👍', count: 2, isMine: true },
      { key: '🎉', count: 1, isMine: true },
    ]);
    const removed = after(
      [react(7, '👍', { op: 'remove', from: me }), react(8, '🎉', { op: 'remove', from: me })],
      reacted,
    );
    expect(removed.reactions).toEqual([{ key: '👍', count: 1, isMine: false }]);
    expect(after([react(9, '👍', { op: 'remove' })], removed)).not.toHaveProperty('reactions');
  });

  test('is the same with and without a variation selector', () => {
    expect(after([react(4, '\u2764'), react(5, '\u2764\ufe0f', { from: me })]).reactions).toEqual([
      { key: '\u2764', count: 2, isMine: true },
    ]);
  });
});

describe('changes that wait for their ack', () => {
  const pending = (...changes: readonly MessageChange[]) => changes as unknown as readonly ClientMessage[];

  test('are shown in their order, and the message under them stays', () => {
    const base = message({ reactions: [{ key: '👍', count: 1, isMine: false }] });
    const shown = withPendingChanges(base, pending(edit(0, 'one'), react(0, '👍', { from: me }), edit(0, 'two')));
    expect(shown).toMatchObject({
      content: { text: 'two' },
      reactions: [{ key: '👍', count: 2, isMine: true }],
      isPending: true,
    });
    expect(withPendingChanges(base, [])).toBe(base);
  });

  test('that are so already leave the message itself', () => {
    const base = message({ reactions: [{ key: '👍', count: 1, isMine: true }] });
    expect(after([react(9, '👍', { from: me })], base).reactions).toEqual(base.reactions);
    expect(withPendingChanges(base, pending(react(0, '👍', { from: me }))).reactions).toEqual(base.reactions);
  });
});
