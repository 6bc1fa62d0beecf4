// The check of badges accepts what the entries say, and nothing else.

import { expect, test } from 'bun:test';
import type { Badge, FullRead, SeenEntry } from '@hongyan/testing/history';
import { checkUnread } from './unread-check.ts';

const entry = (seq: number, from: string, content: object, more: object = {}): SeenEntry => ({
  ...{ msg_id: `m${seq}`, conversation_id: 'g:all', seq, from, client_msg_id: `k${seq}`, content },
  ...more,
});
const text = (seq: number, from: string, more: object = {}) => entry(seq, from, { type: 'text', text: `${seq}` }, more);

/** ann wrote 3; of what bob wrote after it 4 is recalled, 5 mentions her, and 6 is edited and liked. */
const entries = [
  entry(1, 'bob', { type: 'hongyan.members', change: 'created', user_ids: ['ann'] }),
  text(2, 'bob'),
  text(3, 'ann'),
  entry(4, 'bob', { type: 'hongyan.recalled' }),
  text(5, 'bob', { mentions: ['ann'] }),
  text(6, 'bob', { mentions: 'all' }),
  entry(7, 'bob', { type: 'hongyan.recall', target_seq: 4 }),
  entry(8, 'bob', { type: 'hongyan.edit', target_seq: 6, content: { type: 'text', text: 'six' } }),
  entry(9, 'ann', { type: 'hongyan.reaction', target_seq: 6, key: '👍', op: 'add' }),
];
const read = (badge: Badge): FullRead => ({
  ...{ userId: 'ann', conversationId: 'g:all', firstSeq: 1, lastSeq: 9, entries, badge },
});
const own = (seq: number): FullRead => ({
  ...{ userId: 'ann', conversationId: 'u:ann', firstSeq: 1, lastSeq: 1 },
  entries: [entry(1, 'ann', { type: 'hongyan.private', change: { type: 'read', conversation_id: 'g:all', seq } })],
});

test('[E3, E8] messages of others count from what was read or answered on, not those that were recalled', () => {
  expect(checkUnread([read({ readSeq: 0, unread: 2, unreadMentions: 2 })])).toEqual([]);
  expect(checkUnread([read({ readSeq: 5, unread: 1, unreadMentions: 1 })])).toEqual([]);
  expect(checkUnread([read({ readSeq: 9, unread: 0, unreadMentions: 0 })])).toEqual([]);
});

test('[E23] a private mark counts as read', () => {
  expect(checkUnread([read({ readSeq: 0, unread: 1, unreadMentions: 1 }), own(5)])).toEqual([]);
  expect(checkUnread([read({ readSeq: 0, unread: 1, unreadMentions: 1 })])).toHaveLength(1);
});

test('[E3, E8] a badge that counts what was recalled, edited, liked or read, or lacks something, is caught', () => {
  const wrong = [
    // Counted from before the own newest message.
    { readSeq: 0, unread: 4, unreadMentions: 2 },
    { readSeq: 2, unread: 3, unreadMentions: 2 },
    { readSeq: 0, unread: 5, unreadMentions: 2 },
    { readSeq: 0, unread: 3, unreadMentions: 2 },
    { readSeq: 0, unread: 1, unreadMentions: 1 },
    { readSeq: 0, unread: 2, unreadMentions: 1 },
    { readSeq: 5, unread: 2, unreadMentions: 1 },
    { readSeq: 5, unread: 1, unreadMentions: 0 },
    { readSeq: 9, unread: 1, unreadMentions: 0 },
  ];
  for (const badge of wrong) expect(checkUnread([read(badge)]).map(({ rule }) => rule)).toEqual(['E3']);
});
