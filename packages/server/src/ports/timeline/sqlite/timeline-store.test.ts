// The writing side, step by step: between any two steps of a drain, a crash or a reader finds no entry lost or duplicated.

import { Database } from 'bun:sqlite';
import { afterEach, beforeEach, describe, expect, spyOn, test } from 'bun:test';
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assert } from '@hongyan/base/assert';
import { silentLog } from '@hongyan/base/log';
import { openSqliteTimeline } from '../sqlite-timeline.ts';
import { openSqliteTimelineReader } from '../sqlite-timeline-reader.ts';
import { allOf, change, entries, entry, historyOf, inMonth, outcomes, seqsOf, startOf } from '../testing/entries.ts';
import { readAll } from '../testing/feed-contract.ts';
import { tailOf } from '../testing/tail-of.ts';
import type { NewEntry } from '../timeline.ts';
import { positionOf } from './month.ts';
import { MonthReader } from './month-reader.ts';
import { StoreView } from './store-view.ts';
import { type TimelineOp, type TimelineResult, toAppendOp } from './timeline-op.ts';
import { TimelineStore } from './timeline-store.ts';

let folder: string;
let store: TimelineStore;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hongyan-store-'));
  store = new TimelineStore({ folder, tailLimits: tailOf(20) });
});
afterEach(() => {
  store.close();
  rmSync(folder, { recursive: true });
});

function commit(batch: readonly NewEntry[]): void {
  const op = toAppendOp(batch);
  store.begin([op]);
  store.apply(op);
  store.commit();
}

const [january, february] = ['timeline-2026-01.db', 'timeline-2026-02.db'] as const;

/** What a crash leaves: the files and their logs as they are now. */
function copyTo(image: string, month: string): void {
  for (const name of ['heads.db', month].flatMap((file) => [file, `${file}-wal`])) {
    cpSync(join(folder, name), join(image, name));
  }
}

async function expectWhole(dir: string, batch: readonly NewEntry[]): Promise<void> {
  const reader = openSqliteTimelineReader(dir);
  const inOne = (id: string) => batch.filter((one) => one.conversationId === id).map((one) => one.msgId);
  for (const id of ['g:1', 'g:2']) {
    const request = { conversationId: entry({ in: id }).conversationId, limit: 100, withTargeted: true };
    const after = await reader.range({ ...request, afterSeq: seqZero });
    expect(after.entries.map((one) => one.msgId)).toEqual(inOne(id));
    const before = await reader.range({ ...request, beforeSeq: (after.lastSeq + 1) as typeof after.lastSeq });
    expect(before).toEqual(after);
    const [segment] = await reader.segments(request.conversationId);
    expect(segment).toEqual({ name: '2026-01', firstSeq: after.firstSeq, lastSeq: after.lastSeq });
  }
  for (const { target, ...one } of batch) {
    const found = await reader.findByMsgId(one.msgId);
    expect(found).toMatchObject(one);
    expect(found?.targetSeq).toBe(target?.seq);
    expect(await reader.findByClientMsgId(one)).toEqual(found);
    expect(await reader.findAllByClientMsgId(one.clientMsgId)).toHaveLength(1);
  }
  reader.close();
}

const seqZero = 0 as Parameters<ReturnType<typeof openSqliteTimelineReader>['range']>[0]['afterSeq'];

test('[D1, D2, D3] a crash between any two steps of sorting loses nothing and doubles nothing', async () => {
  const batch = [
    ...entries(12),
    change(2),
    ...entries(12, { in: 'g:2' }),
    change(2),
    change(3, { in: 'g:2' }),
    entry(),
  ];
  commit(batch);
  for (let step = 0, isMoreLeft = true; isMoreLeft; step++) {
    const image = join(folder, `image ${step}`);
    copyTo(image, january);
    await expectWhole(image, batch);
    const recovered = await openSqliteTimeline({
      dir: image,
      log: silentLog,
      queueMax: 100,
      batchMax: 100,
      tailLimits: tailOf(20),
    });
    const again = [...batch].reverse();
    expect(outcomes(await recovered.append(again)).every((outcome) => outcome.startsWith('duplicate'))).toBe(true);
    expect(outcomes(await recovered.append([entry()]))).toEqual(['committed 16']);
    const all = await historyOf(recovered);
    expect(all.map((one) => Number(one.seq))).toEqual(Array.from({ length: 16 }, (_, index) => index + 1));
    expect(all.at(-1)?.count).toBe(14);
    const fed = await readAll(recovered.feed, await recovered.feed.start());
    expect(fed.entries.slice(0, -1).map((one) => one.msgId)).toEqual(batch.map((one) => one.msgId));
    await recovered.close();
    isMoreLeft = store.upkeep();
    await expectWhole(folder, batch);
  }
}, 60_000);

test('[D3] at each step of sorting a repeat is found, and only where its first entry is', () => {
  store.close();
  store = new TimelineStore({ folder, tailLimits: tailOf(2_500) });
  // More than a step deletes, so that part of them has left the tail while the others are in it.
  const first = [...entries(2_500), change(2)];
  commit(first);
  const later: NewEntry[] = [];
  const sorted = new Set<number>();
  for (let isMoreLeft = true; isMoreLeft; isMoreLeft = store.upkeep()) {
    const undone = toAppendOp([entry()]);
    store.begin([undone]);
    store.apply(undone);
    store.rollback();
    const next = entry();
    commit([next]);
    later.push(next);
    const repeats = [0, 1, 998, 999, 1_000, 1_001, 1_999, 2_000, 2_499, 2_500].map((index) => first[index]);
    const op = toAppendOp([...repeats, later[0], next].filter((one) => one !== undefined));
    store.begin([op]);
    const result = store.apply(op);
    store.commit();
    assert(result.type === 'appended', 'entries are appended');
    expect(result.duplicates).toHaveLength(12);
    for (const duplicate of result.duplicates)
      if (duplicate.type === 'in_tail') expect(duplicate.p).toBeGreaterThan(result.sortedThrough);
    sorted.add(result.duplicates.filter(({ type }) => type === 'sorted').length);
  }
  // None, those of the first step, those of the second one too, all of the drain: the first of the later ones came before it.
  expect([...sorted]).toEqual([0, 4, 7, 11]);
});

test('[D3] duplicates are found even when a failing disk prevents the sorted keys from being read', () => {
  const first = entries(25);
  commit(first);
  const reading = spyOn(MonthReader.prototype, 'keyRange').mockImplementationOnce(() => {
    throw Object.assign(new Error('disk I/O error'), { code: 'SQLITE_IOERR_READ' });
  });
  try {
    while (store.upkeep());
    expect(reading).toHaveBeenCalled();
    while (store.upkeep());
  } finally {
    reading.mockRestore();
  }
  const again = toAppendOp(first);
  store.begin([again]);
  const result = store.apply(again);
  store.commit();
  expect(result).toMatchObject({ outcomes: first.map((_, index) => -1 - index) });
});

test('[D2, D4, D5] while changes are sorted after the messages around them, reads of older entries leave none of them out', async () => {
  const first = [...entries(20), change(2)];
  commit(first);
  while (store.upkeep());
  const second = [entry(), change(3), entry(), change(4), entry({ in: 'g:2' }), ...entries(20)];
  commit(second);
  for (let isMoreLeft = true; isMoreLeft; isMoreLeft = store.upkeep()) await expectWhole(folder, [...first, ...second]);
  await expectWhole(folder, [...first, ...second]);
}, 60_000);

test('[D2] a month whose sorting a crash interrupted is finished even when a later month exists', async () => {
  const batch = entries(30);
  commit(batch);
  store.upkeep();
  const image = join(folder, 'image');
  copyTo(image, january);
  commit([entry({ atMs: inMonth(1) })]);
  copyTo(image, february);
  const recovered = await openSqliteTimeline({ dir: image, log: silentLog, queueMax: 100, batchMax: 100 });
  expect(seqsOf(await allOf(recovered))).toEqual(Array.from({ length: 31 }, (_, index) => index + 1));
  const [repeat] = await recovered.append([
    { ...entry({ atMs: inMonth(1) }), clientMsgId: batch[29]?.clientMsgId ?? entry().clientMsgId },
  ]);
  expect(repeat?.type).toBe('duplicate');
  await recovered.close();
});

test('[D2] a row of the tail whose place has another entry stops the writer', () => {
  commit(entries(1));
  const image = join(folder, 'image');
  copyTo(image, january);
  const path = join(image, 'timeline-2026-01.db');
  const db = new Database(path);
  db.run(`INSERT INTO entry(n, p, msg_id, sender_no, client_msg_id, timestamp, content, count, is_counted)
          SELECT (conversation_no << 32) | seq, p + 1, 'm', sender_no, 'k', timestamp, content, count, is_counted FROM tail`);
  db.close();
  const damaged = new TimelineStore({ folder: image, tailLimits: tailOf(1) });
  expect(() => {
    while (damaged.upkeep());
  }).toThrow('the same rows [D2]');
});

test('[D5] the end of the commits is not beyond the tail when entries are committed and sorted between the looks at both', () => {
  commit([entry()]);
  const lastP = MonthReader.prototype.lastP;
  const looking = spyOn(MonthReader.prototype, 'lastP').mockImplementationOnce(function (this: MonthReader) {
    commit(entries(30, { in: 'g:2' }));
    while (store.upkeep());
    return lastP.call(this);
  });
  const view = new StoreView(folder);
  looking.mockRestore();
  try {
    expect(view.end).toBe(positionOf('2026-01', view.shownThrough('2026-01')));
    view.reload();
    expect(view.end).toBe(positionOf('2026-01', 31));
  } finally {
    view.close();
  }
});

test('in the last minutes of a month a sixteenth of the rows is sorted already, so that its turn finds few', () => {
  store.close();
  let nowMs = startOf(1) - 6 * 60_000;
  store = new TimelineStore(
    { folder, tailLimits: { ...tailOf(80), rowsPerConversationMin: 12 } },
    { nowMs: () => nowMs },
  );
  // Too many conversations for so few rows: the tail waits for half of what it may hold.
  const batch = (rows: number) => Array.from({ length: rows }, (_, index) => entry({ in: `g:${index}` }));
  commit(batch(19));
  expect(store.upkeep()).toBe(false);
  nowMs += 2 * 60_000;
  while (store.upkeep());
  commit(batch(4));
  expect(store.upkeep()).toBe(false);
  expect(transactionIn(store, toAppendOp(batch(1)))).toMatchObject({ sortedThrough: 19 });
  while (store.upkeep());
  nowMs = startOf(1);
  commit(batch(5));
  expect(store.upkeep()).toBe(false);
  expect(transactionIn(store, toAppendOp(batch(1)))).toMatchObject({ sortedThrough: 24 });
});

describe('the heads of a month that is over', () => {
  const ids = ['g:1', 'g:2', 'g:3', 'g:4', 'g:5', 'g:6', 'g:7'];
  const oneInEach = (month: number) => ids.map((id) => entry({ in: id, atMs: inMonth(month) }));
  const reopen = (dir = folder) => new TimelineStore({ folder: dir, headsPerStep: 2 });

  function takenOver(): number {
    const db = new Database(join(folder, 'heads.db'));
    const found = db.query<{ count: number }, []>('SELECT count(*) AS count FROM head').get()?.count ?? 0;
    db.close();
    return found;
  }

  test('are copied by upkeep, and no append waits for them', () => {
    store.close();
    store = reopen();
    commit(oneInEach(0));
    commit([entry({ in: 'g:4', atMs: inMonth(1) })]);
    const counts = [takenOver()];
    while (store.upkeep()) counts.push(takenOver());
    expect([...new Set(counts)]).toEqual([0, 2, 4, 6, 7]);
  });

  for (const months of [1, 2])
    test(`[D2] between two steps, a crash or a retention causes no seq to be assigned again: ${months} months at once`, () => {
      store.close();
      store = reopen();
      commit([...oneInEach(0), ...oneInEach(0)]);
      for (let month = 1; month <= months; month++) commit([entry({ in: 'g:4', atMs: inMonth(month) })]);
      const seqs = ids.map((id) => (id === 'g:4' ? 3 + months : 3));
      for (let step = 0, isMore = true; isMore; step++) {
        for (const retains of [false, true]) {
          const image = join(folder, `image ${step} ${retains}`);
          for (const name of readdirSync(folder))
            if (/\.db(-wal)?$/.test(name)) cpSync(join(folder, name), join(image, name));
          const recovered = reopen(image);
          if (retains) transactionIn(recovered, { type: 'retain', fromMs: inMonth(months) });
          const result = transactionIn(recovered, toAppendOp(oneInEach(months)));
          expect(result).toMatchObject({ outcomes: seqs, counts: seqs });
          recovered.close();
        }
        isMore = store.upkeep();
      }
      transactionIn(store, { type: 'retain', fromMs: inMonth(months) });
      expect(transactionIn(store, toAppendOp(oneInEach(months)))).toMatchObject({ outcomes: seqs, counts: seqs });
    });

  test('[D2] a retention between two steps takes over the rest before it removes the month', () => {
    store.close();
    store = reopen();
    commit(oneInEach(0));
    commit([entry({ in: 'g:4', atMs: inMonth(1) })]);
    store.upkeep();
    transactionIn(store, { type: 'retain', fromMs: inMonth(1) });
    expect(takenOver()).toBe(7);
    const seqs = ids.map((id) => (id === 'g:4' ? 3 : 2));
    expect(transactionIn(store, toAppendOp(oneInEach(1)))).toMatchObject({ outcomes: seqs, counts: seqs });
  });

  test('[D5] are not needed for the end of the commits: a month without an entry, since its first batch failed, is not the end', async () => {
    commit(oneInEach(0));
    const before = openSqliteTimelineReader(folder);
    const end = await before.position();
    before.close();
    const op = toAppendOp([entry({ atMs: inMonth(1) })]);
    store.begin([op]);
    store.apply(op);
    store.rollback();
    const reader = openSqliteTimelineReader(folder);
    expect(await reader.position()).toBe(end);
    reader.close();
  });
});

function transactionIn(into: TimelineStore, op: TimelineOp): TimelineResult {
  into.begin([op]);
  const result = into.apply(op);
  into.commit();
  return result;
}
