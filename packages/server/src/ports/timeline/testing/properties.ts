// The timeline against the simplest model there can be: any sequence of appends, reopens and drops gives what a list in memory gives.

import { expect, test } from 'bun:test';
import { testSeed } from '@hongyan/testing/seed';
import fc from 'fast-check';
import type { AppendResult, Month, NewEntry, StoredEntry, Timeline } from '../timeline.ts';
import { conversation, entry, seq } from './entries.ts';
import type { TimelineUnderTest } from './under-test.ts';

const conversationIds = ['g:1', 'g:2', 'd:ann:bob'].map(conversation);
const runsMax = 25;

type Step =
  | {
      readonly type: 'append';
      /** How far the clock moved since the step before; it may step back. */
      readonly days: number;
      readonly batch: readonly { readonly in: string; readonly from: string; readonly key: string }[];
    }
  | { readonly type: 'drop'; readonly which: number }
  | { readonly type: 'reopen' };

const sends = fc.record({
  in: fc.constantFrom(...conversationIds),
  from: fc.constantFrom('ann', 'bob'),
  key: fc.constantFrom('a', 'b', 'c', 'm', 'y', 'z', '\uffff', '\u{10000}'),
});
const steps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      type: fc.constant('append' as const),
      days: fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: -70, max: 0 })),
      batch: fc.array(sends, { maxLength: 6 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('drop' as const), which: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('reopen' as const) }) },
);

export function timelineProperties(make: () => Promise<TimelineUnderTest>): void {
  test('[D2, D3, D5] appends, months, drops and reopens in any order give what a list in memory gives', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(steps, { maxLength: 25 }), async (script) => {
        const made = await make();
        try {
          await play(made, script);
        } finally {
          await made.remove();
        }
      }),
      { seed: testSeed('timeline model'), numRuns: runsMax },
    );
  }, 120_000);
}

interface Kept extends NewEntry {
  readonly seq: number;
  readonly month: Month;
}

interface Model {
  nowMs: number;
  /** Oldest first; the last one is being written. */
  months: Month[];
  kept: Kept[];
  readonly lastSeqs: Map<string, number>;
}

async function play(made: TimelineUnderTest, script: readonly Step[]): Promise<void> {
  let { timeline } = made;
  const model: Model = { nowMs: Date.UTC(2026, 5, 20), months: [], kept: [], lastSeqs: new Map() };
  for (const step of script) {
    if (step.type === 'reopen') timeline = await made.reopen();
    else if (step.type === 'drop') await drop(timeline, model, step.which);
    else await append(timeline, model, step);
    await expectSame(timeline, model);
  }
}

async function append(timeline: Timeline, model: Model, step: Step & { type: 'append' }): Promise<void> {
  model.nowMs += step.days * 86_400_000;
  const batch = step.batch.map((send) => entry({ ...send, atMs: model.nowMs }));
  const expected = batch.map((one) => appendToModel(model, one));
  expect((await timeline.append(batch)).map(plain)).toEqual(expected);
}

function appendToModel(model: Model, one: NewEntry): unknown {
  const wanted = new Date(model.nowMs).toISOString().slice(0, 7);
  const newest = model.months.at(-1);
  if (newest === undefined || wanted > newest) model.months.push(wanted);
  const first = model.kept.find((kept) => kept.from === one.from && kept.clientMsgId === one.clientMsgId);
  if (first) return { type: 'duplicate', ...withoutMonth(first) };
  const last = (model.lastSeqs.get(one.conversationId) ?? 0) + 1;
  model.lastSeqs.set(one.conversationId, last);
  const kept = { ...one, seq: last, month: model.months.at(-1) ?? '' };
  model.kept.push(kept);
  return { type: 'committed', ...withoutMonth(kept) };
}

const plain = ({ type, entry: { position, ...stored } }: AppendResult): unknown => ({ type, ...stored });
const withoutMonth = ({ month, ...kept }: Kept): object => kept;
const withoutPosition = ({ position, ...stored }: StoredEntry): object => stored;

/** Only the oldest goes, and never the one being written. */
async function drop(timeline: Timeline, model: Model, which: number): Promise<void> {
  const month = model.months[which];
  if (month === undefined) return;
  const outcome = await timeline.dropMonth(month).then(
    () => 'dropped',
    () => 'kept',
  );
  const isAllowed = which === 0 && model.months.length > 1;
  expect(outcome).toBe(isAllowed ? 'dropped' : 'kept');
  if (!isAllowed) return;
  model.months = model.months.slice(1);
  model.kept = model.kept.filter((kept) => kept.month !== month);
}

async function expectSame(timeline: Timeline, model: Model): Promise<void> {
  expect(await timeline.months()).toEqual(model.months);
  const positions: number[] = [];
  for (const conversationId of conversationIds) {
    const kept = model.kept.filter((one) => one.conversationId === conversationId);
    const lastSeq = model.lastSeqs.get(conversationId) ?? 0;
    const firstSeq = kept[0]?.seq ?? lastSeq + 1;
    const [head] = await timeline.heads([conversationId]);
    expect<unknown>({ ...head, lastPosition: 0 }).toEqual({ conversationId, firstSeq, lastSeq, lastPosition: 0 });
    const range = await timeline.range({ conversationId, afterSeq: seq(0), limit: 1_000 });
    expect<unknown>({ ...range, entries: range.entries.map(withoutPosition) }).toEqual({
      entries: kept.map(withoutMonth),
      firstSeq,
      lastSeq,
      hasMore: false,
    });
    const newest = (await timeline.lastEntries([conversationId])).get(conversationId);
    expect<unknown>(newest).toEqual(range.entries.at(-1));
    if (newest) expect(head?.lastPosition).toBe(newest.position);
    positions.push(...range.entries.map((one) => one.position));
  }
  expect(new Set(positions).size).toBe(positions.length);
  await expectFound(timeline, model);
}

/** By key and by id; a page of two from the middle must be what the list has there. */
async function expectFound(timeline: Timeline, model: Model): Promise<void> {
  for (const kept of model.kept.slice(-4)) {
    const found = await timeline.findByClientMsgId(kept);
    expect<unknown>(found && withoutPosition(found)).toEqual(withoutMonth(kept));
    expect<unknown>(await timeline.findByMsgId(kept.msgId)).toEqual(found);
    const before = await timeline.range({
      conversationId: kept.conversationId,
      beforeSeq: seq(kept.seq),
      limit: 2,
    });
    const older = model.kept.filter((one) => one.conversationId === kept.conversationId && one.seq < kept.seq);
    expect<unknown>(before.entries.map(withoutPosition)).toEqual(older.slice(-2).map(withoutMonth));
    expect(before.hasMore).toBe(older.length > 2);
  }
}
