// The contract of the feed. The contract of the timeline runs it.

import { expect, test } from 'bun:test';
import { rejectionOf } from '@hongyan/testing/rejection';
import { type Feed, type FeedPage, UnknownPosition } from '../feed.ts';
import type { Position, StoredEntry } from '../timeline.ts';
import { entries, entry, inMonth, startOf } from './entries.ts';
import type { Current } from './under-test.ts';

/** All pages from a position on, as a reader takes them. */
export async function readAll(feed: Feed, after: Position, limit = 3): Promise<FeedPage & { readonly pages: number }> {
  let page = await feed.read({ after, limit });
  let pages = 1;
  const { hasGap } = page;
  const found = [...page.entries];
  while (!page.isAtEnd) {
    page = await feed.read({ after: page.position, limit });
    found.push(...page.entries);
    pages++;
  }
  return { ...page, entries: found, hasGap, pages };
}

/** The order that a feed guarantees: within each conversation. */
export const byConversation = (found: readonly StoredEntry[]): readonly StoredEntry[] =>
  found.toSorted((a, b) => (a.conversationId < b.conversationId ? -1 : Number(a.conversationId > b.conversationId)));

export function feedContract(current: Current): void {
  const texts = (page: FeedPage) =>
    byConversation(page.entries).map(({ conversationId, seq }) => `${conversationId} ${seq}`);

  test('every entry is read once, in the order of its conversation, over months and a reopen', async () => {
    const start = await current.feed().start();
    expect(await current.feed().read({ after: start, limit: 5 })).toEqual({
      entries: [],
      position: start,
      isAtEnd: true,
      hasGap: false,
    });
    const appended: StoredEntry[] = [];
    for (const month of [0, 0, 1, 1, 0, 2]) {
      const batch = [...entries(2, { atMs: inMonth(month) }), entry({ in: 'g:2', atMs: inMonth(month) })];
      for (const { entry: stored } of await current.timeline().append(batch)) appended.push(stored);
    }
    for (const isReopened of [false, true]) {
      if (isReopened) await current.reopen();
      for (const limit of [1, 2, 5, 18, 100]) {
        const { entries, hasGap, position } = await readAll(current.feed(), start, limit);
        const found = byConversation(entries);
        expect({ limit, found, hasGap }).toEqual({ limit, found: byConversation(appended), hasGap: false });
        expect(position).toBe(await current.timeline().position());
      }
    }
  });

  test('a duplicate is not read again', async () => {
    const first = entry();
    await current.timeline().append([first, entry()]);
    await current.timeline().append([first]);
    expect(texts(await readAll(current.feed(), await current.feed().start()))).toEqual(['g:1 1', 'g:1 2']);
  });

  test('a reader continues at its position, also after a reopen', async () => {
    await current.timeline().append(entries(3));
    const { position } = await current.feed().read({ after: await current.feed().start(), limit: 2 });
    await current.reopen();
    await current.timeline().append([entry({ in: 'g:2' })]);
    expect(texts(await readAll(current.feed(), position))).toEqual(['g:1 3', 'g:2 1']);
  });

  test('[D5] entries that retention removed before they were read are reported as a gap, and only those', async () => {
    const start = await current.feed().start();
    await current.timeline().append(entries(3));
    const { position: inJanuary } = await current.feed().read({ after: start, limit: 2 });
    const endOfJanuary = await current.timeline().position();
    await current.timeline().append([entry({ atMs: inMonth(1) })]);
    await current.timeline().append([entry({ atMs: inMonth(2) })]);
    await current.timeline().retain({ fromMs: startOf(1) });
    for (const isReopened of [false, true]) {
      if (isReopened) await current.reopen();
      for (const [after, hasGap] of [
        [start, true],
        [inJanuary, true],
        [endOfJanuary, false],
        [await current.feed().start(), false],
      ] as const) {
        const all = await readAll(current.feed(), after);
        expect({ after, entries: texts(all), hasGap: all.hasGap }).toEqual({
          after,
          entries: ['g:1 4', 'g:1 5'],
          hasGap,
        });
      }
    }
  });

  test('a position that is not of this store is refused', async () => {
    await current.timeline().append([entry()]);
    const position = await current.timeline().position();
    for (const text of ['', 'x', `x${position}`, `${position}9`]) {
      const after = text as Position;
      expect(await rejectionOf(current.feed().read({ after, limit: 1 }))).toBeInstanceOf(UnknownPosition);
      const { signal } = new AbortController();
      expect(await rejectionOf(current.feed().wait({ after, signal }))).toBeInstanceOf(UnknownPosition);
    }
  });

  test('wait resolves at the next commit, at once when there is one already, and when it is aborted', async () => {
    const never = new AbortController().signal;
    const start = await current.feed().start();
    let isResolved = false;
    const waited = current
      .feed()
      .wait({ after: start, signal: never })
      .then(() => {
        isResolved = true;
      });
    await Promise.resolve();
    expect(isResolved).toBe(false);
    await current.timeline().append([entry()]);
    await waited;
    await current.feed().wait({ after: start, signal: never });
    const after = await current.timeline().position();
    const aborting = new AbortController();
    const aborted = current.feed().wait({ after, signal: aborting.signal });
    aborting.abort();
    await aborted;
    await current.feed().wait({ after, signal: AbortSignal.abort() });
  });
}
