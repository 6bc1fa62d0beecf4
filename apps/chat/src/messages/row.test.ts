// What stands around a message, and the marks of own messages.

import { describe, expect, test } from 'bun:test';
import type { ClientMessage, ConversationView, UserId } from '@hongyan/client/api';
import { markOf, positionsOf } from './mark.ts';
import { decorationOf, firstUnreadOf, isContinued } from './row.ts';

const noon = new Date(2026, 4, 2, 12).getTime();
const self = 'ann' as UserId;
const message = (seq: number, more: Partial<ClientMessage> = {}): ClientMessage =>
  ({
    from: 'ben',
    seq,
    timestampMs: noon + seq * 1000,
    status: 'ack',
    content: { type: 'text' },
    ...more,
  }) as unknown as ClientMessage;
const decorate = (
  previous: ClientMessage | undefined,
  one: ClientMessage,
  next?: ClientMessage,
  firstUnread?: number,
) => decorationOf({ previous, message: one, next, firstUnread });

describe('lines and groups', () => {
  test('successive messages of one sender are one group', () => {
    expect(decorate(message(1), message(2), message(3))).toMatchObject({
      isFirst: false,
      isLast: false,
      hasDay: false,
    });
    expect(decorate(message(1, { from: self }), message(2), message(3, { timestampMs: noon + 600_000 }))).toMatchObject(
      {
        isFirst: true,
        isLast: true,
      },
    );
  });

  test('a day begins with a line', () => {
    expect(decorate(undefined, message(1)).hasDay).toBe(true);
    expect(decorate(message(1), message(2, { timestampMs: noon + 86_400_000 })).hasDay).toBe(true);
  });

  test('the line "new messages" stands once, above the first unread one', () => {
    expect(decorate(message(4), message(5), undefined, 5).hasUnreadLine).toBe(true);
    expect(decorate(undefined, message(1), undefined, 1).hasUnreadLine).toBe(true);
    expect(decorate(message(5), message(6), undefined, 5).hasUnreadLine).toBe(false);
    expect(decorate(message(4), message(5)).hasUnreadLine).toBe(false);
  });

  test('[D5] missing messages are shown', () => {
    const at = (seq: number, count: number) => message(seq, { count });
    expect(decorate(at(4, 4), at(9, 6)).hasGap).toBe(true);
    expect(decorate(at(4, 4), at(5, 5)).hasGap).toBe(false);
    // Edits and reactions stand between.
    expect(decorate(at(4, 4), at(9, 5)).hasGap).toBe(false);
  });
});

describe('what is in view continues what was shown', () => {
  const rows = [message(4), message(5), message(6, { from: self }), message(8, { isRecalled: true }), message(9)];
  const continued = (afterSeq: number, firstSeq: number, hasOlder = false) =>
    isContinued({ rows, afterSeq, firstSeq, self, hasOlder });

  test('where no message of others stands between: own and recalled ones need no look', () => {
    expect([continued(4, 5), continued(5, 9), continued(9, 4)]).toEqual([true, true, true]);
    expect([continued(4, 9), continued(4, 6)]).toEqual([false, false]);
  });

  test('not where what stands between is not loaded', () => {
    expect([continued(2, 4, true), continued(2, 4), continued(3, 4, true)]).toEqual([false, true, true]);
  });
});

describe('the first unread message', () => {
  const rows = [message(1), message(2), message(3, { from: self }), message(4), message(5)];
  const first = (afterSeq: number, more: Partial<Parameters<typeof firstUnreadOf>[0]> = {}) =>
    firstUnreadOf({ rows, afterSeq, self, hasOlder: false, ...more });

  test('is the first message of others after the read position, also when it is the first row', () => {
    expect(first(1)).toBe(2);
    expect(first(0)).toBe(1);
    expect(first(2)).toBe(4);
    expect(first(5)).toBeUndefined();
  });

  test('of a conversation whose beginning is hidden, it is the first row that can be read', () => {
    expect(first(0, { rows: rows.slice(1) })).toBe(2);
  });

  test('is unknown while it lies before what is loaded', () => {
    expect(first(0, { rows: rows.slice(1), hasOlder: true })).toBeUndefined();
    expect(first(1, { rows: rows.slice(1), hasOlder: true })).toBe(2);
  });

  test('is never a line that the server writes itself', () => {
    const created = message(1, { content: { type: 'hongyan.members' } });
    expect(first(0, { rows: [created, message(2)] })).toBe(2);
    expect(first(0, { rows: [created] })).toBeUndefined();
  });

  test('[E3] is never one that was recalled', () => {
    const recalled = message(1, { isRecalled: true, content: { type: 'hongyan.recalled' } });
    expect(first(0, { rows: [recalled, message(2)] })).toBe(2);
  });
});

describe('marks', () => {
  const group = (...receipts: [string, number, number][]) =>
    ({
      memberCount: 3,
      receipts: new Map(receipts.map(([id, deliveredSeq, readSeq]) => [id, { deliveredSeq, readSeq }])),
    }) as unknown as ConversationView;

  test('in a group a message is delivered or read once all others have it', () => {
    const positions = positionsOf(group(['ann', 9, 9], ['ben', 5, 3], ['carl', 4, 2]), self);
    expect([2, 3, 4, 5].map((seq) => markOf(message(seq), positions))).toEqual([
      'read',
      'delivered',
      'delivered',
      'ack',
    ]);
  });

  test('without the positions of all others the status of the message stands', () => {
    const positions = positionsOf(group(['ben', 5, 5]), self);
    expect(markOf(message(2, { status: 'delivered' }), positions)).toBe('delivered');
  });
});
