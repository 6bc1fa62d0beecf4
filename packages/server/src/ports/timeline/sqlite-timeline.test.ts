// The SQLite timeline: the contract of every timeline, and the effects of disk failures and kills on its files.

import { Database } from 'bun:sqlite';
import { afterEach, beforeEach, expect, test } from 'bun:test';
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '@hongyan/base/log';
import { StoreFailure } from '@hongyan/base/result';
import { rejectionOf } from '@hongyan/testing/rejection';
import { renewEpoch } from './sqlite/heads-file.ts';
import type { TailLimits } from './sqlite/month-writer.ts';
import { openSqliteTimeline } from './sqlite-timeline.ts';
import { openSqliteTimelineReader } from './sqlite-timeline-reader.ts';
import { timelineContract } from './testing/contract.ts';
import {
  allOf,
  bounds,
  conversation,
  entries,
  entry,
  inMonth,
  key,
  outcomes,
  seq,
  seqsOf,
  startOf,
  user,
} from './testing/entries.ts';
import { tailOf } from './testing/tail-of.ts';
import type { Timeline } from './timeline.ts';

interface OpenOptions {
  readonly maxBytes?: number;
  readonly tailLimits?: TailLimits;
}

const open = (dir: string, options: OpenOptions = {}) =>
  openSqliteTimeline({ dir, log: silentLog, ...options, queueMax: 50_000, batchMax: 1_000 });

const newFolder = () => mkdtempSync(join(tmpdir(), 'hongyan-timeline-'));

// Once with all entries in the tail, and once with a tail so small that every read goes through both.
for (const options of [{}, { tailLimits: tailOf(2) }] as const satisfies readonly OpenOptions[]) {
  timelineContract(
    `sqlite timeline, ${options.tailLimits ? 'all but two entries sorted' : 'all entries in the tail'}`,
    async () => {
      const contractFolder = newFolder();
      let store = await open(contractFolder, options);
      return {
        timeline: store,
        feed: store.feed,
        async reopen() {
          await store.close();
          store = await open(contractFolder, options);
          return { timeline: store, feed: store.feed };
        },
        async remove() {
          await store.close();
          rmSync(contractFolder, { recursive: true });
        },
      };
    },
  );
}

let folder: string;
beforeEach(() => {
  folder = newFolder();
});
afterEach(() => rmSync(folder, { recursive: true }));

const [january, february, march] = ['2026-01', '2026-02', '2026-03'] as const;
const fileOf = (month: string) => `timeline-${month}.db`;
const logBytes = (path: string) => (existsSync(path) ? statSync(path).size : 0);
const storedFiles = () =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.db'))
    .toSorted();

test('[D1, D2, D3] resolved appends survive kill -9 without holes, and seqs continue after them', async () => {
  let last = 0;
  for (const more of [40, 90, 150]) {
    last = await writeUntilKilled(last + 1, last + more);
    const timeline = await open(folder);
    await expectWhole(timeline, last);
    const repeat = entry({ key: `a ${last}`, atMs: inMonth(0) });
    expect(outcomes(await timeline.append([repeat]))).toEqual([`duplicate ${2 * last - 1}`]);
    await timeline.close();
  }
}, 60_000);

/** Every conversation has all its seqs from the first to the last, and every batch that resolved is in them or was dropped. */
async function expectWhole(timeline: Timeline, lastBatch: number): Promise<void> {
  const perBatch = { 'g:1': ['a', 'c'], 'g:2': ['b'] };
  for (const [id, names] of Object.entries(perBatch)) {
    const range = await allOf(timeline, id);
    const size = range.lastSeq - range.firstSeq + 1;
    expect(seqsOf(range)).toEqual(Array.from({ length: size }, (_, index) => range.firstSeq + index));
    expect(range.lastSeq).toBeGreaterThanOrEqual(lastBatch * names.length);
    for (let batch = Math.ceil(range.firstSeq / names.length); batch <= lastBatch; batch++) {
      for (const [index, name] of names.entries()) {
        const found = await timeline.findByClientMsgId({ from: user('ann'), clientMsgId: key(`${name} ${batch}`) });
        if (found) expect(Number(found.seq)).toBe((batch - 1) * names.length + index + 1);
        else expect((batch - 1) * names.length + index + 1).toBeLessThan(range.firstSeq);
      }
    }
  }
}

/** The number of the last complete line that was printed before the kill at the line `enough`. */
async function writeUntilKilled(first: number, enough: number): Promise<number> {
  const program = join(import.meta.dir, 'testing/endless-writer.ts');
  const writer = Bun.spawn([process.execPath, program, folder, String(first)], { stdout: 'pipe', stderr: 'inherit' });
  const decoder = new TextDecoder();
  let text = '';
  let last = 0;
  for await (const chunk of writer.stdout) {
    text += decoder.decode(chunk, { stream: true });
    const lines = text.split('\n');
    text = lines.pop() ?? '';
    last = Number(lines.at(-1) ?? last);
    if (last >= enough) writer.kill('SIGKILL');
  }
  await writer.exited;
  expect(last).toBeGreaterThanOrEqual(enough);
  return last;
}

test('[D1] the log that a crash leaves is applied up to its last commit, without a torn rest', async () => {
  const running = await open(folder);
  await running.append(entries(3));
  await running.append(entries(2));
  const image = join(folder, 'image');
  mkdirSync(image);
  for (const name of storedFiles().flatMap((file) => [file, `${file}-wal`]))
    cpSync(join(folder, name), join(image, name));
  await running.close();
  const log = join(image, `${fileOf(january)}-wal`);
  appendFileSync(log, Buffer.alloc(10_000, 0x5a));
  const recovered = await open(image);
  expect(seqsOf(await allOf(recovered))).toEqual([1, 2, 3, 4, 5]);
  expect(outcomes(await recovered.append([entry()]))).toEqual(['committed 6']);
  await recovered.close();
  expect(logBytes(log)).toBe(0);
});

test('[D1] files that a crash left half-made do not stop the start', async () => {
  const timeline = await open(folder);
  await timeline.append(entries(3));
  await timeline.close();
  // The turn of the month made its file but not its tables; the removal of a month left its log.
  writeFileSync(join(folder, fileOf(february)), '');
  writeFileSync(join(folder, `${fileOf('2025-12')}-wal`), Buffer.alloc(10_000, 0x5a));
  const again = await open(folder);
  expect(outcomes(await again.append([entry({ atMs: inMonth(1) })]))).toEqual(['committed 4']);
  expect(seqsOf(await allOf(again))).toEqual([1, 2, 3, 4]);
  await again.close();
});

test('[D2] without the file of a begun month the store does not open, because its seqs would be assigned again', async () => {
  const timeline = await open(folder);
  for (const month of [0, 1, 2]) await timeline.append(entries(10, { atMs: inMonth(month) }));
  await timeline.close();
  for (const lost of [fileOf(february), fileOf(march)]) {
    const path = join(folder, lost);
    cpSync(path, join(folder, 'backup'));
    rmSync(path);
    expect(String(await rejectionOf(open(folder)))).toContain(`${path} is missing or empty`);
    writeFileSync(path, '');
    expect(String(await rejectionOf(open(folder)))).toContain(`${path} is missing or empty`);
    cpSync(join(folder, 'backup'), path);
  }
  // Retention counts the oldest month as removed.
  rmSync(join(folder, fileOf(january)));
  const again = await open(folder);
  expect(await bounds(again)).toEqual([11, 30]);
  expect(outcomes(await again.append([entry({ atMs: inMonth(2) })]))).toEqual(['committed 31']);
  await again.close();
});

test('[M18] a month is one file, and retention deletes it', async () => {
  const timeline = await open(folder);
  for (const month of [0, 1, 2]) await timeline.append(entries(100, { atMs: inMonth(month) }));
  expect(storedFiles()).toEqual(['heads.db', fileOf(january), fileOf(february), fileOf(march)]);
  // The file of a month that is over is complete by itself: it can be copied elsewhere.
  for (const month of [january, february]) expect(logBytes(join(folder, `${fileOf(month)}-wal`))).toBe(0);
  await timeline.retain({ fromMs: startOf(1) });
  expect(storedFiles()).toEqual(['heads.db', fileOf(february), fileOf(march)]);
  expect(readdirSync(folder).filter((name) => name.includes(january))).toEqual([]);
  await timeline.close();
});

test('[M18, D3] a month that cannot be deleted stays as it was, and the next retention deletes it', async () => {
  const timeline = await open(folder);
  await timeline.append([entry({ key: 'k' })]);
  await timeline.append([entry({ atMs: inMonth(1) })]);
  const [path, aside] = [join(folder, fileOf(january)), join(folder, 'aside')];
  // Open connections still read the file. Deleting it finds a folder in its place.
  renameSync(path, aside);
  mkdirSync(path);
  await rejectionOf(timeline.retain({ fromMs: startOf(1) }));
  rmdirSync(path);
  renameSync(aside, path);
  expect(outcomes(await timeline.append([entry({ key: 'k', atMs: inMonth(1) })]))).toEqual(['duplicate 1']);
  await timeline.retain({ fromMs: startOf(1) });
  expect(storedFiles()).toEqual(['heads.db', fileOf(february)]);
  expect(await bounds(timeline)).toEqual([2, 2]);
  await timeline.close();
});

test('[M18] the next start deletes the rest of a month whose deletion a crash interrupted', async () => {
  const timeline = await open(folder);
  await timeline.append([entry()]);
  const log = `${join(folder, fileOf(january))}-wal`;
  const left = readFileSync(log);
  await timeline.append([entry({ atMs: inMonth(1) })]);
  await timeline.retain({ fromMs: startOf(1) });
  await timeline.close();
  writeFileSync(log, left);
  const again = await open(folder);
  expect(existsSync(log)).toBe(false);
  expect(await bounds(again)).toEqual([2, 2]);
  await again.close();
});

test('a full store rejects whole batches as unavailable and accepts those that fit; with room it works again', async () => {
  const small = await open(folder, { maxBytes: 256 * 1024 });
  await small.append([entry()]);
  const big = [...entries(20, { in: 'g:2' }), ...entries(100, { content: JSON.stringify('x'.repeat(10_000)) })];
  const failure = await rejectionOf(small.append(big));
  expect(failure).toBeInstanceOf(StoreFailure);
  expect(failure).toMatchObject({ code: 'unavailable', sqliteCode: 'SQLITE_FULL' });
  expect(await bounds(small)).toEqual([1, 1]);
  expect(await bounds(small, 'g:2')).toEqual([1, 0]);
  expect(await small.findByClientMsgId(big[0] ?? entry())).toBeUndefined();
  expect(outcomes(await small.append([entry(), entry({ in: 'g:2' })]))).toEqual(['committed 2', 'committed 1']);
  await small.close();
  const large = await open(folder);
  expect(outcomes(await large.append(big)).at(-1)).toBe('committed 102');
  expect(await bounds(large, 'g:2')).toEqual([1, 21]);
  await large.close();
});

test('a store too full to sort its tail loses nothing, and sorts the tail when there is room', async () => {
  const small = await open(folder, { maxBytes: 256 * 1024, tailLimits: tailOf(20) });
  let committed = 0;
  for (let failure: unknown; failure === undefined; ) {
    failure = await rejectionOf(small.append([entry({ content: JSON.stringify('x'.repeat(3_000)) })]));
    if (failure === undefined) committed++;
    else expect(failure).toMatchObject({ code: 'unavailable', sqliteCode: 'SQLITE_FULL' });
  }
  expect(committed).toBeGreaterThan(20);
  expect(seqsOf(await allOf(small))).toHaveLength(committed);
  await small.close();
  const large = await open(folder, { tailLimits: tailOf(20) });
  expect(outcomes(await large.append([entry()]))).toEqual([`committed ${committed + 1}`]);
  expect(seqsOf(await allOf(large))).toHaveLength(committed + 1);
  await large.close();
});

test('[D2] a turn of the month that fails leaves the month before as the one being written', async () => {
  const timeline = await open(folder);
  await timeline.append(entries(2));
  const obstacle = join(folder, fileOf(february));
  mkdirSync(obstacle);
  for (let attempt = 0; attempt < 3; attempt++) {
    expect(await rejectionOf(timeline.append([entry({ atMs: inMonth(1) })]))).toHaveProperty('code', 'unavailable');
  }
  expect(outcomes(await timeline.append([entry()]))).toEqual(['committed 3']);
  rmdirSync(obstacle);
  expect(outcomes(await timeline.append([entry({ atMs: inMonth(1) })]))).toEqual(['committed 4']);
  await timeline.retain({ fromMs: startOf(1) });
  expect(outcomes(await timeline.append([entry({ atMs: inMonth(1) })]))).toEqual(['committed 5']);
  expect(seqsOf(await allOf(timeline))).toEqual([4, 5]);
  await timeline.close();
});

test('[D4] a position is never beyond a commit that reads do not show', async () => {
  const timeline = await open(folder, { tailLimits: tailOf(1) });
  await timeline.append([entry({ in: 'g:1' }), entry({ in: 'g:2' })]);
  const before = await timeline.position();
  const batch = [entry({ in: 'g:1' }), entry({ in: 'g:2' })] as const;
  const appended = timeline.append(batch);
  // This code does not yield, so that the writer commits and sorts while its answer cannot be received.
  let seen = await timeline.findByMsgId(batch[1].msgId);
  for (let reads = 1; !seen && reads < 1_000_000; reads++) seen = await timeline.findByMsgId(batch[1].msgId);
  expect(await timeline.position()).toBe(before);
  await appended;
  const ids = ['g:1', 'g:2'].map(conversation);
  expect([...(await timeline.changedSince(before, ids))]).toEqual(ids);
  expect(await timeline.position()).not.toBe(before);
  await timeline.close();
});

test('[D2] commits that are not answered yet are not read from the file, because they may be sorted in part', async () => {
  const first = await open(folder);
  await first.append([entry()]);
  await first.close();
  // Nothing of g:1 is in memory, so that reads look at the file.
  const timeline = await open(folder, { tailLimits: tailOf(1) });
  await timeline.heads([conversation('g:1')]);
  const appended = timeline.append([entry()]);
  // This code does not yield, so that the writer commits and sorts while its answer cannot be received.
  const file = new Database(join(folder, fileOf(january)), { readonly: true });
  const sorted = file.query<{ count: number }, []>('SELECT count(*) AS count FROM entry');
  let before = await allOf(timeline);
  for (let reads = 1; sorted.get()?.count !== 2 && reads < 1_000_000; reads++) before = await allOf(timeline);
  expect(sorted.get()).toEqual({ count: 2 });
  before = await allOf(timeline);
  file.close();
  expect({ seqs: seqsOf(before), lastSeq: before.lastSeq }).toEqual({ seqs: [1], lastSeq: seq(1) });
  await appended;
  const after = await allOf(timeline);
  expect({ seqs: seqsOf(after), lastSeq: after.lastSeq }).toEqual({ seqs: [1, 2], lastSeq: seq(2) });
  await timeline.close();
}, 60_000);

test('[D2] a folder of an earlier layout is refused with the reason', async () => {
  const db = new Database(join(folder, 'heads.db'));
  db.run('CREATE TABLE head(conversation_id TEXT PRIMARY KEY, last_seq INTEGER NOT NULL) WITHOUT ROWID');
  db.close();
  expect(String(await rejectionOf(open(folder)))).toContain('has layout 0 of the timeline');
  rmSync(join(folder, 'heads.db'));
  writeFileSync(join(folder, fileOf(january)), '');
  expect(String(await rejectionOf(open(folder)))).toContain('heads.db is missing');
});

test('[D4] positions are void after renewEpoch, and those beyond the end of a restored backup name everything', async () => {
  const id = conversation('g:1');
  const first = await open(folder);
  await first.append([entry()]);
  await first.close();
  const backup = newFolder();
  cpSync(folder, backup, { recursive: true });
  const second = await open(folder);
  await second.append([entry()]);
  const beyond = await second.position();
  expect([...(await second.changedSince(beyond, [id]))]).toEqual([]);
  await second.close();
  const restored = await open(backup);
  expect([...(await restored.changedSince(beyond, [id]))]).toEqual([id]);
  const { epoch } = restored;
  const position = await restored.position();
  await restored.close();
  renewEpoch(backup);
  const renewed = await open(backup);
  expect(renewed.epoch).not.toBe(epoch);
  expect([...(await renewed.changedSince(position, [id]))]).toEqual([id]);
  expect(seqsOf(await allOf(renewed))).toEqual([1]);
  await renewed.close();
  rmSync(backup, { recursive: true });
});

test('a reader beside the running store sees committed entries, sorted or not, and months that begin later', async () => {
  for (const options of [{}, { tailLimits: tailOf(2) }]) {
    const dir = newFolder();
    const timeline = await open(dir, options);
    const reader = openSqliteTimelineReader(dir);
    const drafts = ['ann', 'bob'].map((from) => entry({ key: 'k', from }));
    for (const month of [0, 1]) {
      await timeline.append([...entries(5, { atMs: inMonth(month) }), entry({ in: 'g:2', atMs: inMonth(month) })]);
    }
    await timeline.append(drafts.map((draft) => ({ ...draft, timestampMs: inMonth(1) })));
    const request = { conversationId: conversation('g:1'), afterSeq: seq(0), limit: 100 };
    expect(await reader.range(request)).toEqual(await timeline.range(request));
    expect(seqsOf(await reader.range(request))).toHaveLength(12);
    expect(await reader.segments(request.conversationId)).toEqual(await timeline.segments(request.conversationId));
    expect(await reader.heads([conversation('g:2')])).toEqual(await timeline.heads([conversation('g:2')]));
    const found = await reader.findAllByClientMsgId(key('k'));
    expect(found.map(({ from }) => from)).toEqual(['ann', 'bob'].map(user));
    expect(await reader.findByMsgId(found[0]?.msgId ?? entry().msgId)).toEqual(found[0]);
    await timeline.close();
    expect(await reader.position()).toStartWith(`${reader.epoch}.`);
    reader.close();
    rmSync(dir, { recursive: true });
  }
});
