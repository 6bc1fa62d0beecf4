// The part of the timeline's contract about messages that are changed: what counts, states, and erasing [E1, E5].

import { describe, expect, test } from 'bun:test';
import { rejectionOf } from '@hongyan/testing/rejection';
import type { NewEntry, RangeRequest, StoredEntry } from '../timeline.ts';
import {
  allOf,
  bounds,
  change,
  conversation,
  entries,
  entry,
  erased,
  erasure,
  historyOf,
  inMonth,
  outcomes,
  pinning,
  seq,
  seqsOf,
  startOf,
  user,
} from './entries.ts';
import type { Current } from './under-test.ts';

const id = conversation('g:1');
const notice = (atMs = inMonth(0)) => entry({ isCounted: false, atMs });

export function messagesContract(current: Current): void {
  describe('counts', () => countsContract(current));
  describe('pages', () => pagesContract(current));
  describe('notices', () => noticesContract(current));
  describe('states', () => statesContract(current));
  describe('references', () => referencesContract(current));
  describe('erasing', () => erasingContract(current));
}

async function inBothLives(current: Current, check: () => Promise<void>): Promise<void> {
  await check();
  await current.reopen();
  await check();
}

const countAfter = async (current: Current, ...seqs: number[]): Promise<readonly number[]> =>
  current.timeline().countAfter(seqs.map((one) => ({ conversationId: id, seq: seq(one) })));

function countsContract(current: Current): void {
  test('[E1] only messages raise the count; every entry has it, over months and a reopen', async () => {
    const append = (...batch: readonly NewEntry[]) => current.timeline().append(batch);
    await append(notice(), entry(), notice(), entry(), change(2), entry());
    await current.reopen();
    await append(change(4, { atMs: inMonth(1) }), entry({ atMs: inMonth(1) }));
    await append(change(8, { atMs: inMonth(2) }));
    await current.reopen();
    await append(entry({ atMs: inMonth(2) }), notice(inMonth(2)));
    await inBothLives(current, async () => {
      const all = await historyOf(current.timeline());
      expect(all.map((one) => one.count)).toEqual([0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]);
      expect(all.map((one) => one.targetSeq ?? 0)).toEqual([0, 0, 0, 0, 2, 0, 4, 0, 8, 0, 0].map(seq));
      const [head] = await current.timeline().heads([id]);
      expect(head).toMatchObject({ lastSeq: seq(11), lastCount: 5, lastCountedMs: inMonth(2) });
    });
  });

  test('[E1, D3] a repeat does not raise the count', async () => {
    const first = entry();
    await current.timeline().append([first, first, entry()]);
    await current.timeline().append([first]);
    await current.timeline().append([entry(), { ...first, timestampMs: inMonth(1) }]);
    expect((await allOf(current.timeline())).entries.map((one) => one.count)).toEqual([1, 2, 3]);
  });

  test('[E1] counts continue after the entries of a conversation were removed', async () => {
    await current.timeline().append([...entries(3), notice()]);
    await current.timeline().append([entry({ in: 'g:2', atMs: inMonth(1) })]);
    await current.timeline().retain({ fromMs: startOf(1) });
    const head = { conversationId: id, firstSeq: seq(5), lastSeq: seq(4), lastCount: 3, lastCountedMs: inMonth(0) };
    await inBothLives(current, async () => expect(await current.timeline().heads([id])).toEqual([head]));
    const [result] = await current.timeline().append([entry({ atMs: inMonth(1) })]);
    expect(result?.entry).toMatchObject({ seq: seq(5), count: 4 });
  });

  test('[E1] the newest counted entry is found behind hundreds of others, in its month or an older one', async () => {
    const [last] = await current.timeline().append([entry()]);
    for (const month of [0, 0, 1, 2]) {
      await current.timeline().append(Array.from({ length: 150 }, () => change(1, { atMs: inMonth(month) })));
      await current.timeline().append([notice(inMonth(month))]);
      await inBothLives(current, async () => {
        expect((await current.timeline().lastCounted([id])).get(id)).toEqual(last?.entry);
        expect((await current.timeline().heads([id]))[0]?.lastCountedMs).toBe(inMonth(0));
      });
    }
    await current.timeline().retain({ fromMs: startOf(1) });
    await inBothLives(current, async () => {
      expect((await current.timeline().lastCounted([id])).size).toBe(0);
      expect((await current.timeline().heads([id]))[0]).toMatchObject({ lastCount: 1, lastCountedMs: inMonth(0) });
    });
  });

  test('[E1] a conversation without a counted entry has a head, and no newest one', async () => {
    await current.timeline().append([notice(), notice()]);
    await inBothLives(current, async () => {
      expect((await current.timeline().lastCounted([id])).size).toBe(0);
      const [head] = await current.timeline().heads([id]);
      expect(head).toMatchObject({ lastSeq: seq(2), lastCount: 0, lastCountedMs: 0 });
      expect(await countAfter(current, 0)).toEqual([0]);
    });
  });

  test('[E1] counted entries after a seq, from each place, also with conversations that do not exist', async () => {
    await current.timeline().append([notice(), entry(), change(2), entry()]);
    await current.timeline().append([change(4, { atMs: inMonth(1) }), entry({ atMs: inMonth(1) }), notice(inMonth(1))]);
    await inBothLives(current, async () => {
      expect(await countAfter(current, 0, 1, 2, 3, 4, 5, 6, 7, 8, Number.MAX_SAFE_INTEGER)).toEqual([
        3, 3, 2, 2, 1, 1, 0, 0, 0, 0,
      ]);
      const keys = ['g:none', 'g:1', 'g:none'].map((one) => ({ conversationId: conversation(one), seq: seq(2) }));
      expect(await current.timeline().countAfter(keys)).toEqual([0, 2, 0]);
    });
  });

  test('[E1, D5] removed entries are not counted, also when only changes are retained', async () => {
    await current.timeline().append([...entries(3), notice()]);
    await current.timeline().append([change(3, { atMs: inMonth(1) }), change(2, { atMs: inMonth(1) })]);
    await current.timeline().retain({ fromMs: startOf(1) });
    await inBothLives(current, async () => expect(await countAfter(current, 0, 2, 5)).toEqual([0, 0, 0]));
    await current.timeline().append([entry({ atMs: inMonth(1) }), entry({ atMs: inMonth(1) })]);
    await inBothLives(current, async () => expect(await countAfter(current, 0, 5, 6, 7, 8)).toEqual([2, 2, 2, 1, 0]));
  });
}

/** 1 to 10: messages at 1, 4, 7 and 10, each but the last changed twice. */
const pages: readonly [Omit<RangeRequest, 'conversationId'>, seqs: readonly number[], hasMore: boolean][] = [
  [{ afterSeq: seq(0), limit: 4 }, [1, 4, 7, 10], false],
  [{ afterSeq: seq(0), limit: 3 }, [1, 4, 7], true],
  [{ afterSeq: seq(1), limit: 2 }, [4, 7], true],
  [{ afterSeq: seq(2), limit: 3 }, [4, 7, 10], false],
  [{ afterSeq: seq(8), limit: 1 }, [10], false],
  [{ beforeSeq: seq(11), limit: 4 }, [1, 4, 7, 10], false],
  [{ beforeSeq: seq(10), limit: 2 }, [4, 7], true],
  [{ beforeSeq: seq(9), limit: 1 }, [7], true],
  [{ beforeSeq: seq(4), limit: 1 }, [1], false],
  [{ beforeSeq: seq(1), limit: 1 }, [], false],
  [{ afterSeq: seq(0), limit: 4, withTargeted: true }, [1, 2, 3, 4], true],
  [{ afterSeq: seq(4), limit: 3, withTargeted: true }, [5, 6, 7], true],
  [{ afterSeq: seq(7), limit: 3, withTargeted: true }, [8, 9, 10], false],
  [{ beforeSeq: seq(10), limit: 3, withTargeted: true }, [7, 8, 9], true],
  [{ beforeSeq: seq(6), limit: 3, withTargeted: true }, [3, 4, 5], true],
  [{ beforeSeq: seq(4), limit: 3, withTargeted: true }, [1, 2, 3], false],
];

function pagesContract(current: Current): void {
  for (const months of [
    [0, 0, 0, 0],
    [0, 0, 1, 2],
  ]) {
    test(`pages of messages leave changes out, and pages of everything do not, over months ${months}`, async () => {
      for (const [index, month] of months.entries()) {
        const atMs = inMonth(month);
        const own = 3 * index + 1;
        const changes = index < 3 ? [change(own, { atMs }), change(Math.max(1, own - 3), { atMs })] : [];
        await current.timeline().append([entry({ atMs }), ...changes, entry({ in: 'g:2', atMs })]);
      }
      await inBothLives(current, async () => {
        for (const [request, seqs, hasMore] of pages) {
          const range = await current.timeline().range({ conversationId: id, ...request });
          const ends = { firstSeq: seq(1), lastSeq: seq(10), hasMore };
          expect({ request, ...range, entries: seqsOf(range) }).toEqual({ request, entries: [...seqs], ...ends });
        }
      });
    });
  }
}

function noticesContract(current: Current): void {
  test('[E2] the limit of a page of messages counts messages only; uncounted entries between them have another bound', async () => {
    const append = (...batch: readonly NewEntry[]) => current.timeline().append(batch);
    // 1 and 2 messages, 3 to 5 notices, 6 a message, 7 a change of it, 8 a notice, 9 a message, 10 a notice.
    await append(entry(), entry(), notice(), notice());
    await current.reopen();
    await append(notice(inMonth(1)), entry({ atMs: inMonth(1) }), change(6, { atMs: inMonth(1) }));
    await append(notice(inMonth(1)), entry({ atMs: inMonth(2) }), notice(inMonth(2)));
    await inBothLives(current, async () => {
      for (const [request, seqs, hasMore] of [
        [{ beforeSeq: seq(99), limit: 1 }, [9, 10], true],
        [{ beforeSeq: seq(9), limit: 2, uncountedMax: 9 }, [2, 3, 4, 5, 6, 8], true],
        [{ beforeSeq: seq(9), limit: 2 }, [5, 6, 8], true],
        [{ beforeSeq: seq(2), limit: 1 }, [1], false],
        [{ beforeSeq: seq(6), limit: 1, uncountedMax: 2 }, [4, 5], true],
        [{ beforeSeq: seq(4), limit: 1, uncountedMax: 2 }, [2, 3], true],
        [{ afterSeq: seq(0), limit: 2 }, [1, 2], true],
        [{ afterSeq: seq(2), limit: 1 }, [3], true],
        [{ afterSeq: seq(2), limit: 1, uncountedMax: 3 }, [3, 4, 5, 6], true],
        [{ afterSeq: seq(6), limit: 9 }, [8, 9, 10], false],
      ] as const) {
        const range = await current.timeline().range({ conversationId: id, ...request });
        expect({ request, seqs: seqsOf(range), hasMore: range.hasMore }).toEqual({ request, seqs: [...seqs], hasMore });
      }
    });
  });
}

function statesContract(current: Current): void {
  const states = async (from = 0, through = 1_000) => {
    const range = { conversationId: id, fromSeq: seq(from), throughSeq: seq(through) };
    const [found] = await current.timeline().states([range]);
    const inOrder = [...(found ?? [])].toSorted(([a], [b]) => a - b);
    return inOrder.map(([one, { asOfSeq, stateJson }]) => `${one} as of ${asOfSeq}: ${stateJson}`);
  };

  test('[E5] the newest state of each message that was changed is found, over months and a reopen', async () => {
    await current.timeline().append([...entries(3), change(1, { state: 'a' }), change(3, { state: 'b' })]);
    expect(await states()).toEqual(['1 as of 4: a', '3 as of 5: b']);
    await current
      .timeline()
      .append([change(1, { state: 'c' }), entry({ in: 'g:2' }), change(1, { in: 'g:2', state: 'x' })]);
    expect(await states()).toEqual(['1 as of 6: c', '3 as of 5: b']);
    await current.timeline().append([change(3, { state: 'd', atMs: inMonth(1) }), entry({ atMs: inMonth(1) })]);
    await current
      .timeline()
      .append([change(8, { state: 'e', atMs: inMonth(2) }), change(1, { state: 'f', atMs: inMonth(2) })]);
    await inBothLives(current, async () => {
      expect(await states()).toEqual(['1 as of 10: f', '3 as of 7: d', '8 as of 9: e']);
      expect(await states(1, 3)).toEqual(['1 as of 10: f', '3 as of 7: d']);
      expect(await states(2, 8)).toEqual(['3 as of 7: d', '8 as of 9: e']);
      expect(await states(4, 7)).toEqual([]);
      expect(await states(9, Number.MAX_SAFE_INTEGER)).toEqual([]);
    });
  });

  test('[E6] a state is replaced without an entry, in the month of now, and the next entry replaces it again', async () => {
    await current.timeline().append([...entries(2), change(1, { state: 'a' })]);
    const set = (seqOf: number, asOf: number, stateJson: string, isPinned = false) =>
      current.timeline().setState({ conversationId: id, seq: seq(seqOf), asOfSeq: seq(asOf), stateJson, isPinned });
    await set(1, 3, 'b');
    await set(2, 2, 'c', true);
    await inBothLives(current, async () => {
      expect(await states()).toEqual(['1 as of 3: b', '2 as of 2: c']);
      expect(await current.timeline().pinned(id)).toEqual([seq(2)]);
      expect(await bounds(current.timeline())).toEqual([1, 3]);
    });
    await current.timeline().append([entry({ atMs: inMonth(1) })]);
    await set(1, 3, 'd');
    await inBothLives(current, async () => expect(await states()).toEqual(['1 as of 3: d', '2 as of 2: c']));
    await current.timeline().append([change(1, { state: 'e', atMs: inMonth(1) })]);
    await inBothLives(current, async () => expect(await states()).toEqual(['1 as of 5: e', '2 as of 2: c']));
  });

  test('[E5, D5] retention leaves the states of retained messages and no others', async () => {
    await current.timeline().append([...entries(2), change(1)]);
    await current.timeline().append([entry({ atMs: inMonth(1) }), change(4, { state: 'a', atMs: inMonth(1) })]);
    await current.timeline().append([change(2, { atMs: inMonth(2) }), change(4, { state: 'b', atMs: inMonth(2) })]);
    await current.timeline().append([entry({ atMs: inMonth(3) }), change(4, { state: 'c', atMs: inMonth(3) })]);
    await current.timeline().retain({ fromMs: startOf(1) });
    await inBothLives(current, async () => expect(await states()).toEqual(['4 as of 9: c']));
  });

  test('[D3, E5] a repeat does not change the state again', async () => {
    const first = change(1, { state: 'a' });
    await current.timeline().append([entry(), first]);
    await current.timeline().append([change(1, { state: 'b' }), { ...first, target: { seq: seq(1), stateJson: 'c' } }]);
    expect(await states()).toEqual(['1 as of 3: b']);
  });

  test('a target that is not below the entry is refused as a bug, and leaves nothing', async () => {
    await current.timeline().append(entries(2));
    for (const target of [0, -1, 4, 5, 100]) {
      expect(await rejectionOf(current.timeline().append([entry(), change(target)]))).toBeInstanceOf(Error);
    }
    expect(
      await rejectionOf(current.timeline().append([entry({ target: { seq: 1 }, isCounted: true })])),
    ).toBeInstanceOf(Error);
    expect(await bounds(current.timeline())).toEqual([1, 2]);
    expect(await states()).toEqual([]);
    expect(outcomes(await current.timeline().append([entry(), change(3)]))).toEqual(['committed 3', 'committed 4']);
    expect((await historyOf(current.timeline())).map((one) => one.count)).toEqual([1, 2, 3, 3]);
  });
}

function referencesContract(current: Current): void {
  const ann = user('ann');
  const mentions = (...seqs: readonly number[]) =>
    current.timeline().mentionsAfter(seqs.map((one) => ({ conversationId: id, userId: ann, seq: seq(one) })));

  test('[E8] a message that mentions the user or all counts once, over months, until it is erased', async () => {
    const mentioned = ['bob', 'ann', 'ann'];
    await current
      .timeline()
      .append([entry({ mentioned }), entry(), entry({ mentioned: ['bob'] }), entry({ mentioned: 'all' })]);
    await current
      .timeline()
      .append([entry({ mentioned, atMs: inMonth(1) }), entry({ in: 'g:2', mentioned, atMs: inMonth(1) })]);
    await current.timeline().append([entry({ mentioned: ['ann', 'all'], atMs: inMonth(2) })]);
    await inBothLives(current, async () => expect(await mentions(0, 1, 3, 4, 5, 6, 99)).toEqual([4, 3, 3, 2, 1, 0, 0]));
    await current.timeline().append([erasure(1, { atMs: inMonth(2) }), erasure(5, { atMs: inMonth(2) })]);
    await inBothLives(current, async () => expect(await mentions(0, 4)).toEqual([2, 1]));
    await current.timeline().retain({ fromMs: startOf(1) });
    await inBothLives(current, async () => expect(await mentions(0)).toEqual([1]));
  });

  test('[E8, D3] a duplicate adds no mention, and neither does a batch that is rolled back', async () => {
    const first = entry({ mentioned: ['ann'] });
    await current.timeline().append([first, first]);
    await rejectionOf(current.timeline().append([entry({ mentioned: ['eve', 'ann'] }), change(100)]));
    await current
      .timeline()
      .append([{ ...first, references: { json: '2', mentioned: 'all' } }, entry({ mentioned: ['eve'] })]);
    await inBothLives(current, async () => {
      expect(await mentions(0)).toEqual([1]);
      expect((await allOf(current.timeline())).entries.map((one) => one.referencesJson)).toEqual([
        '["ann"]',
        '["eve"]',
      ]);
    });
  });

  test('[E9] pinned messages are listed as the newest change left them, over months', async () => {
    await current.timeline().append([...entries(4), pinning(1, true), pinning(3, true), pinning(2, true)]);
    await current.timeline().append([pinning(3, false, { atMs: inMonth(1) })]);
    await current.timeline().append([entry({ atMs: inMonth(1) }), pinning(9, true, { atMs: inMonth(1) })]);
    await inBothLives(current, async () => expect(await current.timeline().pinned(id)).toEqual([1, 2, 9].map(seq)));
    await current.timeline().append([erasure(2, { atMs: inMonth(2) })]);
    await inBothLives(current, async () => expect(await current.timeline().pinned(id)).toEqual([1, 9].map(seq)));
    await current.timeline().retain({ fromMs: startOf(1) });
    await inBothLives(current, async () => expect(await current.timeline().pinned(id)).toEqual([seq(9)]));
    expect(await current.timeline().pinned(conversation('g:none'))).toEqual([]);
  });

  test('messages by their places, in the order of the request: no state entries, and none that was removed', async () => {
    await current.timeline().append([entry(), notice(), change(1)]);
    const [late] = await current.timeline().append([entry({ atMs: inMonth(1) })]);
    const at = async (...places: readonly [string, number][]) => {
      const found = await current
        .timeline()
        .messagesAt(places.map(([in_, one]) => ({ conversationId: conversation(in_), seq: seq(one) })));
      return found.map((one) => one?.seq);
    };
    await inBothLives(current, async () => {
      expect(await at(['g:1', 4], ['g:1', 1], ['g:1', 2], ['g:1', 3], ['g:1', 5], ['g:none', 1])).toEqual([
        seq(4),
        seq(1),
        undefined,
        undefined,
        undefined,
        undefined,
      ]);
    });
    expect(await current.timeline().messagesAt([{ conversationId: id, seq: seq(4) }])).toEqual([late?.entry]);
    await current.timeline().retain({ fromMs: startOf(1) });
    await inBothLives(current, async () => expect(await at(['g:1', 1], ['g:1', 4])).toEqual([undefined, seq(4)]));
  });
}

function erasingContract(current: Current): void {
  const contents = (found: readonly StoredEntry[]) => found.map((one) => one.contentJson);

  for (const [name, months] of [
    ['all in one month', [0, 0, 0, 0]],
    ['each in a month of its own', [0, 1, 2, 3]],
    ['the message alone in an older month', [0, 1, 1, 1]],
  ] as const) {
    test(`[E5] no read returns an erased message or the content of its changes: ${name}`, async () => {
      const [first, second, third, last] = months.map((month) => ({ atMs: inMonth(month) }));
      const message = entry({ content: '"a"', mentioned: ['bob'], ...first });
      await current.timeline().append([entry({ content: '"other"', ...first }), message]);
      const edit = change(2, { content: '"b"', state: '"b"', ...second });
      await current.timeline().append([edit, change(1, { content: '"kept"', ...second })]);
      await current
        .timeline()
        .append([change(2, { content: '"c"', ...third }), entry({ content: '"later"', ...third })]);
      await current.timeline().append([erasure(2, { content: '"erasure"', ...last })]);
      await current.timeline().append([change(2, { content: '"after"', state: '"after"', ...last })]);
      await inBothLives(current, async () => {
        const expected = ['"other"', erased, erased, '"kept"', erased, '"later"', '"erasure"', '"after"'];
        expect(contents(await historyOf(current.timeline()))).toEqual(expected);
        expect(contents((await allOf(current.timeline())).entries)).toEqual(['"other"', erased, '"later"']);
        for (const one of [message, edit]) {
          const found = await current.timeline().findByMsgId(one.msgId);
          expect([found?.contentJson, found?.referencesJson]).toEqual([erased, undefined]);
          expect((await current.timeline().findByClientMsgId(one))?.contentJson).toBe(erased);
        }
        const page = await current.feed().read({ after: await current.feed().start(), limit: 100 });
        expect(contents(page.entries)).toEqual(expected);
        expect(await countAfter(current, 0, 1, 2, 5, 6)).toEqual([2, 1, 1, 1, 0]);
      });
    });
  }

  test('[E5] the newest message is shown as erased, and in a repeat of it', async () => {
    const message = entry();
    await current.timeline().append([entry(), message]);
    await current.timeline().append([erasure(2)]);
    await inBothLives(current, async () => {
      expect((await current.timeline().lastCounted([id])).get(id)?.contentJson).toBe(erased);
      const [repeat] = await current.timeline().append([message]);
      expect(repeat).toMatchObject({ type: 'duplicate', entry: { seq: seq(2), contentJson: erased } });
    });
  });

  test('[E5] a message and its erasure may be in one batch, and many erasures in another', async () => {
    await current.timeline().append([entry(), erasure(1), entry(), change(3), erasure(3), change(3)]);
    await current.timeline().append([...entries(3), erasure(7), erasure(8), erasure(9)]);
    await inBothLives(current, async () => {
      const found = contents((await allOf(current.timeline())).entries);
      expect(found).toEqual([erased, erased, erased, erased, erased]);
      expect(await countAfter(current, 0)).toEqual([0]);
    });
  });

  test('[E5, D5] removed erased messages are not subtracted from the count', async () => {
    await current.timeline().append(entries(3));
    await current
      .timeline()
      .append([...entries(2, { atMs: inMonth(1) }), ...[1, 2, 4].map((at) => erasure(at, { atMs: inMonth(1) }))]);
    expect(await countAfter(current, 0, 2, 3, 4)).toEqual([2, 2, 1, 1]);
    await current.timeline().retain({ fromMs: startOf(1) });
    await inBothLives(current, async () => expect(await countAfter(current, 0, 2, 3, 4)).toEqual([1, 1, 1, 1]));
    await current.timeline().append([erasure(2, { atMs: inMonth(1) })]);
    expect(await countAfter(current, 0)).toEqual([1]);
  });
}
