// A SQLite timeline that is imported while it is written: every read has equal results on both sides, and old positions stay valid.

import { afterAll, afterEach, beforeAll, beforeEach, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@hongyan/base/clock';
import { silentLog } from '@hongyan/base/log';
import { systemRandom } from '@hongyan/base/random';
import { createRandom, testSeed } from '@hongyan/testing/seed';
import { describeWith } from '@hongyan/testing/services';
import { TimelineDatabase } from './mysql/testing/timeline-database.ts';
import { MysqlTimelineImport } from './mysql-timeline-import.ts';
import { openSqliteTimeline, type SqliteTimelineStore } from './sqlite-timeline.ts';
import { SqliteTimelineExport } from './sqlite-timeline-export.ts';
import {
  allOf,
  change,
  conversation,
  entry,
  erased,
  erasure,
  historyOf,
  inMonth,
  pinning,
  seq,
  startOf,
  user,
} from './testing/entries.ts';
import type { NewEntry, TimelineReads } from './timeline.ts';

const ids = ['g:1', 'g:2', 'd:ann:bob'].map(conversation);
const pageSize = 7;
const batchSize = 5;

setDefaultTimeout(60_000);

describeWith(['mysql'], 'a timeline that is moved', (addresses) => {
  let database: TimelineDatabase;
  let folder: string;
  let source: SqliteTimelineStore;
  let exporting: SqliteTimelineExport;
  let importing: MysqlTimelineImport;

  const open = () =>
    MysqlTimelineImport.open(
      { mysql: database.address, clock: systemClock, random: systemRandom, log: silentLog },
      (id) => id.length % 16,
    );
  const openSource = () => openSqliteTimeline({ dir: folder, log: silentLog, queueMax: 1_000, batchMax: 100 });

  beforeAll(async () => {
    database = await TimelineDatabase.make(addresses);
  });
  afterAll(() => database.remove());
  beforeEach(async () => {
    await database.empty();
    folder = mkdtempSync(join(tmpdir(), 'hongyan-move-'));
    source = await openSource();
    exporting = new SqliteTimelineExport(folder);
    importing = await open();
  });
  afterEach(async () => {
    exporting.close();
    await importing.close();
    await database.closeAll();
    await source.close();
    rmSync(folder, { recursive: true });
  });

  async function begin(): Promise<void> {
    await importing.begin({ epoch: exporting.epoch, removedThrough: exporting.removedThrough() });
    await importing.addEnded(exporting.ended('', 1_000));
  }

  async function copy(): Promise<void> {
    for (let after = (await importing.state())?.through ?? 0; ; ) {
      const page = exporting.page(after, pageSize);
      if (page === undefined) return;
      await importing.add(page, { after });
      after = page.through;
    }
  }

  async function expectSame(): Promise<void> {
    const there = importing.reads(exporting.epoch);
    for (const read of reads) expect(await read(there)).toEqual(await read(source));
  }

  /** With everything that may be done to a message. */
  async function write(random: () => number, count: number, month: number): Promise<void> {
    for (let written = 0; written < count; written += batchSize) {
      const id = ids[Math.floor(random() * ids.length)] ?? 'g:1';
      const { entries } = await source.range({ conversationId: conversation(id), afterSeq: seq(0), limit: 1_000 });
      const messages = entries.filter((one) => one.isCounted).map((one) => one.seq);
      await source.append(Array.from({ length: batchSize }, () => draft(random, { id, messages, month })));
    }
  }

  test('[O27] entries from before and during the move, and of another month, are equal on both sides', async () => {
    const random = createRandom(testSeed('moved timeline'));
    await write(random, 60, 0);
    await begin();
    await copy();
    await expectSame();
    await write(random, 60, 0);
    await write(random, 60, 1);
    await copy();
    await expectSame();
    await source.close();
    source = await openSource();
    await write(random, 40, 2);
    await copy();
    await expectSame();
  });

  test('[O27] a message of an older month that is erased while it is moved is erased on both sides', async () => {
    await source.append([entry({ mentioned: ['ann'] }), entry(), change(1)]);
    await begin();
    await copy();
    await source.append([erasure(1, { atMs: inMonth(1) })]);
    await copy();
    await expectSame();
    const contents = (await historyOf(await database.open())).map((one) => one.contentJson);
    expect([contents[0], contents[2]]).toEqual([erased, erased]);
  });

  test('[O27] seqs continue after removed months', async () => {
    await source.append([entry({ in: 'g:1' }), entry({ in: 'g:2' }), entry({ in: 'g:2' })]);
    await source.append([entry({ in: 'g:1', atMs: inMonth(1) })]);
    await source.append([entry({ in: 'd:ann:bob', atMs: inMonth(2) })]);
    await source.retain({ fromMs: startOf(1) });
    await begin();
    await copy();
    await expectSame();
    await importing.complete(exporting.end());
    const moved = await database.open();
    const outcomes = await moved.append([
      entry({ in: 'g:1', atMs: inMonth(2) }),
      entry({ in: 'g:2', atMs: inMonth(2) }),
    ]);
    expect(outcomes.map((one) => one.entry.seq)).toEqual([seq(3), seq(3)]);
  });

  test('[O28] a position from before the move reports later changes, and none at its end', async () => {
    await source.append([entry({ in: 'g:1' })]);
    const first = await source.position();
    await source.append([entry({ in: 'g:2' })]);
    const last = await source.position();
    await begin();
    for (let after = 0, page = exporting.page(0, 1); page; after = page.through, page = exporting.page(after, 1))
      await importing.add(page, { after });
    await importing.complete(exporting.end());
    const moved = await database.open();
    expect(moved.epoch).toBe(source.epoch);
    expect([...(await moved.changedSince(first, ids))]).toEqual([conversation('g:2')]);
    expect([...(await moved.changedSince(last, ids))]).toEqual([]);
    await moved.append([entry({ in: 'd:ann:bob' })]);
    expect([...(await moved.changedSince(last, ids))]).toEqual([conversation('d:ann:bob')]);
    const [epoch, number] = last.split('.');
    expect((await moved.changedSince(`${epoch}.${Number(number) + 1}` as typeof last, ids)).size).toBe(ids.length);
  });

  test('[W1][O28] any feed position is translated into one that returns exactly the entries after it', async () => {
    const random = createRandom(testSeed('moved feed'));
    const positions = [await source.feed.start()];
    for (const month of [0, 0, 1, 2]) {
      await write(random, 20, month);
      positions.push(await source.position());
    }
    for (let number = 0; number < 20; number++) {
      const after = positions[Math.floor(random() * positions.length)] ?? (await source.feed.start());
      positions.push((await source.feed.read({ after, limit: 1 + Math.floor(random() * 40) })).position);
    }
    await begin();
    await copy();
    const [epoch] = (await source.position()).split('.');
    const foreign = `${epoch}.${exporting.end() + 1}` as (typeof positions)[number];
    const between = (after: number, through: number) => exporting.between(after, through);
    const translated = (position: (typeof positions)[number]) =>
      importing.feedPositionOf(position, { epoch: exporting.epoch, between });
    expect(await translated(foreign)).toBe(foreign);
    const here = await Promise.all(positions.map(translated));
    await importing.complete(exporting.end());
    const moved = await database.open();
    for (const [index, after] of positions.entries()) {
      const there = await source.feed.read({ after, limit: 1_000 });
      const told = await moved.feed.read({ after: here[index] ?? after, limit: 1_000 });
      const idsOf = ({ entries }: typeof there) => entries.map(({ msgId }) => msgId).toSorted();
      expect(idsOf(told)).toEqual(idsOf(there));
      expect(told.hasGap).toBe(there.hasGap);
    }
  });

  test('[W2] a feed position from before the removed entries is translated into one with a gap', async () => {
    const first = await source.feed.start();
    await source.append([entry()]);
    await source.append([entry({ atMs: inMonth(1) })]);
    await source.retain({ fromMs: startOf(1) });
    await begin();
    await copy();
    const between = (after: number, through: number) => exporting.between(after, through);
    const here = await importing.feedPositionOf(first, { epoch: exporting.epoch, between });
    await importing.complete(exporting.end());
    const told = await (await database.open()).feed.read({ after: here, limit: 10 });
    expect({ hasGap: told.hasGap, count: told.entries.length }).toEqual({ hasGap: true, count: 1 });
  });

  test('[D3] a key of before the move is known after it', async () => {
    const repeated = entry({ key: 'once' });
    await source.append([repeated]);
    await begin();
    await copy();
    await importing.complete(exporting.end());
    const moved = await database.open();
    const [again] = await moved.append([{ ...repeated, msgId: entry().msgId }]);
    expect(again).toMatchObject({ type: 'duplicate', entry: { msgId: repeated.msgId } });
    expect((await allOf(moved)).lastSeq).toBe(seq(1));
  });

  test('[O27] a page is imported once, whichever process imports it', async () => {
    await source.append([entry(), entry()]);
    await begin();
    const page = exporting.page(0, 10);
    if (page === undefined) throw new Error('there are two entries');
    await importing.add(page, { after: 0 });
    await expect(importing.add(page, { after: 0 })).rejects.toThrow('does another hongyan migrate run?');
    await expectSame();
  });
});

const reads: readonly ((reads: TimelineReads) => Promise<unknown>)[] = [
  (there) => there.heads(ids),
  ...ids.map((conversationId) => async (there: TimelineReads) => {
    const { entries } = await there.range({ conversationId, afterSeq: seq(0), limit: 1_000, withTargeted: true });
    return Promise.all(entries.map(async (one) => [one, await there.findByMsgId(one.msgId)]));
  }),
  (there) => there.lastCounted(ids),
  (there) => there.states(ids.map((conversationId) => ({ conversationId, fromSeq: seq(1), throughSeq: seq(1_000) }))),
  ...ids.map((id) => (there: TimelineReads) => there.pinned(id)),
  (there) => there.countAfter(ids.map((conversationId) => ({ conversationId, seq: seq(0) }))),
  (there) =>
    there.mentionsAfter(
      ['ann', 'bob'].flatMap((name) =>
        ids.map((conversationId) => ({ conversationId, seq: seq(0), userId: user(name) })),
      ),
    ),
];

interface Place {
  readonly id: string;
  readonly messages: readonly number[];
  readonly month: number;
}

function draft(random: () => number, { id, messages, month }: Place): NewEntry {
  const at = { in: id, atMs: inMonth(month) };
  const kind = random();
  const target = messages[Math.floor(random() * messages.length)];
  if (target === undefined || kind < 0.5)
    return entry({ ...at, ...(kind < 0.2 && { mentioned: kind < 0.1 ? 'all' : ['ann'] }) });
  if (kind < 0.6) return erasure(target, at);
  if (kind < 0.75) return pinning(target, random() < 0.6, at);
  if (kind < 0.8) return entry({ ...at, isCounted: false });
  return change(target, at);
}
