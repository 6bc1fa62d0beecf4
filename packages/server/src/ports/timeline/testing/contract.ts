// The contract of the timeline. Each adapter's test file runs it.

import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { rejectionOf } from '@hongyan/testing/rejection';
import type { NewEntry, Position, StoredEntry } from '../timeline.ts';
import { messagesContract } from './contract-messages.ts';
import { readsContract } from './contract-reads.ts';
import { retentionContract } from './contract-retention.ts';
import { allOf, bounds, change, conversation, entries, entry, inMonth, outcomes, seqsOf, startOf } from './entries.ts';
import { feedContract } from './feed-contract.ts';
import { timelineProperties } from './properties.ts';
import type { Current, Opened, TimelineUnderTest } from './under-test.ts';

/** `propertyRuns`: fewer for adapters where every read is a round trip. */
export function timelineContract(
  name: string,
  make: () => Promise<TimelineUnderTest>,
  { propertyRuns = 25 }: { readonly propertyRuns?: number } = {},
): void {
  describe(name, () => {
    let underTest: TimelineUnderTest;
    let opened: Opened;
    beforeEach(async () => {
      underTest = await make();
      opened = underTest;
    });
    afterEach(() => underTest.remove());
    const current: Current = {
      timeline: () => opened.timeline,
      feed: () => opened.feed,
      async reopen() {
        opened = await underTest.reopen();
      },
    };

    describe('order', () => orderContract(current));
    describe('repeats', () => repeatsContract(current));
    describe('stored entries', () => keptContract(current));
    describe('reads', () => readsContract(current));
    describe('messages', () => messagesContract(current));
    describe('retention', () => retentionContract(current));
    describe('positions', () => positionsContract(current));
    describe('feed', () => feedContract(current));
    timelineProperties(make, { runs: propertyRuns });
  });
}

function orderContract(current: Current): void {
  const append = (batch: readonly NewEntry[]) => current.timeline().append(batch);

  test('[D2] seqs are 1, 2, 3 … per conversation, in the order of the batch and of batches', async () => {
    const mixed = await append([
      entry({ in: 'g:1' }),
      entry({ in: 'g:2' }),
      entry({ in: 'g:1' }),
      entry({ in: 'g:2' }),
    ]);
    expect(outcomes(mixed)).toEqual(['committed 1', 'committed 1', 'committed 2', 'committed 2']);
    expect(outcomes(await append(entries(2, { from: 'bob' })))).toEqual(['committed 3', 'committed 4']);
    expect(outcomes(await append([]))).toEqual([]);
  });

  test('[D2] concurrent appends receive seqs in the order of the calls', async () => {
    const batches = Array.from({ length: 50 }, (_, index) => entries(1 + (index % 3)));
    const results = await Promise.all(batches.map(append));
    const inOrder = Array.from({ length: batches.flat().length }, (_, index) => `committed ${index + 1}`);
    expect(results.flatMap(outcomes)).toEqual(inOrder);
    expect((await allOf(current.timeline())).entries.map((one) => one.msgId)).toEqual(
      batches.flat().map((one) => one.msgId),
    );
  });

  test('[D2] seqs continue after the store was closed and opened again', async () => {
    await append(entries(3));
    await current.reopen();
    expect(outcomes(await append([entry(), entry({ in: 'g:2' })]))).toEqual(['committed 4', 'committed 1']);
  });

  test('[D2] seqs continue in the next month, and when the clock steps back a month', async () => {
    await append(entries(2, { atMs: inMonth(1) }));
    expect(outcomes(await append([entry({ atMs: inMonth(2) })]))).toEqual(['committed 3']);
    expect(outcomes(await append([entry({ atMs: inMonth(0) })]))).toEqual(['committed 4']);
    await current.reopen();
    expect(outcomes(await append([entry({ atMs: inMonth(2) })]))).toEqual(['committed 5']);
    expect(seqsOf(await allOf(current.timeline()))).toEqual([1, 2, 3, 4, 5]);
  });
}

function repeatsContract(current: Current): void {
  const append = (batch: readonly NewEntry[]) => current.timeline().append(batch);
  /** Same sender and key, all else different. */
  const again = (first: NewEntry, atMs = first.timestampMs) =>
    entry({ from: first.from, key: first.clientMsgId, in: 'g:other', content: '{"type":"other"}', atMs });

  async function expectDuplicate(repeat: NewEntry, first: StoredEntry | undefined): Promise<void> {
    expect(await append([repeat])).toEqual([{ type: 'duplicate', entry: first as StoredEntry }]);
    expect(await bounds(current.timeline(), 'g:other')).toEqual([1, 0]);
  }

  test('[D3] a repeat within one batch is the first entry of the batch, and takes no seq', async () => {
    const first = entry();
    const results = await append([first, again(first), entry(), again(first)]);
    expect(outcomes(results)).toEqual(['committed 1', 'duplicate 1', 'committed 2', 'duplicate 1']);
    expect(results[1]?.entry).toEqual(results[0]?.entry as StoredEntry);
    expect(seqsOf(await allOf(current.timeline(), 'g:other'))).toEqual([]);
  });

  test('[D3] a repeat in a later batch, after a reopen and in later months is the first entry, another conversation named', async () => {
    const first = entry({ key: 'k' });
    const [stored] = await append([first]);
    await expectDuplicate(again(first), stored?.entry);
    await current.reopen();
    await expectDuplicate(again(first), stored?.entry);
    for (const month of [1, 2]) {
      await expectDuplicate(again(first, inMonth(month)), stored?.entry);
      await append([entry({ atMs: inMonth(month) })]);
      await expectDuplicate(again(first, inMonth(month)), stored?.entry);
    }
    await current.reopen();
    await expectDuplicate(again(first, inMonth(0)), stored?.entry);
  });

  test('[D3] of two appends of one key at once, one is the duplicate of the other', async () => {
    const first = entry();
    const [one, two] = await Promise.all([append([first]), append([again(first)])]);
    expect(outcomes(one)).toEqual(['committed 1']);
    expect(two).toEqual([{ type: 'duplicate', entry: one[0]?.entry as StoredEntry }]);
  });

  test('[D3] an entry that needs the one before it is left out behind a repeat, also one that is known in the same batch', async () => {
    const needing = () => entry({ needsPrevious: true });
    const first = entry();
    expect(outcomes(await append([first, needing(), needing()]))).toEqual([
      'committed 1',
      'committed 2',
      'committed 3',
    ]);
    const [left, later] = [needing(), entry()];
    const results = await append([entry(), { ...again(first), needsPrevious: true }, left, needing(), later]);
    expect(outcomes(results)).toEqual(['committed 4', 'duplicate 1', 'committed 5']);
    expect(results.at(-1)?.entry.msgId).toBe(later.msgId);
    expect(await current.timeline().findByClientMsgId(left)).toBeUndefined();
    const twice = entry();
    expect(outcomes(await append([twice, { ...again(twice), needsPrevious: true }, needing()]))).toEqual([
      'committed 6',
      'duplicate 6',
    ]);
    // Appends that share a commit do not depend on one another.
    const apart = await Promise.all([append([again(first), needing()]), append([entry(), needing()])]);
    expect(apart.map(outcomes)).toEqual([['duplicate 1'], ['committed 7', 'committed 8']]);
    expect(outcomes(await append([{ ...left, needsPrevious: false }]))).toEqual(['committed 9']);
  });

  test('[D3] a key belongs to its sender, and differs in case, spaces and length', async () => {
    const drafts = [{ from: 'ann' }, { from: 'bob' }, { key: 'K' }, { key: 'k ' }, { key: 'kk' }, { key: 'k\u0000' }];
    for (const month of [0, 1]) {
      const type = month === 0 ? 'committed' : 'duplicate';
      const results = await append(drafts.map((draft) => entry({ key: 'k', ...draft, atMs: inMonth(month) })));
      expect(outcomes(results)).toEqual(drafts.map((_, index) => `${type} ${index + 1}`));
    }
  });

  test('[D3] keys of any characters are found in closed months', async () => {
    const keys = [
      '\u0000',
      '\u0000\u0000',
      '~',
      '\u007f',
      'é',
      'e\u0301',
      '\ud7ff',
      '\uffff',
      '\u{10000}',
      '鸿雁',
      '\u{10ffff}',
    ];
    const at = (month: number) => keys.map((text) => entry({ key: text, atMs: inMonth(month) }));
    expect(outcomes(await append(at(0)))).toEqual(keys.map((_, index) => `committed ${index + 1}`));
    expect(outcomes(await append(at(1)))).toEqual(keys.map((_, index) => `duplicate ${index + 1}`));
  });

  test('[D3] a key of 64 characters may have four bytes for each, of a message and of a change', async () => {
    const keys = ['😀'.repeat(64), '\u{10ffff}'.repeat(64)] as const;
    const batch = [entry({ key: keys[0] }), change(1, { key: keys[1] })];
    expect(outcomes(await append(batch))).toEqual(['committed 1', 'committed 2']);
    expect(outcomes(await append(batch))).toEqual(['duplicate 1', 'duplicate 2']);
    for (const { from, clientMsgId } of batch)
      expect(await current.timeline().findByClientMsgId({ from, clientMsgId })).toMatchObject({ clientMsgId });
  });

  test('[D3] a key whose entry retention removed is free again', async () => {
    const first = entry({ key: 'k' });
    await append([first, entry({ atMs: inMonth(0) })]);
    await append([entry({ atMs: inMonth(1) })]);
    await current.timeline().retain({ fromMs: startOf(1) });
    expect(outcomes(await append([entry({ key: 'k', atMs: inMonth(1) })]))).toEqual(['committed 4']);
  });
}

function keptContract(current: Current): void {
  const hostile = `'"); DROP TABLE entry; -- \u0000\n\\ 鸿雁 👩‍👩‍👧 \u{10ffff} %_`;

  test('[D1] every string is stored unchanged, including SQL and NUL, and survives a reopen', async () => {
    const given = entry({
      in: `g:${hostile}`,
      from: hostile,
      key: hostile,
      msgId: hostile,
      content: JSON.stringify(hostile),
    });
    const [result] = await current.timeline().append([given]);
    expect(result).toMatchObject({ type: 'committed', entry: { ...given, seq: 1 } });
    for (const isReopened of [false, true]) {
      if (isReopened) await current.reopen();
      expect((await allOf(current.timeline(), `g:${hostile}`)).entries).toEqual([result?.entry as StoredEntry]);
      expect(await current.timeline().findByMsgId(given.msgId)).toEqual(result?.entry);
      expect(await current.timeline().findByClientMsgId(given)).toEqual(result?.entry);
    }
  });

  test('large contents are stored completely', async () => {
    const content = JSON.stringify({ type: 'text', text: '雁'.repeat(1_000_000) });
    await current.timeline().append([entry(), entry({ content }), entry()]);
    expect((await allOf(current.timeline())).entries[1]?.contentJson).toBe(content);
  });

  test('close stores accepted entries, rejects later ones, and is idempotent', async () => {
    const timeline = current.timeline();
    const accepted = timeline.append(entries(10));
    const closed = timeline.close();
    expect(await rejectionOf(timeline.append([entry({ key: 'late' })]))).toMatchObject({
      name: 'StoreFailure',
      code: 'unavailable',
    });
    expect(outcomes(await accepted)).toHaveLength(10);
    await closed;
    await timeline.close();
    await current.reopen();
    expect(await bounds(current.timeline())).toEqual([1, 10]);
  });
}

function positionsContract(current: Current): void {
  const ids = ['g:1', 'g:2', 'g:none'].map(conversation);
  const changed = async (since: Position) => [...(await current.timeline().changedSince(since, ids))].toSorted();

  test('[D4] conversations with entries after a position are named, over months and a reopen; others need not be', async () => {
    const empty = await current.timeline().position();
    expect(await changed(empty)).toEqual([]);
    await current.timeline().append([entry({ in: 'g:1' })]);
    const one = await current.timeline().position();
    await current.timeline().append([entry({ in: 'g:2', atMs: inMonth(1) })]);
    const two = await current.timeline().position();
    for (const isReopened of [false, true]) {
      if (isReopened) await current.reopen();
      expect([...(await changed(empty))]).toEqual(['g:1', 'g:2'].map(conversation));
      expect(await changed(one)).toContain(conversation('g:2'));
      expect(await changed(two)).toEqual([]);
      expect(await current.timeline().position()).toBe(two);
    }
  });

  test('[D4] entries that retention removed count as changed for readers that have not seen them', async () => {
    const before = await current.timeline().position();
    await current.timeline().append([entry({ in: 'g:2' })]);
    await current.timeline().append([entry({ in: 'g:1', atMs: inMonth(1) })]);
    await current.timeline().retain({ fromMs: startOf(1) });
    expect(await changed(before)).toEqual(['g:1', 'g:2'].map(conversation));
  });

  test('a position that is not of this store names all conversations', async () => {
    await current.timeline().append([entry({ in: 'g:1' })]);
    const position = await current.timeline().position();
    const epoch = current.timeline().epoch;
    expect(position.startsWith(epoch)).toBe(true);
    expect(position).toMatch(/^[A-Za-z0-9._-]{1,128}$/);
    const strange = [
      `x${position}`,
      position.slice(epoch.length),
      '',
      '0',
      'é',
      `${position}9`,
      `${epoch}.-1`,
      `${epoch}.1e9`,
    ];
    for (const text of strange) expect(await changed(text as Position)).toEqual(ids.toSorted());
    await current.reopen();
    expect(current.timeline().epoch).toBe(epoch);
  });
}
