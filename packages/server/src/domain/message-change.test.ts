// The rules of edits, recalls and reactions.

import { expect, test } from 'bun:test';
import type { Seq, UserId } from '@hongyan/protocol/ids';
import { type ChangeFacts, type Decision, decide, type MessageChange, reactionKey } from './message-change.ts';
import { type MessageState, unchanged } from './message-state.ts';

const [ann, bob] = ['ann', 'bob'] as UserId[] as [UserId, UserId];
const seq = (value: number) => value as Seq;
const sentAtMs = 1_000_000;

/** ann's message 3 in a group that eve owns, seen by ann a second later; 9 is the next seq. */
const facts = (more: Partial<ChangeFacts> = {}): ChangeFacts => ({
  actor: { userId: ann, role: 'member' },
  kind: 'group',
  message: { seq: seq(3), from: ann, timestampMs: sentAtMs },
  state: unchanged,
  nextSeq: seq(9),
  nowMs: sentAtMs + 1_000,
  limits: { editWindowMs: 60_000, mayOwnersEdit: false, reactionKeysMax: 2, pinnedMax: 2 },
  pinnedCount: 0,
  ...more,
});
const byBob = { actor: { userId: bob, role: 'member' as const } };
const byOwner = { actor: { userId: bob, role: 'owner' as const } };
const content = { type: 'text', text: 'corrected' };
const edit: MessageChange = { type: 'edit', content, expectSeq: undefined };
const recall: MessageChange = { type: 'recall', reason: undefined };
const react = (key: string, op: 'add' | 'remove' = 'add'): MessageChange => ({ type: 'react', key, op });
const codeOf = (decision: Decision): string => (decision.type === 'refused' ? decision.code : decision.type);
const stateOf = (decision: Decision): MessageState => {
  if (decision.type !== 'entry') throw new Error(codeOf(decision));
  return decision.state;
};

test('[E4] the sender edits within the window; the last edit wins', () => {
  expect(stateOf(decide(edit, facts()))).toEqual({ edited: { seq: seq(9), content } });
  expect(codeOf(decide(edit, facts({ nowMs: sentAtMs + 60_000 })))).toBe('entry');
  expect(codeOf(decide(edit, facts({ nowMs: sentAtMs + 60_001 })))).toBe('forbidden');
  expect(codeOf(decide(edit, facts(byBob)))).toBe('forbidden');
  const again = decide(edit, facts({ state: { edited: { seq: seq(5), content: { type: 'x' } }, reactions: [] } }));
  expect(stateOf(again)).toEqual({ edited: { seq: seq(9), content }, reactions: [] });
});

test('[E4] owners edit messages of others only if the option allows it, and never in a direct conversation', () => {
  const limits = { ...facts().limits, mayOwnersEdit: true };
  expect(codeOf(decide(edit, facts(byOwner)))).toBe('forbidden');
  expect(codeOf(decide(edit, facts({ ...byOwner, limits })))).toBe('entry');
  expect(codeOf(decide(edit, facts({ ...byBob, limits })))).toBe('forbidden');
  expect(codeOf(decide(edit, facts({ ...byOwner, limits, kind: 'direct' })))).toBe('forbidden');
});

test('[E4] an edit based on an older edit is a conflict', () => {
  const state = { edited: { seq: seq(7), content } };
  const expecting = (expectSeq: number) => decide({ ...edit, expectSeq: seq(expectSeq) }, facts({ state }));
  expect([0, 6, 7, 8].map((expected) => codeOf(expecting(expected)))).toEqual([
    'conflict',
    'conflict',
    'entry',
    'entry',
  ]);
});

test('[E5] the sender and admins recall, which removes edits and reactions; a second recall changes nothing', () => {
  const state = { edited: { seq: seq(7), content }, reactions: [{ key: '👍', userIds: [bob] }] };
  expect(decide(recall, facts({ state }))).toEqual({ type: 'entry', state: { recalled: true }, erases: true });
  expect(codeOf(decide(recall, facts(byOwner)))).toBe('entry');
  expect(codeOf(decide(recall, facts({ ...byOwner, kind: 'direct' })))).toBe('forbidden');
  expect(codeOf(decide(recall, facts(byBob)))).toBe('forbidden');
  expect(codeOf(decide(recall, facts({ state: { recalled: true } })))).toBe('unchanged');
});

test('[E5] nothing changes a recalled message', () => {
  const recalled = facts({ state: { recalled: true } });
  expect([edit, react('👍'), react('👍', 'remove')].map((change) => codeOf(decide(change, recalled)))).toEqual([
    'conflict',
    'conflict',
    'conflict',
  ]);
});

test('[E6] a reaction counts once per key and user, and no-ops append no entry', () => {
  const first = stateOf(decide(react('👍'), facts()));
  expect(first).toEqual({ reactions: [{ key: '👍', userIds: [ann] }] });
  const second = stateOf(decide(react('👍'), facts({ ...byBob, state: first })));
  expect(second).toEqual({ reactions: [{ key: '👍', userIds: [ann, bob] }] });
  expect(codeOf(decide(react('👍'), facts({ state: second })))).toBe('unchanged');
  expect(codeOf(decide(react('🎉', 'remove'), facts({ state: second })))).toBe('unchanged');
  const third = stateOf(decide(react('👍', 'remove'), facts({ state: second })));
  expect(third).toEqual({ reactions: [{ key: '👍', userIds: [bob] }] });
  expect(stateOf(decide(react('👍', 'remove'), facts({ ...byBob, state: third })))).toEqual({});
});

test('[E6] keys and reactions of one message are limited', () => {
  const state = { reactions: ['a', 'b'].map((key) => ({ key, userIds: [bob] })) };
  expect(codeOf(decide(react('c'), facts({ state })))).toBe('too_large');
  expect(codeOf(decide(react('b'), facts({ state })))).toBe('entry');
  const many = { reactions: [{ key: 'a', userIds: Array.from({ length: 1_000 }, (_, n) => `u${n}` as UserId) }] };
  expect(codeOf(decide(react('a'), facts({ state: many })))).toBe('too_large');
  expect(codeOf(decide(react('a', 'remove'), facts({ ...byBob, state: many })))).toBe('unchanged');
});

test.each([
  ['❤', '❤️', '❤'],
  ['❤', '❤︎', '❤'],
  ['👩‍❤️‍👩', '👩‍❤‍👩', '👩‍❤‍👩'],
  ['é', 'e\u0301', 'é'],
  [' ok ', 'ok', 'ok'],
])('[E6] %p and %p are one key', (one, other, key) => {
  expect([one, other].map(reactionKey)).toEqual([
    { type: 'ok', value: key },
    { type: 'ok', value: key },
  ]);
});

test('[E6] an invisible key, or one that is not valid Unicode, is refused', () => {
  expect(['\uFE0F', '  ', '\ud83d'].map((key) => reactionKey(key).type)).toEqual(['refused', 'refused', 'refused']);
});
