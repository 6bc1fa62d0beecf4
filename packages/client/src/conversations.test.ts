// The list of conversations: in order after any change, and the same array without one.

import { expect, test } from 'bun:test';
import type { ConversationId, Seq, UserId } from '@hongyan/protocol/ids';
import { ManualClock } from '@hongyan/testing/manual-clock';
import { testSeed } from '@hongyan/testing/seed';
import fc from 'fast-check';
import type { ClientEvents } from './api.ts';
import { eventNames } from './client-events.ts';
import { Conversations } from './conversations.ts';
import { Emitter } from './emitter.ts';
import { createMemoryStorage } from './memory-storage.ts';
import { nothingOwn } from './private-state.ts';
import { SafeStorage } from './safe-storage.ts';
import { rules } from './testing/rules.ts';
import type { Conversation, Entry } from './wire.ts';

const me = 'me' as UserId;
const conversation = (id: string, lastSeq = 0): Conversation => ({
  conversation_id: id as ConversationId,
  kind: 'group',
  member_count: 2,
  last_seq: lastSeq as Seq,
  last_count: lastSeq,
  ...{ first_seq: 1 as Seq, delivered_seq: 0 as Seq, read_seq: 0 as Seq, unread: 0, unread_mentions: 0 },
  ...{ created_at: 0, history_visible: true, rules, role: 'member' },
});

const message = (id: ConversationId, { seq, timestamp }: { readonly seq: number; readonly timestamp: number }) =>
  ({ conversation_id: id, seq, count: seq, timestamp, content: { type: 'text', text: 'x' } }) as Entry;

function create() {
  const clock = new ManualClock(0);
  const storage = new SafeStorage({ storage: createMemoryStorage(), clock, onFailure: () => {} });
  const events = new Emitter<ClientEvents>(eventNames);
  const conversations = new Conversations({
    self: me,
    clock,
    storage,
    events,
    ownOf: () => nothingOwn,
    isPaused: () => false,
    onProgress: () => {},
  });
  return { conversations, clock };
}

test('after any sequence of changes the list is what sorting all of it gives', () => {
  const step = fc.record({ id: fc.nat(59), kind: fc.constantFrom('come', 'speak', 'speak', 'speak', 'leave', 'list') });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const { conversations, clock } = create();
      const activity = new Map<string, number>();
      const expected = () =>
        [...activity].toSorted(([a, aMs], [b, bMs]) => bMs - aMs || (a < b ? -1 : 1)).map(([id]) => id);
      for (const { id: number, kind } of steps) {
        const id = `g:${number}`;
        const state = conversations.get(id as ConversationId);
        // Some share a time.
        clock.advance(number % 3);
        if (kind === 'come' && !state) activity.set(id, conversations.merge(conversation(id)).activityMs);
        if (kind === 'leave' && state) {
          conversations.remove(state.id);
          activity.delete(id);
        }
        if (kind === 'speak' && state) {
          const timestamp = clock.nowMs();
          conversations.add(state, message(state.id, { seq: state.lastSeq + 1, timestamp }));
          activity.set(id, timestamp);
        }
        if (kind === 'list')
          expect(conversations.list().map((view) => String(view.conversationId))).toEqual(expected());
      }
      expect(conversations.list().map((view) => String(view.conversationId))).toEqual(expected());
    }),
    { seed: testSeed('conversation list'), numRuns: 200 },
  );
});

test('the list is the same array until something changes, then a new array', () => {
  const { conversations } = create();
  conversations.merge(conversation('g:1'));
  const before = conversations.list();
  expect(conversations.list()).toBe(before);
  conversations.merge(conversation('g:1', 1));
  expect(conversations.list()).not.toBe(before);
  expect(before[0]?.lastSeq).toBe(0 as Seq);
});

test.each([-1, 1])(
  "the list is in the order of the server's times where the clock of the device is %i days off",
  (days) => {
    const { conversations, clock } = create();
    if (days > 0) clock.advance(days * 86_400_000);
    const at = (id: string, createdAt: number) => ({ ...conversation(id), created_at: createdAt });
    const serverMs = clock.nowMs() - days * 86_400_000;
    for (const fresh of [at('g:old', serverMs - 2), at('g:new', serverMs), at('g:middle', serverMs - 1)])
      conversations.merge(fresh);
    const ids = () => conversations.list().map((view) => String(view.conversationId));
    expect(ids()).toEqual(['g:new', 'g:middle', 'g:old']);
    const state = conversations.get('g:old' as ConversationId);
    if (!state) throw new Error('the conversation is there');
    conversations.add(state, message(state.id, { seq: 1, timestamp: serverMs + 1 }));
    expect(ids()).toEqual(['g:old', 'g:new', 'g:middle']);
  },
);
