import { expect, test } from 'bun:test';
import type { ConversationId, Seq } from '@hongyan/protocol/ids';
import { testSeed } from '@hongyan/testing/seed';
import fc from 'fast-check';
import { decodeCursor, encodeCursor, type SyncCandidate, selectPage } from './sync.ts';

const candidate = fc.record({
  conversationId: fc.stringMatching(/^g:[a-z0-9]{1,12}$/) as fc.Arbitrary<ConversationId>,
  lastSeq: fc.nat(20) as unknown as fc.Arbitrary<Seq>,
  lastPosition: fc.nat(50),
  updatedAtMs: fc.nat(1000),
  deviceDeliveredSeq: fc.nat(20) as unknown as fc.Arbitrary<Seq>,
});
const candidates = fc.uniqueArray(candidate, { selector: (c) => c.conversationId, maxLength: 40 });

function allPages(from: readonly SyncCandidate[], request: { cursor?: string; full: boolean; limit: number }) {
  const told: SyncCandidate[] = [];
  let cursor = request.cursor === undefined ? undefined : decodeCursor(request.cursor);
  for (let pages = 0; pages < 100; pages++) {
    const selected = selectPage(from, { cursor, full: request.full, limit: request.limit, nowMs: 5000 });
    told.push(...selected.page);
    cursor = decodeCursor(encodeCursor(selected.cursor));
    if (!selected.hasMore) return { told, cursor: encodeCursor(selected.cursor) };
  }
  throw new Error('the pages never end');
}

test('[D4] pages of any size tell every conversation that is ahead, once, newest first', () => {
  fc.assert(
    fc.property(candidates, fc.integer({ min: 1, max: 7 }), fc.boolean(), (all, limit, full) => {
      const { told } = allPages(all, { full, limit });
      const expected = all.filter((c) => full || c.lastSeq > c.deviceDeliveredSeq);
      expect(new Set(told)).toEqual(new Set(expected));
      expect(told.length).toBe(expected.length);
      const positions = told.map((c) => c.lastPosition);
      expect(positions).toEqual([...positions].sort((a, b) => b - a));
    }),
    { seed: testSeed('sync pages') },
  );
});

test('[D4] a cursor misses nothing that was committed after it was given', () => {
  fc.assert(
    fc.property(candidates, candidates, fc.integer({ min: 1, max: 7 }), (before, after, limit) => {
      const { cursor } = allPages(before, { full: true, limit });
      const newest = Math.max(0, ...before.map((c) => c.lastPosition));
      const grown = after.map((c) => ({ ...c, lastPosition: c.lastPosition + newest + 1 }));
      const { told } = allPages([...before.map((c) => ({ ...c, updatedAtMs: 0 })), ...grown], {
        cursor,
        full: false,
        limit,
      });
      expect(new Set(told)).toEqual(new Set(grown));
    }),
    { seed: testSeed('sync cursor') },
  );
});

test('a change of the own membership or read position is told after the cursor', () => {
  const old = {
    conversationId: 'g:x' as ConversationId,
    lastSeq: 3 as Seq,
    lastPosition: 3,
    deviceDeliveredSeq: 3 as Seq,
  };
  const { cursor } = selectPage([{ ...old, updatedAtMs: 10 }], { cursor: undefined, full: true, limit: 5, nowMs: 100 });
  const select = (updatedAtMs: number) =>
    selectPage([{ ...old, updatedAtMs }], { cursor, full: false, limit: 5, nowMs: 200 }).page.length;
  expect([select(99), select(100), select(150)]).toEqual([0, 1, 1]);
});

test.each([
  '',
  'x',
  '1',
  '1~',
  '1~-2',
  '1~2~3',
  '1.5~2',
  '9007199254740993~1',
  '1~2~3~4~5~f',
  "1~'; DROP TABLE entry; --",
])('the forged cursor %p is refused', (text) => {
  expect(decodeCursor(text)?.paging).toBeUndefined();
  if (text !== '1~') expect(decodeCursor(text)).toBeUndefined();
});
