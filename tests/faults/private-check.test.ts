// What is there to catch in a private timeline is put in on purpose.

import { expect, test } from 'bun:test';
import type { ClientEvent, FullRead, SeenEntry } from '@hongyan/testing/history';
import { checkPrivate } from './private-check.ts';

const place = { conversation_id: 'd:ann:bob' };
const changes = [
  { type: 'mute', ...place, until: 5 },
  { type: 'draft', ...place, text: 'one', base_revision: 0 },
  { type: 'read', ...place, seq: 1 },
  { type: 'setting', name: 'theme', value: 'dark' },
  { type: 'draft', ...place, text: 'two', base_revision: 2 },
  { type: 'mute', ...place, until: null },
];
const erased = { type: 'hongyan.recalled' };

function world(): { events: ClientEvent[]; read: FullRead & { entries: SeenEntry[] } } {
  const contents = changes.map((change) => ({ type: 'hongyan.private', change }));
  const named = { sender: 'ann', conversationId: 'u:ann' };
  const entries = contents.map((content, index) => ({
    ...{ msg_id: `m${index}`, conversation_id: 'u:ann', seq: index + 1, from: 'ann', client_msg_id: `k${index}` },
    content: index === 1 ? erased : content,
  }));
  const state = [4, 5].flatMap((seq) => {
    const change = changes[seq - 1];
    return change ? [{ seq, change }] : [];
  });
  return {
    events: contents.map((content, index) => ({ type: 'attempted', ...named, clientMsgId: `k${index}`, content })),
    read: { userId: 'ann', conversationId: 'u:ann', firstSeq: 1, lastSeq: entries.length, entries, state },
  };
}

const rulesOf = ({ events, read }: ReturnType<typeof world>) => checkPrivate(events, [read]).map(({ rule }) => rule);
const put = ({ read }: ReturnType<typeof world>, index: number, content: unknown) => {
  const entry = read.entries[index];
  if (entry) read.entries[index] = { ...entry, content };
};

test('[E21, E22] a private timeline that keeps the contract passes', () => {
  expect(rulesOf(world())).toEqual([]);
});

test('[E21] a state that lacks an acknowledged change, or still has one that was taken back, is caught', () => {
  const { events, read } = world();
  expect(rulesOf({ events, read: { ...read, state: read.state?.slice(1) ?? [] } })).toEqual(['E21']);
  const stale = { seq: 1, change: { type: 'mute', ...place, until: 5 } };
  expect(rulesOf({ events, read: { ...read, state: [...(read.state ?? []), stale] } })).toEqual(['E21']);
});

test('[E22] a draft that is still there after another took its place, and a change that was erased, are caught', () => {
  const kept = world();
  put(kept, 1, { type: 'hongyan.private', change: changes[1] });
  expect(rulesOf(kept)).toEqual(['E22']);
  const lost = world();
  put(lost, 2, erased);
  expect(rulesOf(lost)).toEqual(['E22']);
});
