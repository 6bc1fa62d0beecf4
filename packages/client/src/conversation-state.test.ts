// One conversation against everything a network may do to the order of what arrives.

import { describe, expect, test } from 'bun:test';
import type { ClientMsgId, ConversationId, MsgId, Seq, UserId } from '@hongyan/protocol/ids';
import { testSeed } from '@hongyan/testing/seed';
import fc from 'fast-check';
import { ConversationState, type Shown } from './conversation-state.ts';
import { rules } from './testing/rules.ts';
import type { Conversation, Entry } from './wire.ts';

const me = 'me' as UserId;
const you = 'you' as UserId;
const seq = (value: number) => value as Seq;
const conversationId = 'd:me:you' as ConversationId;

const entry = (number: number, from = you): Entry => ({
  msg_id: `m${number}` as MsgId,
  conversation_id: conversationId,
  seq: seq(number),
  from,
  content: { type: 'text', text: `${number}` },
  count: number,
  timestamp: 1000 + number,
  client_msg_id: `c${number}` as ClientMsgId,
  status: 'ack',
});
const entries = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => entry(from + index));

const conversation = (fields: Partial<Conversation> = {}): Conversation => ({
  conversation_id: conversationId,
  kind: 'direct',
  members: [me, you],
  member_count: 2,
  last_seq: seq(0),
  first_seq: seq(1),
  delivered_seq: seq(0),
  read_seq: seq(0),
  last_count: fields.last_seq ?? 0,
  unread: (fields.last_seq ?? 0) - (fields.read_seq ?? 0),
  unread_mentions: 0,
  created_at: 0,
  history_visible: true,
  rules,
  role: 'member',
  ...fields,
});
const begin = (fields: Partial<Conversation> = {}, shownSeq = 0) =>
  ConversationState.first(me, { conversation: conversation(fields), shownSeq: seq(shownSeq) });

const seqsOf = (shown: Shown) => shown.messages.map((message) => Number(message.seq));
const page = (from: number, to: number, lastSeq = to, firstSeq = 1) => ({
  entries: entries(from, to),
  first_seq: seq(firstSeq),
  last_seq: seq(lastSeq),
});

test('the own role follows what the notices say, in their order', () => {
  const state = begin({ conversation_id: 'g:1' as ConversationId, kind: 'group' });
  const notice = (n: number, from: UserId, content: Entry['content']) =>
    state.add({ ...entry(n), from, content, count: 0 });
  const roles = [
    { from: you, content: { type: 'hongyan.role', user_id: me, role: 'admin' }, after: 'admin' },
    { from: you, content: { type: 'hongyan.role', user_id: 'third', role: 'admin' }, after: 'admin' },
    { from: you, content: { type: 'hongyan.role', user_id: me, role: 'owner' }, after: 'owner' },
    { from: me, content: { type: 'hongyan.role', user_id: you, role: 'admin' }, after: 'owner' },
    { from: me, content: { type: 'hongyan.role', user_id: you, role: 'owner' }, after: 'admin' },
    { from: you, content: { type: 'hongyan.role', user_id: me, role: 'emperor' }, after: 'admin' },
    { from: you, content: { type: 'hongyan.members', change: 'left', user_ids: [you], new_owner: me }, after: 'owner' },
  ];
  for (const [index, { from, content, after }] of roles.entries()) {
    notice(index + 1, from, content);
    expect([content, state.view().role as string]).toEqual([content, after]);
  }
});

describe('order', () => {
  test('[C1] an entry is shown once, in its turn; an early entry waits for those before it', () => {
    const state = begin();
    expect(seqsOf(state.add(entry(1)))).toEqual([1]);
    expect(seqsOf(state.add(entry(1)))).toEqual([]);
    expect(seqsOf(state.add(entry(4)))).toEqual([]);
    expect(seqsOf(state.add(entry(3)))).toEqual([]);
    expect(state.isBehind).toBe(true);
    expect(seqsOf(state.addPage(page(2, 2, 4)))).toEqual([2, 3, 4]);
    expect(state.isBehind).toBe(false);
  });

  test('[C10] an ack does not take the place of the frame that waits for its turn: that has what is stored', () => {
    const state = begin();
    const { count: _count, ...ack } = { ...entry(2, me), content: { type: 'text', text: 'as given' } };
    state.add(entry(2, me));
    state.add(ack);
    expect(state.add(entry(1)).messages.map(({ content }) => content.text)).toEqual(['1', '2']);
  });

  test('[C1] whatever the order, the doubles and the pages, every entry is shown exactly once and in order', () => {
    const last = 40;
    const pushes = fc.array(fc.integer({ min: 1, max: last }), { maxLength: 120 });
    const pageAfter = fc.array(fc.nat(150), { maxLength: 20 });
    fc.assert(
      fc.property(pushes, pageAfter, fc.integer({ min: 1, max: 7 }), (pushed, pagesAt, pageSize) => {
        const state = begin();
        const shown: number[] = [];
        const readPage = () => {
          const from = state.shownSeq + 1;
          shown.push(...seqsOf(state.addPage(page(from, Math.min(last, from + pageSize - 1), last))));
        };
        pushed.forEach((number, index) => {
          shown.push(...seqsOf(state.add(entry(number))));
          if (pagesAt.includes(index) && state.shownSeq < last) readPage();
        });
        while (state.shownSeq < last) readPage();
        expect(shown).toEqual(Array.from({ length: last }, (_, index) => index + 1));
      }),
      { seed: testSeed('client order'), numRuns: 300 },
    );
  });

  test('[C1] more early entries than are kept cost another page, not an entry', () => {
    const state = begin();
    for (let number = 3_000; number > 1; number--) state.add(entry(number));
    const shown = seqsOf(state.add(entry(1)));
    while (state.isBehind) shown.push(...seqsOf(state.addPage(page(state.shownSeq + 1, state.shownSeq + 100, 3_000))));
    expect(shown).toEqual(Array.from({ length: 3_000 }, (_, index) => index + 1));
  });

  test('[C9][D5] what is no longer available is reported as a gap, and what follows is shown', () => {
    const state = begin({ last_seq: seq(20) }, 3);
    const shown = state.addPage(page(11, 20, 20, 11));
    expect(shown.gap).toEqual({ from: seq(4), to: seq(10) });
    expect(seqsOf(shown)).toEqual(entries(11, 20).map((entry) => Number(entry.seq)));
    expect(state.view().firstSeq).toBe(seq(11));
  });

  test('[C9][D5] a page without entries, all of them gone, brings the conversation to its end', () => {
    const state = begin({ last_seq: seq(9) }, 3);
    expect(state.addPage({ entries: [], first_seq: seq(10), last_seq: seq(9) })).toEqual({
      messages: [],
      changes: [],
      gap: { from: seq(4), to: seq(9) },
    });
    expect(state.isBehind).toBe(false);
  });
});

describe('positions', () => {
  test('[D7] positions only move forward, those of the user and those of others', () => {
    const state = begin({ last_seq: seq(9), delivered_seq: seq(5), read_seq: seq(4) }, 9);
    expect(state.receipt(me, { deliveredSeq: seq(3), readSeq: seq(2) })).toBe(false);
    expect(state.receipt(me, { deliveredSeq: seq(3), readSeq: seq(6) })).toBe(true);
    expect(state.view()).toMatchObject({ deliveredSeq: 6, readSeq: 6, unread: 3 });
    expect(state.receipt(you, { deliveredSeq: seq(8), readSeq: seq(0) })).toBe(true);
    expect(state.receipt(you, { deliveredSeq: seq(7), readSeq: seq(0) })).toBe(false);
    expect(state.view().receipts.get(you)).toEqual({ deliveredSeq: seq(8), readSeq: seq(0) });
  });

  test("a message of the user is delivered and read when the other has it; messages of the other keep the server's status", () => {
    const state = begin({ last_seq: seq(9) }, 9);
    const status = () => state.toMessage(entry(9, me)).status;
    expect(status()).toBe('ack');
    state.receipt(you, { deliveredSeq: seq(9), readSeq: seq(8) });
    expect(status()).toBe('delivered');
    state.receipt(you, { deliveredSeq: seq(9), readSeq: seq(9) });
    expect(status()).toBe('read');
    expect(state.toMessage(entry(9)).status).toBe('ack');
  });

  test('in a group a message is read once all the others have read it', () => {
    const group = { conversation_id: 'g:1' as ConversationId, kind: 'group' as const };
    const state = begin({ ...group, members: [me, you, 'third' as UserId], member_count: 3, last_seq: seq(5) }, 5);
    state.receipt(you, { deliveredSeq: seq(5), readSeq: seq(5) });
    expect(state.toMessage(entry(5, me)).status).toBe('ack');
    state.receipt('third' as UserId, { deliveredSeq: seq(5), readSeq: seq(4) });
    expect(state.toMessage(entry(5, me)).status).toBe('delivered');
    expect(state.toMessage(entry(4, me)).status).toBe('read');
  });

  test('[E3] what the user answered is not unread, and the read position stays where reading was', () => {
    const state = begin();
    state.add(entry(1));
    state.add(entry(2, me));
    expect(state.view()).toMatchObject({ readSeq: 0, unreadAfterSeq: 2, unread: 0 });
    state.add(entry(3));
    expect(state.view()).toMatchObject({ readSeq: 0, unreadAfterSeq: 2, unread: 1 });
  });

  test('[C5] what was read here and not confirmed is still to be reported after a restart', () => {
    const state = begin({ last_seq: seq(5) }, 5);
    state.advance(me, { deliveredSeq: seq(5), readSeq: seq(5) });
    const restarted = ConversationState.restored(me, structuredClone(state.toStored()));
    expect(restarted.isReadUnreported).toBe(true);
    restarted.receipt(me, { deliveredSeq: seq(5), readSeq: seq(5) });
    expect(restarted.isReadUnreported).toBe(false);
    expect(restarted.view()).toEqual({ ...state.view(), receipts: new Map() });
  });
});
