// What the menu of a message offers.

import { expect, test } from 'bun:test';
import type { ClientMessage, ConversationKind, ConversationRules, MemberRole, UserId } from '@hongyan/client/api';
import { actionsOf, lastEditable } from './message-actions.ts';

const self = 'ann' as UserId;
const message = (more: Partial<Record<keyof ClientMessage, unknown>> = {}): ClientMessage =>
  ({
    ...{ from: self, seq: 7, timestampMs: 0, status: 'ack', content: { type: 'text', text: 'hi' } },
    ...more,
  }) as unknown as ClientMessage;
const rulesOf = (kind: ConversationKind): ConversationRules => {
  const post = kind === 'broadcast' ? ('admins' as const) : ('members' as const);
  return { post, add: 'admins', mentionAll: 'admins', historyVisible: false };
};
const offered = (
  more: Partial<Record<keyof ClientMessage, unknown>>,
  kind: ConversationKind = 'group',
  role: MemberRole = 'member',
) => actionsOf({ message: message(more), self, conversation: { kind, role, rules: rulesOf(kind) } }).join(' ');

test('[E4] only the sender of a text is offered to edit it', () => {
  expect(offered({})).toBe('reply copy edit where recall');
  expect(offered({ from: 'ben' })).toBe('reply copy where');
  expect(offered({ content: { type: 'poll' } })).toBe('reply where recall');
  expect(offered({}, 'broadcast')).toBe('copy where recall');
});

test('[E5] the sender recalls, and in groups the owner and admins; nobody else in a direct conversation', () => {
  expect(offered({ from: 'ben' }, 'group', 'admin')).toBe('reply copy where pin recall');
  expect(offered({ from: 'ben' }, 'broadcast', 'owner')).toBe('reply copy where pin recall');
  expect(offered({ from: 'ben' }, 'direct', 'owner')).toBe('reply copy where pin');
});

test('a recalled message, one that waits and one that failed offer what makes sense', () => {
  const recalled = { isRecalled: true, content: { type: 'hongyan.recalled' } };
  expect(offered(recalled, 'group', 'owner')).toBe('where');
  expect(offered({ seq: undefined, status: 'queued' })).toBe('copy');
  expect(offered({ seq: undefined, status: 'queued', content: { type: 'poll' } })).toBe('');
  expect(offered({ seq: undefined, status: 'failed' })).toBe('copy retry editAgain discard');
  expect(offered({ reactions: [{ key: '👍', count: 1, isMine: false }] })).toBe(
    'reply copy edit reactions where recall',
  );
});

test('the last message of this user is edited, not one before it that could be', () => {
  const older = message({ seq: 3 });
  const theirs = message({ seq: 5, from: 'ben' });
  const notice = message({ seq: 6, content: { type: 'hongyan.title', title: 'x' } });
  const recalled = message({ seq: 7, isRecalled: true, content: { type: 'hongyan.recalled' } });
  expect(lastEditable([older, theirs, notice, recalled], self)).toBe(older);
  expect(lastEditable([older, message({ seq: 8, content: { type: 'poll' } })], self)).toBeUndefined();
  expect(lastEditable([older, message({ seq: undefined, status: 'queued' })], self)).toBeUndefined();
  expect(lastEditable([theirs], self)).toBeUndefined();
});

test('[E9, E10] who may pin is offered it, or to unpin; who may not write is not offered to reply', () => {
  expect(offered({ isPinned: true }, 'group', 'admin')).toContain('unpin');
  expect(offered({}, 'group', 'member')).not.toContain('pin');
  expect(offered({}, 'broadcast', 'member')).not.toContain('reply');
});
