// The contract of a timeline that several cores write: claims, positions, and writers that believe to own the same conversation.

import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { assert } from '@hongyan/base/assert';
import { rejectionOf } from '@hongyan/testing/rejection';
import { createRandom, testSeed } from '@hongyan/testing/seed';
import type { LogPosition } from '../../../domain/fence.ts';
import type { NewEntry, SharedTimeline } from '../timeline.ts';
import {
  allOf,
  bounds,
  change,
  conversation,
  entries,
  entry,
  inMonth,
  outcomes,
  pinning,
  seq,
  seqsOf,
} from './entries.ts';

export interface SharedUnderTest {
  /** Another handle on the same data, as of another process. */
  open(): Promise<SharedTimeline>;
  /** Closes all handles and removes the data. */
  remove(): Promise<void>;
}

export function sharedTimelineContract(make: () => Promise<SharedUnderTest>): void {
  let underTest: SharedUnderTest;
  let one: SharedTimeline;
  let two: SharedTimeline;
  beforeEach(async () => {
    underTest = await make();
    [one, two] = await Promise.all([underTest.open(), underTest.open()]);
  });
  afterEach(() => underTest.remove());
  const fenced = { name: 'Fenced', code: 'unavailable' };

  describe('claims', () => {
    test('a partition begins at 0, each claim has a newer epoch, and the position is where its last batch left it', async () => {
      const first = await one.claim(7);
      expect(first).toMatchObject({ partition: 7, offset: 0, publishedOffset: 0 });
      await one.append([entry()], { ...first, offset: 3, publishedOffset: 1 });
      const second = await two.claim(7);
      expect(second).toMatchObject({ partition: 7, offset: 3, publishedOffset: 1 });
      expect(second.epoch).toBeGreaterThan(first.epoch);
      expect(await two.claim(8)).toMatchObject({ partition: 8, offset: 0 });
    });

    test('the position is of the batch: also of an empty one, or of repeats alone, and of none that was rejected', async () => {
      const fence = await one.claim(1);
      const first = entry();
      await one.append([first], { ...fence, offset: 1, publishedOffset: 0 });
      expect(outcomes(await one.append([first], { ...fence, offset: 2, publishedOffset: 1 }))).toEqual(['duplicate 1']);
      expect(await one.append([], { ...fence, offset: 5, publishedOffset: 2 })).toEqual([]);
      expect(await rejectionOf(one.append([change(100)], { ...fence, offset: 9, publishedOffset: 9 }))).toBeInstanceOf(
        Error,
      );
      const next = await two.claim(1);
      expect(next).toMatchObject({ offset: 5, publishedOffset: 2 });
      // [K8] A log that was created anew begins at 0.
      await two.append([], { ...next, offset: 1, publishedOffset: 0 });
      expect(await one.claim(1)).toMatchObject({ offset: 1, publishedOffset: 0 });
    });

    test('an older owner writes nothing, not even its position', async () => {
      const older = await one.claim(2);
      await one.append([entry()], { ...older, offset: 1, publishedOffset: 1 });
      const newer = await two.claim(2);
      for (const batch of [[entry()], []])
        expect(await rejectionOf(one.append(batch, { ...older, offset: 2, publishedOffset: 2 }))).toMatchObject(fenced);
      const state = {
        conversationId: conversation('g:1'),
        seq: seq(1),
        asOfSeq: seq(1),
        stateJson: '1',
        isPinned: true,
      };
      expect(await rejectionOf(one.setState(state, older))).toMatchObject(fenced);
      expect(await two.pinned(conversation('g:1'))).toEqual([]);
      expect(outcomes(await two.append([entry()], { ...newer, offset: 2, publishedOffset: 1 }))).toEqual([
        'committed 2',
      ]);
      await two.setState(state, newer);
      expect(await one.pinned(conversation('g:1'))).toEqual([seq(1)]);
      expect(await one.claim(2)).toMatchObject({ offset: 2 });
    });

    test('a fence without a position is checked, and moves nothing', async () => {
      const { partition, epoch } = await one.claim(3);
      expect(outcomes(await one.append([entry()], { partition, epoch }))).toEqual(['committed 1']);
      expect(await two.claim(3)).toMatchObject({ offset: 0 });
      expect(await rejectionOf(one.append([entry()], { partition, epoch }))).toMatchObject(fenced);
    });

    test('a partition that was never claimed has no owner', async () => {
      const never = { partition: 4, epoch: 1, offset: 1, publishedOffset: 1 };
      expect(await rejectionOf(one.append([entry()], never))).toMatchObject(fenced);
    });
    test('[D2] owners of several partitions who append at once fail alone: one that is older, one with an entry that cannot be', async () => {
      const [older, wrong, ...good] = await Promise.all([0, 1, 2, 3, 4].map((partition) => one.claim(partition)));
      assert(older && wrong, 'claimed above');
      await two.claim(older.partition);
      const append = (claim: LogPosition, offset: number, batch = entries(3, { in: `g:${claim.partition}` })) =>
        one.append(batch, { ...claim, offset, publishedOffset: 0 });
      for (let round = 1; round <= 5; round++) {
        const fine = Promise.all(good.map((claim) => append(claim, round)));
        const failing = [rejectionOf(append(older, round)), rejectionOf(append(wrong, round, [change(100)]))];
        const [ofOlder, ofWrong] = await Promise.all(failing);
        expect(ofOlder).toMatchObject(fenced);
        expect(ofWrong).toBeInstanceOf(Error);
        const seqs = [3 * round - 2, 3 * round - 1, 3 * round].map((no) => `committed ${no}`);
        expect((await fine).map(outcomes)).toEqual(good.map(() => seqs));
      }
      for (const { partition } of [older, wrong]) {
        expect(seqsOf(await allOf(two, `g:${partition}`))).toEqual([]);
        expect(await two.claim(partition)).toMatchObject({ offset: 0 });
      }
      for (const { partition } of good) expect(await two.claim(partition)).toMatchObject({ offset: 5 });
    });
  });

  describe('two writers', () => twoWritersContract(() => [one, two]));
}

function twoWritersContract(writers: () => readonly [SharedTimeline, SharedTimeline]): void {
  test('[D2] two that both believe to own a conversation take turns: no seq twice, none left out, over the border of a month', async () => {
    const [one, two] = writers();
    const sent = Array.from({ length: 40 }, (_, index) =>
      entries(1 + (index % 4), { atMs: inMonth(index < 20 ? 0 : 1) }),
    );
    const results = await Promise.all(sent.map((batch, index) => (index % 2 === 0 ? one : two).append(batch)));
    const seqs = results.flat().map((result) => Number(result.entry.seq));
    const all = Array.from({ length: sent.flat().length }, (_, index) => index + 1);
    expect(seqs.toSorted((a, b) => a - b)).toEqual(all);
    expect(seqsOf(await allOf(one))).toEqual(all);
    expect(await bounds(two)).toEqual([1, all.length]);
  });

  test('[D3] of one key sent through two writers at once, one is the duplicate of the other, over the border of a month', async () => {
    const [one, two] = writers();
    for (let round = 0; round < 10; round++) {
      const first = entry({ key: `k${round}` });
      const again = entry({ key: `k${round}`, in: 'g:other', atMs: inMonth(1) });
      const [[a], [b]] = await Promise.all([one.append([first]), two.append([again])]);
      expect([a?.type, b?.type].toSorted()).toEqual(['committed', 'duplicate']);
      expect(a?.entry).toEqual(b?.entry as never);
    }
  });

  test('[D2, D3, E1] random batches of two writers of the same conversations leave entries that one writer could have left', async () => {
    const random = createRandom(testSeed('two writers of a timeline'));
    const below = (end: number) => Math.floor(random() * end);
    const committed: NewEntry[] = [];
    const write = async (timeline: SharedTimeline) => {
      for (let batches = 0; batches < 15; batches++) {
        const batch = Array.from({ length: 1 + below(8) }, () =>
          entry({
            in: `g:${below(5)}`,
            key: `k${below(60)}`,
            from: `u${below(3)}`,
            atMs: inMonth(below(3)),
            isCounted: below(3) > 0,
          }),
        );
        const results = await timeline.append(batch);
        committed.push(...batch.filter((_, index) => results[index]?.type === 'committed'));
      }
    };
    await Promise.all(writers().map(write));
    const keys = committed.map(({ from, clientMsgId }) => `${from} ${clientMsgId}`);
    expect(new Set(keys).size).toBe(keys.length);
    const [one] = writers();
    for (let group = 0; group < 5; group++) {
      const { entries: kept } = await allOf(one, `g:${group}`);
      expect(kept.map((each) => Number(each.seq))).toEqual(kept.map((_, index) => index + 1));
      expect(kept.map(({ msgId }) => String(msgId)).toSorted()).toEqual(
        committed
          .filter(({ conversationId }) => conversationId === `g:${group}`)
          .map(({ msgId }) => String(msgId))
          .toSorted(),
      );
      const counts = kept.map((_, index) => kept.slice(0, index + 1).filter((each) => each.isCounted).length);
      expect(kept.map(({ count }) => count)).toEqual(counts);
    }
  });

  test('[E5, E9] changes of one message through two writers are in the order of their seqs', async () => {
    const [one, two] = writers();
    await one.append([entry()]);
    const changes = Array.from({ length: 20 }, (_, index) => pinning(1, index % 2 === 0, { content: `${index}` }));
    const results = await Promise.all(changes.map((each, index) => (index % 2 === 0 ? one : two).append([each])));
    const last = results.flat().reduce((a, b) => (a.entry.seq > b.entry.seq ? a : b));
    const wanted = changes.find(({ msgId }) => msgId === last.entry.msgId)?.target;
    const range = { conversationId: conversation('g:1'), fromSeq: seq(1), throughSeq: seq(1) };
    expect((await two.states([range]))[0]?.get(seq(1))?.stateJson).toBe(String(wanted?.stateJson));
    expect(await two.pinned(conversation('g:1'))).toEqual(wanted?.isPinned === true ? [seq(1)] : []);
  });
}
