// The part of the timeline's contract about retention: what it may remove, and what it must retain [M18, D5].

import { beforeEach, expect, test } from 'bun:test';
import type { StoredEntry } from '../timeline.ts';
import { allOf, bounds, conversation, entries, entry, inMonth, outcomes, seq, seqsOf, startOf } from './entries.ts';
import type { Current } from './under-test.ts';

/** g:1 has 1–3 in January, 4–5 in February, 6 in March; g:old only 1–2 in January; g:new only 1 in March. */
export function retentionContract(current: Current): void {
  let old: StoredEntry;
  let newest: StoredEntry;
  beforeEach(async () => {
    const timeline = current.timeline();
    const results = await timeline.append([...entries(3), ...entries(2, { in: 'g:old' })]);
    old = results[4]?.entry as StoredEntry;
    await timeline.append(entries(2, { atMs: inMonth(1) }));
    const [last] = await timeline.append([entry({ atMs: inMonth(2) }), entry({ in: 'g:new', atMs: inMonth(2) })]);
    newest = last?.entry as StoredEntry;
  });
  const keepFrom = (month: number) => current.timeline().retain({ fromMs: startOf(month) });

  async function inBothLives(check: () => Promise<void>): Promise<void> {
    await check();
    await current.reopen();
    await check();
  }

  test('[D5] removed entries raise first_seq, and every read reports it', async () => {
    await keepFrom(1);
    await inBothLives(async () => {
      const timeline = current.timeline();
      const ends = { firstSeq: seq(4), lastSeq: seq(6), hasMore: false };
      const after = await allOf(timeline);
      expect({ ...after, entries: seqsOf(after) }).toEqual({ ...ends, entries: [4, 5, 6] });
      const before = await timeline.range({ conversationId: conversation('g:1'), beforeSeq: seq(6), limit: 5 });
      expect({ ...before, entries: seqsOf(before) }).toEqual({ ...ends, entries: [4, 5] });
      const gone = await timeline.range({ conversationId: conversation('g:1'), beforeSeq: seq(3), limit: 5 });
      expect(gone).toEqual({ ...ends, entries: [] });
      expect(await bounds(timeline)).toEqual([4, 6]);
      expect(await bounds(timeline, 'g:new')).toEqual([1, 1]);
      expect((await timeline.segments(conversation('g:1')))[0]?.firstSeq).toBe(seq(4));
    });
  });

  test('[D5] a conversation without retained entries still has its head', async () => {
    const head = { conversationId: conversation('g:old'), firstSeq: seq(3), lastSeq: seq(2), lastCount: 2 };
    await keepFrom(1);
    await inBothLives(async () => {
      const timeline = current.timeline();
      expect(await timeline.heads([conversation('g:old')])).toEqual([{ ...head, lastCountedMs: inMonth(0) }]);
      const { firstSeq, lastSeq } = head;
      expect(await allOf(timeline, 'g:old')).toEqual({ entries: [], firstSeq, lastSeq, hasMore: false });
      expect([...(await timeline.lastCounted([conversation('g:old')]))]).toEqual([]);
      expect(await timeline.segments(conversation('g:old'))).toEqual([]);
      expect(await timeline.findByMsgId(old.msgId)).toBeUndefined();
      expect(await timeline.findByClientMsgId(old)).toBeUndefined();
    });
  });

  test('[D2] seqs continue after the entries of a conversation were removed, at once and after a reopen', async () => {
    await keepFrom(1);
    const next = () => entry({ in: 'g:old', atMs: inMonth(2) });
    expect(outcomes(await current.timeline().append([next(), entry({ atMs: inMonth(2) })]))).toEqual([
      'committed 3',
      'committed 7',
    ]);
    expect(await bounds(current.timeline(), 'g:old')).toEqual([3, 3]);
    await current.reopen();
    await keepFrom(2);
    expect(outcomes(await current.timeline().append([next(), next()]))).toEqual(['committed 4', 'committed 5']);
    await inBothLives(async () => {
      expect(await bounds(current.timeline(), 'g:old')).toEqual([3, 5]);
      expect(seqsOf(await allOf(current.timeline(), 'g:old'))).toEqual([3, 4, 5]);
    });
  });

  test('[M18] entries at or after the requested time stay, whatever the time is', async () => {
    for (const fromMs of [0, startOf(0), inMonth(0)]) {
      await current.timeline().retain({ fromMs });
      expect(seqsOf(await allOf(current.timeline()))).toEqual([1, 2, 3, 4, 5, 6]);
    }
    await current.timeline().retain({ fromMs: inMonth(1) });
    await inBothLives(async () => expect(seqsOf(await allOf(current.timeline()))).toContain(4));
    await current.timeline().retain({ fromMs: inMonth(2) });
    await inBothLives(async () => expect(seqsOf(await allOf(current.timeline()))).toContain(6));
  });

  test('[M18] an entry stays although the batch it came in began in the month before', async () => {
    await current
      .timeline()
      .append([entry({ in: 'g:border', atMs: startOf(3) - 1 }), entry({ in: 'g:border', atMs: startOf(3) })]);
    await current.timeline().append([entry({ atMs: inMonth(4) })]);
    await keepFrom(3);
    await inBothLives(async () => expect(seqsOf(await allOf(current.timeline(), 'g:border'))).toContain(2));
  });

  test('[M18] the newest month that has entries stays, however late the time is', async () => {
    await keepFrom(100);
    await inBothLives(async () => expect(seqsOf(await allOf(current.timeline()))).toEqual([6]));
    // A repeat begins a month, or does not: it is no entry of it.
    await current.timeline().append([{ ...entry({ atMs: inMonth(3) }), clientMsgId: newest.clientMsgId }]);
    await keepFrom(100);
    await inBothLives(async () => expect(seqsOf(await allOf(current.timeline()))).toEqual([6]));
  });

  test('[D2] the store continues after retention has removed all but the newest month', async () => {
    await keepFrom(100);
    await current.timeline().append([entry({ atMs: inMonth(3) })]);
    await keepFrom(3);
    await inBothLives(async () => expect(await bounds(current.timeline())).toEqual([7, 7]));
    const [repeat] = await current
      .timeline()
      .append([{ ...entry({ atMs: inMonth(3) }), clientMsgId: old.clientMsgId }]);
    expect(repeat?.type).toBe('committed');
  });

  test('[D3] a duplicate of a retained entry begins no month that retention could not remove', async () => {
    const [repeat] = await current
      .timeline()
      .append([{ ...entry({ atMs: inMonth(3) }), clientMsgId: old.clientMsgId }]);
    expect(repeat).toEqual({ type: 'duplicate', entry: old });
    await keepFrom(3);
    expect(outcomes(await current.timeline().append([entry({ atMs: inMonth(3) })]))).toEqual(['committed 7']);
    await keepFrom(3);
    await inBothLives(async () => expect(await bounds(current.timeline())).toEqual([7, 7]));
  });
}
