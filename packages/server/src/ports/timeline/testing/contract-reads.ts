// The part of the timeline's contract about reads: ranges, heads, newest entries, and lookups by id.

import { beforeEach, describe, expect, test } from 'bun:test';
import type { MsgId } from '@hongyan/protocol/ids';
import type { RangeRequest, StoredEntry } from '../timeline.ts';
import { allOf, conversation, entries, entry, inMonth, key, seq, seqsOf, user } from './entries.ts';
import type { Current } from './under-test.ts';

/** Requests on a conversation with the seqs 1 to 10, and their results. */
const ranges: readonly [Omit<RangeRequest, 'conversationId'>, seqs: readonly number[], hasMore: boolean][] = [
  [{ afterSeq: seq(0), limit: 3 }, [1, 2, 3], true],
  [{ afterSeq: seq(3), limit: 3 }, [4, 5, 6], true],
  [{ afterSeq: seq(7), limit: 3 }, [8, 9, 10], false],
  [{ afterSeq: seq(8), limit: 3 }, [9, 10], false],
  [{ afterSeq: seq(9), limit: 1 }, [10], false],
  [{ afterSeq: seq(10), limit: 3 }, [], false],
  [{ afterSeq: seq(Number.MAX_SAFE_INTEGER), limit: 3 }, [], false],
  [{ afterSeq: seq(0), limit: 10 }, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], false],
  [{ afterSeq: seq(0), limit: 9 }, [1, 2, 3, 4, 5, 6, 7, 8, 9], true],
  [{ beforeSeq: seq(11), limit: 3 }, [8, 9, 10], true],
  [{ beforeSeq: seq(Number.MAX_SAFE_INTEGER), limit: 1 }, [10], true],
  [{ beforeSeq: seq(6), limit: 3 }, [3, 4, 5], true],
  [{ beforeSeq: seq(4), limit: 3 }, [1, 2, 3], false],
  [{ beforeSeq: seq(3), limit: 3 }, [1, 2], false],
  [{ beforeSeq: seq(1), limit: 3 }, [], false],
  [{ beforeSeq: seq(0), limit: 3 }, [], false],
  [{ beforeSeq: seq(11), limit: 10 }, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], false],
  [{ beforeSeq: seq(11), limit: 9 }, [2, 3, 4, 5, 6, 7, 8, 9, 10], true],
];

export function readsContract(current: Current): void {
  const nothing = { entries: [], firstSeq: seq(1), lastSeq: seq(0), hasMore: false };

  for (const [name, months] of [
    ['one month', [0, 0, 0]],
    ['three months', [0, 1, 2]],
  ] as const) {
    test(`[D2] a range is ascending and exclusive, and has the head, over ${name}`, async () => {
      for (const [index, size] of [3, 4, 3].entries()) {
        const atMs = inMonth(months[index] ?? 0);
        await current.timeline().append([...entries(size, { atMs }), entry({ in: 'g:2', atMs })]);
      }
      for (const [request, seqs, hasMore] of ranges) {
        const range = await current.timeline().range({ conversationId: conversation('g:1'), ...request });
        expect({ request, ...range, entries: seqsOf(range) }).toEqual({
          request,
          entries: [...seqs],
          firstSeq: seq(1),
          lastSeq: seq(10),
          hasMore,
        });
      }
    });
  }

  test('an unknown conversation is empty, also beside others', async () => {
    await current.timeline().append([entry({ in: 'g:1' })]);
    for (const id of ['g:2', 'g:', 'G:1', 'g:1 ', '']) {
      expect(await allOf(current.timeline(), id)).toEqual(nothing);
      const conversationId = conversation(id);
      expect(await current.timeline().range({ conversationId, beforeSeq: seq(5), limit: 5 })).toEqual(nothing);
    }
  });

  test('one head per id, in the order of the request, with the count and the time of the last counted entry', async () => {
    await current.timeline().append([...entries(2, { in: 'g:a' }), ...entries(3, { in: 'g:b' })]);
    for (const isReopened of [false, true]) {
      if (isReopened) await current.reopen();
      const heads = await current.timeline().heads(['g:b', 'g:none', 'g:a', 'g:b'].map(conversation));
      const b = { conversationId: 'g:b', firstSeq: 1, lastSeq: 3, lastCount: 3, lastCountedMs: inMonth(0) };
      expect<unknown>(heads).toEqual([
        b,
        { conversationId: 'g:none', firstSeq: 1, lastSeq: 0, lastCount: 0, lastCountedMs: 0 },
        { conversationId: 'g:a', firstSeq: 1, lastSeq: 2, lastCount: 2, lastCountedMs: inMonth(0) },
        b,
      ]);
    }
    expect(await current.timeline().heads([])).toEqual([]);
  });

  test('appended entries are read at once, also from a conversation that was just read as empty', async () => {
    for (let last = 1; last <= 5; last++) {
      expect((await allOf(current.timeline())).lastSeq).toBe(seq(last - 1));
      const [result] = await current.timeline().append([entry({ atMs: inMonth(last) })]);
      expect(seqsOf(await allOf(current.timeline()))).toHaveLength(last);
      const newest = await current.timeline().lastCounted([conversation('g:1')]);
      expect(newest.get(conversation('g:1'))).toEqual(result?.entry);
    }
  });

  test('newest entries are of the conversations that have one', async () => {
    const results = await current.timeline().append([...entries(2, { in: 'g:a' }), entry({ in: 'g:b' })]);
    await current.timeline().append([entry({ in: 'g:c', atMs: inMonth(1) })]);
    const newest = await current.timeline().lastCounted(['g:b', 'g:none', 'g:a'].map(conversation));
    expect([...newest]).toEqual([
      [conversation('g:b'), results[2]?.entry as StoredEntry],
      [conversation('g:a'), results[1]?.entry as StoredEntry],
    ]);
  });

  test('a range stops before the entry that passes bytesMax, the first one excepted', async () => {
    // With its quotes each content takes 12 bytes: "雁" takes three.
    const content = JSON.stringify('雁雁雁x');
    for (const month of [0, 1]) await current.timeline().append(entries(3, { content, atMs: inMonth(month) }));
    for (const [bytesMax, count] of [
      [1, 1],
      [12, 1],
      [23, 1],
      [24, 2],
      [59, 4],
      [60, 5],
      [72, 6],
    ] as const) {
      const request = { conversationId: conversation('g:1'), limit: 10, bytesMax };
      const after = await current.timeline().range({ ...request, afterSeq: seq(0) });
      const before = await current.timeline().range({ ...request, beforeSeq: seq(7) });
      const all = [1, 2, 3, 4, 5, 6];
      expect({ seqs: seqsOf(after), hasMore: after.hasMore }).toEqual({
        seqs: all.slice(0, count),
        hasMore: count < 6,
      });
      expect({ seqs: seqsOf(before), hasMore: before.hasMore }).toEqual({
        seqs: all.slice(-count),
        hasMore: count < 6,
      });
    }
  });

  test('whom an entry mentions counts towards bytesMax', async () => {
    // 2 bytes and 14.
    const both = [
      entry({ content: '""', mentioned: ['eve', 'fred'] }),
      entry({ content: '""', mentioned: ['eve', 'fred'] }),
    ];
    await current.timeline().append(both);
    for (const [bytesMax, count] of [
      [31, 1],
      [32, 2],
    ] as const) {
      const request = { conversationId: conversation('g:1'), limit: 10, bytesMax, afterSeq: seq(0) };
      expect((await current.timeline().range(request)).entries).toHaveLength(count);
    }
  });

  test('segments are in order, without holes between them, and cover the retained entries', async () => {
    expect(await current.timeline().segments(conversation('g:1'))).toEqual([]);
    for (const month of [0, 1, 2])
      await current.timeline().append([...entries(3, { atMs: inMonth(month) }), entry({ in: 'g:2' })]);
    for (const isReopened of [false, true]) {
      if (isReopened) await current.reopen();
      const segments = await current.timeline().segments(conversation('g:1'));
      expect(segments[0]?.firstSeq).toBe(seq(1));
      expect(segments.at(-1)?.lastSeq).toBe(seq(9));
      for (const [index, { firstSeq }] of segments.entries()) {
        if (index > 0) expect<number>(firstSeq).toBe((segments[index - 1]?.lastSeq ?? 0) + 1);
      }
      expect(new Set(segments.map(({ name }) => name)).size).toBe(segments.length);
    }
  });

  describe('by id', () => lookups(current));
}

function lookups(current: Current): void {
  const [msgId, clientMsgId] = ['0190a7c4-6f2e-7abc-8def-0123456789ab', '0190a7c4-6f2e-7abc-8def-ba9876543210'];
  const given = [
    entry({ key: 'k', from: 'ann' }),
    entry({ key: 'k', from: 'bob', atMs: inMonth(1) }),
    entry({ key: clientMsgId, msgId, from: 'ann', atMs: inMonth(1) }),
    entry({ key: clientMsgId.toUpperCase(), msgId: msgId.toUpperCase(), from: 'ann', atMs: inMonth(1) }),
  ];
  let stored: readonly StoredEntry[];
  beforeEach(async () => {
    stored = [];
    for (const one of given) {
      const [result] = await current.timeline().append([one]);
      if (result) stored = [...stored, result.entry];
    }
  });

  test('[D6] an entry is found by its msg_id, and by its sender and key, in any month', async () => {
    for (const isReopened of [false, true]) {
      if (isReopened) await current.reopen();
      for (const one of stored) await expectFound(one);
    }
  });

  async function expectFound(one: StoredEntry): Promise<void> {
    expect(await current.timeline().findByMsgId(one.msgId)).toEqual(one);
    expect(await current.timeline().findByClientMsgId(one)).toEqual(one);
  }

  test('[D6] unknown ids and the keys of other senders are undefined', async () => {
    expect(await current.timeline().findByMsgId('nobody' as MsgId)).toBeUndefined();
    for (const [from, clientMsgId] of [
      ['carl', 'k'],
      ['ann', 'K'],
      ["ann' OR 1=1 --", 'k'],
    ] as const) {
      const found = await current.timeline().findByClientMsgId({ from: user(from), clientMsgId: key(clientMsgId) });
      expect(found).toBeUndefined();
    }
  });
}
