import { expect, test } from 'bun:test';
import type { ClientMessage, ConversationView } from '@hongyan/client/api';
import { isListed, listRows, unreadTotal, waitingFirst } from './list-rows.ts';

const view = (id: string, more: Partial<ConversationView> = {}) =>
  ({ conversationId: id, unread: 1, isMuted: false, isPinned: false, isArchived: false, ...more }) as ConversationView;

const found = [
  view('a'),
  view('b', { isPinned: true }),
  view('c', { isArchived: true, isMuted: true }),
  view('d', { isPinned: true, isArchived: true }),
  view('e', { isPinned: true, isMuted: true }),
];
const ids = (isArchiveOpen: boolean, isSearch = false) =>
  listRows(found, { isSearch, isArchiveOpen }).map(({ id }) => String(id));

test('pinned conversations come first, and archived ones last, each in the order of activity', () => {
  expect(ids(false)).toEqual(['b', 'e', 'a', 'archive']);
  expect(ids(true)).toEqual(['b', 'e', 'a', 'archive', 'c', 'd']);
  expect(listRows([view('a')], { isSearch: false, isArchiveOpen: true })).toHaveLength(1);
});

test('a search finds what is archived', () => {
  expect(ids(false, true)).toEqual(['a', 'b', 'c', 'd', 'e']);
});

test('[E24] muted conversations add nothing to a total', () => {
  expect(unreadTotal(found)).toBe(3);
  expect(listRows(found, { isSearch: false, isArchiveOpen: false }).at(-1)).toMatchObject({ count: 2, unread: 1 });
});

test('a conversation with a queued message comes first, the last one written to on top; a message that failed moves nothing', () => {
  const message = (conversationId: string, status: string) => ({ conversationId, status }) as ClientMessage;
  const outbox = [message('c', 'queued'), message('d', 'queued'), message('c', 'queued'), message('e', 'failed')];
  expect(waitingFirst(found, outbox).map(({ conversationId }) => String(conversationId))).toEqual([
    'c',
    'd',
    'a',
    'b',
    'e',
  ]);
  expect(waitingFirst(found, [])).toBe(found);
});

test('a direct conversation without an entry is listed only where this user has something to do with it', () => {
  const direct = (more: Partial<ConversationView>) => view('x', { kind: 'direct', lastSeq: 0 as never, ...more });
  expect(isListed(direct({}))).toBe(false);
  expect(isListed(direct({ lastSeq: 1 as never }))).toBe(true);
  expect(isListed(direct({ isPinned: true }))).toBe(true);
  expect(isListed(view('g', { kind: 'group', lastSeq: 0 as never }))).toBe(true);
});
