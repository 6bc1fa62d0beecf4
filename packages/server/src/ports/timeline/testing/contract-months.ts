// The part of the timeline's contract about months: which there are, and what their removal leaves behind [M18, D5].

import { beforeEach, expect, test } from 'bun:test';
import { rejectionOf } from '@hongyan/testing/rejection';
import type { StoredEntry } from '../timeline.ts';
import {
  allOf,
  bounds,
  conversation,
  entries,
  entry,
  february,
  inMonth,
  january,
  march,
  outcomes,
  seq,
  seqsOf,
} from './entries.ts';
import type { Current } from './under-test.ts';

/** g:1 has 1–3 in January, 4–5 in February, 6 in March; g:old only 1–2 in January; g:new only 1 in March. */
export function monthsContract(current: Current): void {
  let old: StoredEntry;
  beforeEach(async () => {
    const timeline = current.timeline();
    const results = await timeline.append([...entries(3), ...entries(2, { in: 'g:old' })]);
    old = results[4]?.entry as StoredEntry;
    await timeline.append(entries(2, { atMs: inMonth(1) }));
    await timeline.append([entry({ atMs: inMonth(2) }), entry({ in: 'g:new', atMs: inMonth(2) })]);
  });

  async function inBothLives(check: () => Promise<void>): Promise<void> {
    await check();
    await current.reopen();
    await check();
  }

  test('[M18] months are listed oldest first, without those dropped', async () => {
    await inBothLives(async () => expect(await current.timeline().months()).toEqual([january, february, march]));
    await current.timeline().dropMonth(january);
    await inBothLives(async () => expect(await current.timeline().months()).toEqual([february, march]));
  });

  test('[D5] a dropped month raises first_seq, and every read tells it', async () => {
    await current.timeline().dropMonth(january);
    await inBothLives(async () => {
      const timeline = current.timeline();
      const told = { firstSeq: seq(4), lastSeq: seq(6), hasMore: false };
      const after = await allOf(timeline);
      expect({ ...after, entries: seqsOf(after) }).toEqual({ ...told, entries: [4, 5, 6] });
      const before = await timeline.range({ conversationId: conversation('g:1'), beforeSeq: seq(6), limit: 5 });
      expect({ ...before, entries: seqsOf(before) }).toEqual({ ...told, entries: [4, 5] });
      const gone = await timeline.range({ conversationId: conversation('g:1'), beforeSeq: seq(3), limit: 5 });
      expect(gone).toEqual({ ...told, entries: [] });
      expect(await bounds(timeline)).toEqual([4, 6]);
      expect(await bounds(timeline, 'g:new')).toEqual([1, 1]);
    });
  });

  test('[D5] a conversation of which nothing is kept still tells where it stands', async () => {
    const [head] = await current.timeline().heads([conversation('g:old')]);
    await current.timeline().dropMonth(january);
    await inBothLives(async () => {
      const timeline = current.timeline();
      expect(await timeline.heads([conversation('g:old')])).toEqual([
        {
          conversationId: conversation('g:old'),
          firstSeq: seq(3),
          lastSeq: seq(2),
          lastPosition: head?.lastPosition ?? 0,
        },
      ]);
      expect(await allOf(timeline, 'g:old')).toEqual({
        entries: [],
        firstSeq: seq(3),
        lastSeq: seq(2),
        hasMore: false,
      });
      expect([...(await timeline.lastEntries([conversation('g:old')]))]).toEqual([]);
      expect(await timeline.findByMsgId(old.msgId)).toBeUndefined();
      expect(await timeline.findByClientMsgId(old)).toBeUndefined();
    });
  });

  test('[D2] seqs go on after the months of a conversation were dropped, at once and after a reopen', async () => {
    await current.timeline().dropMonth(january);
    const next = () => entry({ in: 'g:old', atMs: inMonth(2) });
    expect(outcomes(await current.timeline().append([next(), entry({ atMs: inMonth(2) })]))).toEqual([
      'committed 3',
      'committed 7',
    ]);
    expect(await bounds(current.timeline(), 'g:old')).toEqual([3, 3]);
    await current.reopen();
    await current.timeline().dropMonth(february);
    expect(outcomes(await current.timeline().append([next(), next()]))).toEqual(['committed 4', 'committed 5']);
    await inBothLives(async () => {
      expect(await bounds(current.timeline(), 'g:old')).toEqual([3, 5]);
      expect(seqsOf(await allOf(current.timeline(), 'g:old'))).toEqual([3, 4, 5]);
    });
  });

  test('[M18] the month being written cannot be dropped, nor one that is not there; both change nothing', async () => {
    for (const month of [march, '2025-12', '', "2026-01'; --", '../heads']) {
      expect(String(await rejectionOf(current.timeline().dropMonth(month)))).toContain('cannot be dropped');
    }
    await inBothLives(async () => expect(seqsOf(await allOf(current.timeline()))).toEqual([1, 2, 3, 4, 5, 6]));
  });

  test('[D5] a month between others cannot be dropped: it would leave a hole that no first_seq tells', async () => {
    expect(String(await rejectionOf(current.timeline().dropMonth(february)))).toContain(january);
    await inBothLives(async () => expect(seqsOf(await allOf(current.timeline()))).toEqual([1, 2, 3, 4, 5, 6]));
    await current.timeline().dropMonth(january);
    await current.timeline().dropMonth(february);
    await inBothLives(async () => expect(seqsOf(await allOf(current.timeline()))).toEqual([6]));
  });

  test('[M18] a month that a repeat alone began is a month like any other', async () => {
    const [repeat] = await current
      .timeline()
      .append([{ ...entry({ atMs: inMonth(3) }), clientMsgId: old.clientMsgId }]);
    expect(repeat).toEqual({ type: 'duplicate', entry: old });
    await inBothLives(async () =>
      expect(await current.timeline().months()).toEqual([january, february, march, '2026-04']),
    );
    for (const month of [january, february, march]) await current.timeline().dropMonth(month);
    expect(outcomes(await current.timeline().append([entry({ atMs: inMonth(3) })]))).toEqual(['committed 7']);
    await inBothLives(async () => expect(await bounds(current.timeline())).toEqual([7, 7]));
  });
}
