// The timeline against the simplest model there can be: any sequence of appends, reopens and retentions gives what a list in memory gives.

import { expect, test } from 'bun:test';
import { testSeed } from '@hongyan/testing/seed';
import fc from 'fast-check';
import type { Feed } from '../feed.ts';
import type { AppendResult, NewEntry, Position, StoredEntry, Timeline } from '../timeline.ts';
import { conversation, entry, seq } from './entries.ts';
import { readAll } from './feed-contract.ts';
import type { Opened, TimelineUnderTest } from './under-test.ts';

const conversationIds = ['g:1', 'g:2', 'd:ann:bob'].map(conversation);
const uuids = ['0190a7c4-6f2e-7abc-8def-0123456789ab', '0190a7c4-6f2e-7abd-8def-0123456789ab'];
const runsMax = 25;
const dayMs = 86_400_000;

type Step =
  | {
      readonly type: 'append';
      /** How far the clock moved since the step before; it may step back. */
      readonly days: number;
      /** Batches whose appends do not wait for each other. */
      readonly batches: readonly (readonly { readonly in: string; readonly from: string; readonly key: string }[])[];
    }
  | { readonly type: 'retain'; readonly daysBack: number }
  | { readonly type: 'remember' }
  | { readonly type: 'reopen' };

const sends = fc.record({
  in: fc.constantFrom(...conversationIds),
  from: fc.constantFrom('ann', 'bob'),
  key: fc.constantFrom('a', 'b', 'c', 'm', 'y', 'z', '\uffff', '\u{10000}', ...uuids),
});
const steps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      type: fc.constant('append' as const),
      days: fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: -70, max: 0 })),
      batches: fc.array(fc.array(sends, { maxLength: 6 }), { minLength: 1, maxLength: 3 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constant('retain' as const), daysBack: fc.integer({ min: -20, max: 120 }) }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('remember' as const) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('reopen' as const) }) },
);

export function timelineProperties(make: () => Promise<TimelineUnderTest>): void {
  test('[D2, D3, D4, D5] appends, retentions and reopens in any order give what a list in memory gives', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(steps, { maxLength: 25 }), async (script) => {
        const underTest = await make();
        try {
          await new Play(underTest).run(script);
        } finally {
          await underTest.remove();
        }
      }),
      { seed: testSeed('timeline model'), numRuns: runsMax },
    );
  }, 120_000);
}

/** What a reader had seen when it took its position. */
interface Remembered {
  readonly position: Position;
  readonly count: number;
}

class Play {
  readonly #underTest: TimelineUnderTest;
  #opened: Opened;
  #nowMs = Date.UTC(2026, 5, 20);
  /** In the order of commits. */
  readonly #all: StoredEntry[] = [];
  /** Raised by retention. */
  readonly #firstSeqs = new Map<string, number>();
  readonly #remembered: Remembered[] = [];

  constructor(underTest: TimelineUnderTest) {
    this.#underTest = underTest;
    this.#opened = underTest;
  }

  get #timeline(): Timeline {
    return this.#opened.timeline;
  }

  get #feed(): Feed {
    return this.#opened.feed;
  }

  async run(script: readonly Step[]): Promise<void> {
    this.#remembered.push({ position: await this.#feed.start(), count: 0 });
    for (const step of script) {
      await this.#take(step);
      await this.#expectSame();
      await this.#expectChanges();
      await this.#expectFeed();
    }
  }

  async #take(step: Step): Promise<void> {
    switch (step.type) {
      case 'append':
        return this.#append(step);
      case 'retain':
        return this.#retain(this.#nowMs - step.daysBack * dayMs);
      case 'remember':
        this.#remembered.push({ position: await this.#timeline.position(), count: this.#all.length });
        return;
      case 'reopen':
        this.#opened = await this.#underTest.reopen();
    }
  }

  #kept(conversationId: string): StoredEntry[] {
    const firstSeq = this.#firstSeqs.get(conversationId) ?? 1;
    return this.#all.filter((one) => one.conversationId === conversationId && one.seq >= firstSeq);
  }

  #lastSeq(conversationId: string): number {
    return this.#all.findLast((one) => one.conversationId === conversationId)?.seq ?? 0;
  }

  async #append(step: Step & { type: 'append' }): Promise<void> {
    this.#nowMs += step.days * dayMs;
    const batches = step.batches.map((batch) => batch.map((send) => entry({ ...send, atMs: this.#nowMs })));
    const expected = batches.map((batch) => batch.map((one) => this.#appendToModel(one)));
    expect(await Promise.all(batches.map((batch) => this.#timeline.append(batch)))).toEqual(expected);
  }

  #appendToModel(one: NewEntry): AppendResult {
    const isFirst = (kept: StoredEntry) => kept.from === one.from && kept.clientMsgId === one.clientMsgId;
    const first = conversationIds.flatMap((id) => this.#kept(id)).find(isFirst);
    if (first) return { type: 'duplicate', entry: first };
    const stored = { ...one, seq: seq(this.#lastSeq(one.conversationId) + 1) };
    this.#all.push(stored);
    return { type: 'committed', entry: stored };
  }

  /** How much goes is the adapter's choice; that only older entries go, and a prefix of each conversation, is not. */
  async #retain(fromMs: number): Promise<void> {
    const before = new Map(conversationIds.map((id) => [id, this.#kept(id)]));
    await this.#timeline.retain({ fromMs });
    for (const { conversationId, firstSeq } of await this.#timeline.heads(conversationIds)) {
      const removed = before.get(conversationId)?.filter((one) => one.seq < firstSeq) ?? [];
      for (const one of removed) expect(one.timestampMs).toBeLessThan(fromMs);
      this.#firstSeqs.set(conversationId, firstSeq);
    }
  }

  async #expectSame(): Promise<void> {
    for (const conversationId of conversationIds) {
      const kept = this.#kept(conversationId);
      const lastSeq = this.#lastSeq(conversationId);
      const firstSeq = kept[0]?.seq ?? lastSeq + 1;
      const lastTimestampMs = this.#all.findLast((one) => one.conversationId === conversationId)?.timestampMs ?? 0;
      const [head] = await this.#timeline.heads([conversationId]);
      expect<unknown>(head).toEqual({ conversationId, firstSeq, lastSeq, lastTimestampMs });
      const range = await this.#timeline.range({ conversationId, afterSeq: seq(0), limit: 1_000 });
      expect<unknown>(range).toEqual({ entries: kept, firstSeq, lastSeq, hasMore: false });
      const newest = (await this.#timeline.lastEntries([conversationId])).get(conversationId);
      expect(newest).toEqual(kept.at(-1));
      await this.#expectFound(kept.slice(-4));
    }
  }

  /** By key and by id; a page of two from the middle must be what the list has there. */
  async #expectFound(some: readonly StoredEntry[]): Promise<void> {
    for (const one of some) {
      expect(await this.#timeline.findByClientMsgId(one)).toEqual(one);
      expect(await this.#timeline.findByMsgId(one.msgId)).toEqual(one);
      const { conversationId } = one;
      const before = await this.#timeline.range({ conversationId, beforeSeq: one.seq, limit: 2 });
      const older = this.#kept(conversationId).filter((other) => other.seq < one.seq);
      expect(before.entries).toEqual(older.slice(-2));
      expect(before.hasMore).toBe(older.length > 2);
    }
  }

  /** [D4] No conversation that changed since a position is left out. */
  async #expectChanges(): Promise<void> {
    for (const { position, count } of this.#remembered) {
      const changed = await this.#timeline.changedSince(position, conversationIds);
      for (const { conversationId } of this.#all.slice(count)) expect(changed).toContain(conversationId);
    }
    const now = await this.#timeline.position();
    expect([...(await this.#timeline.changedSince(now, conversationIds))]).toEqual([]);
  }

  /** From every position: what was appended after it and is kept, in order; a gap when some of it is not. */
  async #expectFeed(): Promise<void> {
    const isKept = (one: StoredEntry) => one.seq >= (this.#firstSeqs.get(one.conversationId) ?? 1);
    for (const { position, count } of this.#remembered) {
      const after = this.#all.slice(count);
      const page = await readAll(this.#feed, position, 7);
      expect(page.entries).toEqual(after.filter(isKept));
      expect(page.hasGap).toBe(!after.every(isKept));
    }
  }
}
