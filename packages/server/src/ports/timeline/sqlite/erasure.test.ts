// Erased contents in the files of the SQLite timeline: no byte remains, and an erasure that a crash or a full disk interrupts is completed
// [E5].

import { Database } from 'bun:sqlite';
import { afterEach, beforeEach, expect, test } from 'bun:test';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '@hongyan/base/log';
import { rejectionOf } from '@hongyan/testing/rejection';
import { openSqliteTimeline } from '../sqlite-timeline.ts';
import {
  allOf,
  change,
  conversation,
  entries,
  entry,
  erased,
  erasure,
  historyOf,
  inMonth,
  seq,
} from '../testing/entries.ts';
import { tailOf } from '../testing/tail-of.ts';
import type { NewEntry, Timeline } from '../timeline.ts';
import type { TailLimits } from './month-writer.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hongyan-erasure-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const open = (tailLimits?: TailLimits, dir = folder) =>
  openSqliteTimeline({ dir, log: silentLog, tailLimits, queueMax: 50_000, batchMax: 1_000 });

const short = JSON.stringify({ type: 'text', text: 'SECRET' });
/** Much larger than a page, so that most of it is in overflow pages. */
const long = JSON.stringify({ type: 'text', text: 'SECRET'.repeat(5_000) });

/** The names of the files that contain the text. */
const holding = (text: string, dir = folder): string[] =>
  readdirSync(dir)
    .filter((name) => name.includes('.db') && readFileSync(join(dir, name)).includes(text))
    .toSorted();

/** In the tail while it is large, in the sorted tables when it is drained at once. */
const places = { 'in the tail': undefined, sorted: tailOf(1) } as const;

for (const [place, tailLimits] of Object.entries(places)) {
  for (const [size, content] of Object.entries({ short, long })) {
    for (const [where, months] of Object.entries({
      'one month': [0, 0, 0],
      'older months': [0, 1, 2],
      'an older month with edits in the newest': [0, 1, 1],
    })) {
      test(`[E5] no file holds an erased content after close: ${size}, ${place}, ${where}`, async () => {
        const timeline = await open(tailLimits);
        const [first, second, third] = months.map((month) => ({ atMs: inMonth(month) }));
        await timeline.append([...entries(3, first), entry({ content, ...first }), ...entries(3, first)]);
        await timeline.append([change(4, { content, state: content, ...first })]);
        await timeline.append([entry({ ...second }), change(4, { content, state: content, ...second })]);
        await timeline.append([change(4, { content, state: content, ...third }), erasure(4, third)]);
        expect(contentsOf(await historyOf(timeline))).not.toContain(content);
        await timeline.close();
        expect(holding('SECRET')).toEqual([]);
        const again = await open(tailLimits);
        expect((await allOf(again)).entries[3]?.contentJson).toBe(erased);
        await again.close();
      });
    }
  }
}

for (const [place, tailLimits] of Object.entries(places)) {
  test(`[E5] entries that supersede each other are erased one by one, in whatever month: ${place}`, async () => {
    const timeline = await open(tailLimits);
    await timeline.append([entry({ content: short, isCounted: false, atMs: inMonth(0) })]);
    for (const [index, month] of [0, 1, 1, 2].entries()) {
      const target = { seq: index + 1, state: '{}', erased };
      await timeline.append([entry({ content: index === 3 ? '{}' : short, target, atMs: inMonth(month) })]);
    }
    expect(contentsOf(await historyOf(timeline))).toEqual([erased, erased, erased, erased, '{}']);
    await timeline.close();
    expect(holding('SECRET')).toEqual([]);
    const again = await open(tailLimits);
    expect(contentsOf(await historyOf(again))).toEqual([erased, erased, erased, erased, '{}']);
    await again.close();
  });
}

const contentsOf = (found: readonly { readonly contentJson: string }[]) => found.map((one) => one.contentJson);

test('[E5] a row is erased in both forms while it is sorted', async () => {
  // The state after a crash in the middle of a drain: every row is in the tail, and some are in the sorted tables too.
  const timeline = await open();
  await timeline.append([entry(), entry({ content: short }), change(2, { content: short })]);
  const image = imageOf('image', '2026-01');
  await timeline.close();
  const db = new Database(join(image, 'timeline-2026-01.db'));
  const columns = 'p, msg_id, sender_no, client_msg_id, timestamp, content, count';
  const n = '(conversation_no << 32) |';
  db.run(`INSERT INTO entry(n, ${columns}, is_counted)
          SELECT ${n} seq, ${columns}, is_counted FROM tail WHERE target_seq IS NULL`);
  db.run(`INSERT INTO change(n, ${columns}, target)
          SELECT ${n} seq, ${columns}, ${n} target_seq FROM tail WHERE target_seq IS NOT NULL`);
  db.close();
  const recovered = await open(undefined, image);
  await recovered.append([erasure(2)]);
  await recovered.close();
  expect(holding('SECRET', image)).toEqual([]);
});

test('[E5] an erasure in an older month that a crash interrupted is completed at the next start', async () => {
  const { image } = await beforeErasure();
  const db = new Database(join(image, 'timeline-2026-02.db'));
  db.query(
    `INSERT INTO pending_erasure(conversation_no, seq, by_seq, content) SELECT no, 2, 5, ? FROM conversation WHERE id = 'g:1'`,
  ).run(erased);
  db.close();
  expect(holding('SECRET', image)).not.toEqual([]);
  const recovered = await open(undefined, image);
  expect(contentsOf(await historyOf(recovered)).filter((content) => content === erased)).toHaveLength(2);
  await recovered.close();
  expect(holding('SECRET', image)).toEqual([]);
});

test('[E5] an erasure in an older month that cannot be opened is completed later', async () => {
  const timeline = await open();
  await fill(timeline);
  const [path, aside] = [join(folder, 'timeline-2026-01.db'), join(folder, 'aside')];
  // Open connections still read the file. A new connection finds a folder in its place.
  renameSync(path, aside);
  mkdirSync(path);
  await timeline.append([erasure(2, { atMs: inMonth(1) })]);
  expect(await unread(timeline)).toBe(2);
  rmSync(path, { recursive: true });
  renameSync(aside, path);
  await timeline.append([entry({ atMs: inMonth(1) })]);
  expect(contentsOf(await historyOf(timeline))).not.toContain(short);
  await timeline.close();
  expect(holding('SECRET')).toEqual([]);
});

test('[E1, E5] a batch that is rolled back leaves counts, states and contents as they were', async () => {
  for (const tailLimits of Object.values(places)) {
    const dir = mkdtempSync(join(folder, 'small-'));
    const options = { dir, log: silentLog, queueMax: 50_000, batchMax: 1_000, tailLimits, maxBytes: 256 * 1024 };
    const small = await openSqliteTimeline(options);
    await small.append([...entries(2), change(1, { state: 'a' })]);
    const tooLarge = entries(100, { content: JSON.stringify('x'.repeat(10_000)) });
    const batch = [entry(), change(2), erasure(1), entry({ isCounted: false }), ...tooLarge];
    expect(await rejectionOf(small.append(batch))).toMatchObject({ code: 'unavailable' });
    const [result] = await small.append([entry()]);
    expect(result?.entry).toMatchObject({ seq: seq(4), count: 3 });
    expect(contentsOf(await historyOf(small))).not.toContain(erased);
    expect(await unread(small)).toBe(3);
    await small.close();
    const again = await open(undefined, dir);
    expect((await again.heads([conversation('g:1')]))[0]).toMatchObject({ lastSeq: seq(4), lastCount: 3 });
    expect(await unread(again)).toBe(3);
    await again.close();
  }
});

const unread = async (timeline: Timeline) =>
  (await timeline.countAfter([{ conversationId: conversation('g:1'), seq: seq(0) }]))[0] ?? Number.NaN;

async function fill(timeline: Timeline): Promise<void> {
  const batch: NewEntry[] = [entry(), entry({ content: short }), change(2, { content: short, state: short })];
  await timeline.append(batch);
  await timeline.append([entry({ atMs: inMonth(1) })]);
}

/** An image of a store with a message to be erased in its closed month. */
async function beforeErasure(): Promise<{ readonly image: string }> {
  const timeline = await open();
  await fill(timeline);
  await timeline.close();
  return { image: imageOf('image', '2026-01', '2026-02') };
}

function imageOf(name: string, ...months: readonly string[]): string {
  const image = join(folder, name);
  mkdirSync(image);
  for (const file of ['heads', ...months.map((month) => `timeline-${month}`)].flatMap((one) => [
    `${one}.db`,
    `${one}.db-wal`,
  ])) {
    if (existsSync(join(folder, file))) cpSync(join(folder, file), join(image, file));
  }
  return image;
}
