// Sync: the selection of conversations, their order, and the cursor.

import { expect, test } from 'bun:test';
import type { ConversationId, Seq } from '@hongyan/protocol/ids';
import { testSeed } from '@hongyan/testing/seed';
import fc from 'fast-check';
import type { Position } from './position.ts';
import { conversationsAhead, cursorAfter, decodeCursor, encodeCursor, type SyncCandidate } from './sync.ts';

/** A stored conversation; whether it changed since a position is derived like in a timeline. */
interface Stored extends Omit<SyncCandidate, 'isChanged'> {
  /** Number of its last commit. A position is the number of a commit. */
  readonly lastCommit: number;
}

const stored: fc.Arbitrary<Stored> = fc.record({
  conversationId: fc.stringMatching(/^g:[a-z0-9]{1,12}$/) as fc.Arbitrary<ConversationId>,
  lastSeq: fc.nat(20) as unknown as fc.Arbitrary<Seq>,
  lastCommit: fc.nat(50),
  // Few different times, so that ties are ordered by id.
  activityMs: fc.nat(8),
  updatedAtMs: fc.nat(1000),
  deviceDeliveredSeq: fc.nat(20) as unknown as fc.Arbitrary<Seq>,
});
const store = fc.uniqueArray(stored, { selector: (one) => one.conversationId, maxLength: 40 });
const limits = fc.integer({ min: 1, max: 7 });

interface Asked {
  readonly cursor?: string;
  readonly full?: boolean;
  readonly limit: number;
  readonly nowMs?: number;
}

const positionOf = (conversations: readonly Stored[]) =>
  String(Math.max(0, ...conversations.map(({ lastCommit }) => lastCommit))) as Position;

function candidates(conversations: readonly Stored[], since: Position | undefined): SyncCandidate[] {
  return conversations.map((one) => ({ ...one, isChanged: one.lastCommit > Number(since ?? 0) }));
}

/** All pages of one sync; `at` gives what is stored when a page is read. */
function allPages(at: (page: number) => readonly Stored[], { limit, full = false, nowMs = 5000, ...asked }: Asked) {
  const reported: SyncCandidate[] = [];
  let cursor = asked.cursor === undefined ? undefined : decodeCursor(asked.cursor);
  for (let page = 0; page < 200; page++) {
    const request = { cursor, full, nowMs, position: positionOf(at(page)) };
    const ahead = conversationsAhead(candidates(at(page), cursor?.since), request);
    reported.push(...ahead.slice(0, limit));
    const text = encodeCursor(cursorAfter(ahead, limit, request));
    if (ahead.length <= limit) return { reported, cursor: text };
    cursor = decodeCursor(text);
    expect(cursor && encodeCursor(cursor)).toBe(text);
  }
  throw new Error('the pages never end');
}

const idsOf = (all: readonly { readonly conversationId: ConversationId }[]) => all.map((one) => one.conversationId);

test('[D4] pages of any size report every conversation with news once, newest first', () => {
  fc.assert(
    fc.property(store, limits, fc.boolean(), (all, limit, full) => {
      const { reported } = allPages(() => all, { full, limit });
      const expected = all.filter((one) => full || one.lastSeq > one.deviceDeliveredSeq);
      expect(idsOf(reported).toSorted()).toEqual(idsOf(expected).toSorted());
      const keys = reported.map((one) => [-one.activityMs, one.conversationId] as const);
      const sorted = keys.toSorted(([a, x], [b, y]) => a - b || (x < y ? -1 : 1));
      expect(keys).toEqual(sorted);
    }),
    { seed: testSeed('sync pages') },
  );
});

test('[D4] a cursor misses nothing that was committed after it was issued, and reports nothing else', () => {
  fc.assert(
    fc.property(store, store, limits, (before, after, limit) => {
      const old = before.map((one) => ({ ...one, updatedAtMs: 0 }));
      const { cursor } = allPages(() => old, { full: true, limit });
      const newest = Number(positionOf(old));
      const grown = after.map((one) => ({ ...one, updatedAtMs: 0, lastCommit: one.lastCommit + newest + 1 }));
      const rest = old.filter(({ conversationId }) => !idsOf(grown).includes(conversationId));
      const { reported } = allPages(() => [...rest, ...grown], { cursor, limit });
      expect(idsOf(reported).toSorted()).toEqual(idsOf(grown).toSorted());
    }),
    { seed: testSeed('sync cursor') },
  );
});

test('[D4] commits between the pages of a sync are reported by the end of the next one', () => {
  fc.assert(
    fc.property(store, limits, fc.array(fc.nat(), { maxLength: 20 }), (all, limit, moved) => {
      const states: (readonly Stored[])[] = [all.map((one) => ({ ...one, updatedAtMs: 0 }))];
      const touched = new Set<ConversationId>();
      for (const [step, pick] of moved.entries()) {
        const last = states.at(-1) ?? [];
        const moving = last[pick % Math.max(1, last.length)];
        if (moving) touched.add(moving.conversationId);
        states.push(
          last.map((one) => (one === moving ? { ...one, activityMs: 100 + step, lastCommit: 100 + step } : one)),
        );
      }
      const final = states.at(-1) ?? [];
      const first = allPages((page) => states[page] ?? final, { full: true, limit });
      const second = allPages(() => final, { cursor: first.cursor, limit });
      expect(new Set([...idsOf(first.reported), ...idsOf(second.reported)])).toEqual(new Set(idsOf(all)));
      expect(new Set(idsOf(first.reported)).size).toBe(first.reported.length);
      const third = allPages(() => final, { cursor: second.cursor, limit });
      expect(third.reported).toEqual([]);
      for (const id of idsOf(second.reported)) expect(touched).toContain(id);
    }),
    { seed: testSeed('sync between pages') },
  );
});

const old: Stored = {
  conversationId: 'g:x' as ConversationId,
  lastSeq: 3 as Seq,
  lastCommit: 3,
  activityMs: 3,
  updatedAtMs: 10,
  deviceDeliveredSeq: 3 as Seq,
};

test('a change of the membership or read position is reported after the cursor', () => {
  const { cursor } = allPages(() => [old], { full: true, limit: 5, nowMs: 100 });
  const reportedWith = (updatedAtMs: number) =>
    allPages(() => [{ ...old, updatedAtMs }], { cursor, limit: 5, nowMs: 200 }).reported.length;
  expect([99, 100, 150].map(reportedWith)).toEqual([0, 1, 1]);
});

test('[D4] a cursor from the future reports everything instead of missing a change', () => {
  const { cursor } = allPages(() => [old], { full: true, limit: 5, nowMs: 1_000 });
  expect(allPages(() => [old], { cursor, limit: 5, nowMs: 1_000 }).reported).toHaveLength(0);
  expect(allPages(() => [old], { cursor, limit: 5, nowMs: 999 }).reported).toHaveLength(1);
});

test.each([
  '',
  'x',
  '1',
  '1~',
  '1~-2',
  '1~2~3',
  '1.5~2.5',
  '1~9007199254740993',
  '1~2~3~4~5~6~g:x',
  '1~2~0~4~5~x~g:x',
  "1~'; DROP TABLE entry; --",
])('the forged cursor %p is refused', (text) => {
  expect(decodeCursor(text)).toBeUndefined();
});
