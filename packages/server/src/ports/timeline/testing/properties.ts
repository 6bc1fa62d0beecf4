// The timeline against the simplest model: any sequence of appends, reopens and retentions has the same results as a list in memory.

import { expect, test } from 'bun:test';
import type { ConversationId, Seq } from '@hongyan/protocol/ids';
import { testSeed } from '@hongyan/testing/seed';
import fc from 'fast-check';
import type { Feed } from '../feed.ts';
import type { AppendResult, NewEntry, Position, StoredEntry, Timeline } from '../timeline.ts';
import { change, conversation, entry, erasure, pinning, seq, user } from './entries.ts';
import { byConversation, readAll } from './feed-contract.ts';
import { TimelineModel } from './model.ts';
import type { Opened, TimelineUnderTest } from './under-test.ts';

const conversationIds = ['g:1', 'g:2', 'd:ann:bob'].map(conversation);
const uuids = ['0190a7c4-6f2e-7abc-8def-0123456789ab', '0190a7c4-6f2e-7abd-8def-0123456789ab'];
const dayMs = 86_400_000;

interface Send {
  readonly in: string;
  readonly from: string;
  readonly key?: string;
  readonly kind: 'message' | 'notice' | 'change' | 'pin' | 'erasure';
  readonly mentioned?: readonly string[] | 'all' | undefined;
  /** Picks the message that is changed: the newest for 0. */
  readonly which?: number;
  readonly needsPrevious?: boolean;
}

type Step =
  | {
      readonly type: 'append';
      /** How far the clock moved since the step before; it may step back. */
      readonly days: number;
      /** Batches whose appends do not wait for each other. */
      readonly batches: readonly (readonly Send[])[];
    }
  | { readonly type: 'retain'; readonly daysBack: number }
  | { readonly type: 'remember' }
  | { readonly type: 'reopen' };

const places = {
  in: fc.constantFrom(...conversationIds),
  from: fc.constantFrom('ann', 'bob'),
  key: fc.constantFrom('a', 'b', 'c', 'm', 'y', 'z', '\uffff', '\u{10000}', ...uuids),
  needsPrevious: fc.boolean(),
};
const sends: fc.Arbitrary<Send> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      ...places,
      kind: fc.constantFrom('message' as const, 'notice' as const),
      mentioned: fc.constantFrom(undefined, undefined, ['ann'], ['bob', 'eve', 'bob'], 'all' as const),
    }),
  },
  {
    weight: 4,
    // With a separate key, because otherwise most entries would be duplicates.
    arbitrary: fc.record({
      in: places.in,
      from: places.from,
      needsPrevious: places.needsPrevious,
      kind: fc.constantFrom('change' as const, 'change' as const, 'pin' as const, 'erasure' as const),
      which: fc.nat({ max: 1_000 }),
    }),
  },
);
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

export function timelineProperties(make: () => Promise<TimelineUnderTest>, { runs }: { readonly runs: number }): void {
  test('[D2, D3, D4, D5, E1, E5] appends, retentions and reopens in any order give the same results as a list in memory', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(steps, { maxLength: 25 }), async (script) => {
        const underTest = await make();
        try {
          await new Play(underTest).run(script);
        } finally {
          await underTest.remove();
        }
      }),
      { seed: testSeed('timeline model'), numRuns: runs },
    );
  }, 300_000);
}

/** What a reader had seen when it took its position. */
interface Remembered {
  readonly position: Position;
  readonly count: number;
}

class Play {
  readonly #underTest: TimelineUnderTest;
  readonly #model = new TimelineModel(conversationIds);
  #opened: Opened;
  #nowMs = Date.UTC(2026, 5, 20);
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
      for (const conversationId of conversationIds) {
        await this.#expectSame(conversationId);
        await this.#expectSameMessages(conversationId);
        await this.#expectFound(this.#model.kept(conversationId).slice(-4));
      }
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
        this.#remembered.push({ position: await this.#timeline.position(), count: this.#model.all.length });
        return;
      case 'reopen':
        this.#opened = await this.#underTest.reopen();
    }
  }

  /** An entry that a later batch erases may be answered either way: contents are compared by the reads. */
  async #append(step: Step & { type: 'append' }): Promise<void> {
    this.#nowMs += step.days * dayMs;
    const expected: AppendResult[][] = [];
    const batches = step.batches.map((sent) => {
      const results: AppendResult[] = [];
      expected.push(results);
      let isPreviousAppended = false;
      return sent.map((one, index) => {
        const given = this.#entryOf({ ...one, needsPrevious: index > 0 && one.needsPrevious === true });
        if (given.needsPrevious && !isPreviousAppended) return given;
        const result = this.#model.append(given);
        isPreviousAppended = result.type === 'committed';
        results.push(result);
        return given;
      });
    });
    const appended = await Promise.all(batches.map((batch) => this.#timeline.append(batch)));
    const withoutContents = (results: readonly AppendResult[]) =>
      results.map(({ type, entry: { contentJson, referencesJson, ...rest } }) => ({ type, ...rest }));
    expect<unknown>(appended.map(withoutContents)).toEqual(expected.map(withoutContents));
  }

  #entryOf({ which = 0, kind, mentioned, ...send }: Send): NewEntry {
    const draft = { ...send, atMs: this.#nowMs };
    const messages = this.#model.kept(send.in).filter((one) => one.isCounted);
    const target = messages.at(-1 - (which % Math.max(1, messages.length)));
    if (kind === 'message') return entry({ ...draft, ...(mentioned && { mentioned }) });
    if (kind === 'notice' || !target) return entry({ ...draft, isCounted: false });
    if (kind === 'pin') return pinning(target.seq, true, draft);
    return kind === 'change' ? change(target.seq, draft) : erasure(target.seq, draft);
  }

  /** The adapter chooses how much it removes, but it must remove only older entries, and a prefix of each conversation. */
  async #retain(fromMs: number): Promise<void> {
    const before = new Map(conversationIds.map((id) => [id, this.#model.kept(id)]));
    await this.#timeline.retain({ fromMs });
    for (const { conversationId, firstSeq } of await this.#timeline.heads(conversationIds)) {
      const removed = before.get(conversationId)?.filter((one) => one.seq < firstSeq) ?? [];
      for (const one of removed) expect(one.timestampMs).toBeLessThan(fromMs);
      this.#model.remove(conversationId, firstSeq);
    }
  }

  async #expectSame(conversationId: ConversationId): Promise<void> {
    const kept = this.#model.kept(conversationId);
    const head = this.#model.head(conversationId);
    const { firstSeq, lastSeq } = head;
    expect(await this.#timeline.heads([conversationId])).toEqual([head]);
    const request = { conversationId, afterSeq: seq(0), limit: 1_000 };
    const ends = { firstSeq, lastSeq, hasMore: false };
    expect(await this.#timeline.range({ ...request, withTargeted: true })).toEqual({ entries: kept, ...ends });
    expect(await this.#timeline.range(request)).toEqual({ entries: kept.filter(isUntargeted), ...ends });
    const newest = (await this.#timeline.lastCounted([conversationId])).get(conversationId);
    expect(newest).toEqual(kept.findLast((one) => one.isCounted));
  }

  /** States and unread messages, from every place. */
  async #expectSameMessages(conversationId: ConversationId): Promise<void> {
    const { lastSeq } = this.#model.head(conversationId);
    const middle = Math.floor(lastSeq / 2);
    for (const [from, through] of [
      [0, lastSeq],
      [1, middle],
      [middle, lastSeq + 1],
    ] as const) {
      const range = { conversationId, fromSeq: seq(from), throughSeq: seq(through) };
      const [states] = await this.#timeline.states([range]);
      const inOrder = [...(states ?? [])].toSorted(([a], [b]) => a - b);
      expect(inOrder).toEqual(this.#model.states(conversationId, from, through));
    }
    const seqs = Array.from({ length: lastSeq + 2 }, (_, index) => seq(index));
    const counts = await this.#timeline.countAfter(seqs.map((one) => ({ conversationId, seq: one })));
    expect(counts).toEqual(seqs.map((one) => this.#model.countAfter(conversationId, one)));
    for (const userId of ['ann', 'nobody'].map(user)) {
      const mentions = await this.#timeline.mentionsAfter(seqs.map((one) => ({ conversationId, userId, seq: one })));
      expect(mentions).toEqual(seqs.map((one) => this.#model.mentionsAfter(conversationId, userId, one)));
    }
    expect(await this.#timeline.pinned(conversationId)).toEqual(this.#model.pinned(conversationId));
    const kept = this.#model.kept(conversationId);
    const at = (one: Seq) => kept.find((entry) => entry.seq === one && entry.isCounted);
    expect(await this.#timeline.messagesAt(seqs.map((one) => ({ conversationId, seq: one })))).toEqual(seqs.map(at));
  }

  /** By key and by id; pages of two messages from the middle must be what the list has there. */
  async #expectFound(some: readonly StoredEntry[]): Promise<void> {
    for (const one of some) {
      expect(await this.#timeline.findByClientMsgId(one)).toEqual(one);
      expect(await this.#timeline.findByMsgId(one.msgId)).toEqual(one);
      for (const withTargeted of [false, true]) await this.#expectPages(one, withTargeted);
    }
  }

  async #expectPages({ conversationId, seq: middle }: StoredEntry, withTargeted: boolean): Promise<void> {
    const all = this.#model.kept(conversationId).filter((one) => withTargeted || isUntargeted(one));
    const older = all.filter((one) => one.seq < middle).toReversed();
    const newer = all.filter((one) => one.seq > middle);
    for (const uncountedMax of [undefined, 1]) {
      const limits = { withTargeted, limit: 2, ...(uncountedMax === undefined ? {} : { uncountedMax }) };
      const request = { conversationId, ...limits };
      const before = await this.#timeline.range({ ...request, beforeSeq: middle });
      const expectedBefore = pageOf(older, limits);
      expect(before.entries).toEqual(expectedBefore.toReversed());
      expect(before.hasMore).toBe(older.length > expectedBefore.length);
      const after = await this.#timeline.range({ ...request, afterSeq: middle });
      const expectedAfter = pageOf(newer, limits);
      expect(after.entries).toEqual(expectedAfter);
      expect(after.hasMore).toBe(newer.length > expectedAfter.length);
    }
  }

  /** [D4] No conversation that changed since a position is left out. */
  async #expectChanges(): Promise<void> {
    for (const { position, count } of this.#remembered) {
      const changed = await this.#timeline.changedSince(position, conversationIds);
      for (const { conversationId } of this.#model.all.slice(count)) expect(changed).toContain(conversationId);
    }
    const now = await this.#timeline.position();
    expect([...(await this.#timeline.changedSince(now, conversationIds))]).toEqual([]);
  }

  /** From every position: the retained entries that were appended after it, in order, and a gap when some of them were removed. */
  async #expectFeed(): Promise<void> {
    for (const { position, count } of this.#remembered) {
      const after = this.#model.all.slice(count);
      const isKept = (one: StoredEntry) => this.#model.isKept(one);
      const page = await readAll(this.#feed, position, 7);
      expect(byConversation(page.entries)).toEqual(byConversation(after.filter(isKept)));
      expect(page.hasGap).toBe(!after.every(isKept));
    }
  }
}

const isUntargeted = (one: StoredEntry): boolean => one.targetSeq === undefined;

/** The first entries of a list, as many as the limits of a page let in. */
function pageOf(
  list: readonly StoredEntry[],
  { withTargeted, limit, uncountedMax = limit }: { withTargeted: boolean; limit: number; uncountedMax?: number },
): StoredEntry[] {
  const isCounted = (one: StoredEntry) => withTargeted || one.isCounted;
  const end = list.findIndex((_, index) => {
    const counted = list.slice(0, index).filter(isCounted).length;
    const through = list.slice(0, index + 1);
    return counted === limit || through.length - through.filter(isCounted).length > uncountedMax;
  });
  return end < 0 ? [...list] : list.slice(0, end);
}
