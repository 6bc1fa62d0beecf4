// The contract of private states.

import { beforeEach, expect, test } from 'bun:test';
import type { PrivateUpdate } from '../private-states.ts';
import { type Current, group, keyOf, memberOf, seq, user } from './builders.ts';

export function privateContract(current: Current): void {
  beforeEach(() => current().createConversation(group('g:1', ['ann', 'bob'])));

  const put = (afterSeq: number, rows: PrivateUpdate['rows'], more: Partial<PrivateUpdate> = {}) =>
    current().putPrivate({
      ...{ userId: user('ann'), afterSeq: seq(afterSeq), asOfSeq: seq(afterSeq + 1), rows, reads: [] },
      ...more,
    });
  const row = (key: string, at: number, json = '{}') => ({ key, seq: seq(at), json });
  const totals = () => current().privateTotals(user('ann'));
  const page = (more: object = {}) => current().privatePage({ userId: user('ann'), limit: 10, ...more });

  test('[E21] the newest row of each key remains, and removed keys are not returned', async () => {
    expect(await totals()).toEqual({ asOfSeq: seq(0), keys: 0, bytes: 0 });
    expect(await put(0, [row('a', 1, '"雁"'), row('b', 1)])).toBe(true);
    expect(await totals()).toEqual({ asOfSeq: seq(1), keys: 2, bytes: 1 + 5 + 1 + 2 });
    expect(await put(1, [row('a', 2, '{"n":2}'), { key: 'b', seq: seq(2) }, { key: 'c', seq: seq(2) }])).toBe(true);
    expect(await totals()).toEqual({ asOfSeq: seq(2), keys: 1, bytes: 1 + 7 });
    expect(await page()).toEqual([row('a', 2, '{"n":2}')]);
    expect(await current().privateRows({ userId: user('ann'), keys: ['b', 'a'] })).toEqual([
      undefined,
      row('a', 2, '{"n":2}'),
    ]);
  });

  test('[E21] an update that begins elsewhere changes nothing: its entries were applied already', async () => {
    expect(await put(0, [row('a', 1)])).toBe(true);
    expect(await put(0, [row('a', 1, '"again"')])).toBe(false);
    expect(await put(5, [row('b', 6)])).toBe(false);
    expect(await page()).toEqual([row('a', 1)]);
    expect(await put(1, [], { asOfSeq: seq(0) })).toBe(true);
    expect(await totals()).toMatchObject({ asOfSeq: seq(0), keys: 1 });
  });

  test('[E20] users have nothing of each other', async () => {
    await put(0, [row('a', 1)]);
    await put(0, [row('b', 1)], { userId: user('bob') });
    expect(await page()).toEqual([row('a', 1)]);
    expect(await page({ userId: user('BOB') })).toEqual([row('b', 1)]);
    expect(await page({ userId: user('eve') })).toEqual([]);
  });

  test('pages are in the order of keys and without holes', async () => {
    const rows = ['b', 'a', 'C', 'd 2', 'd 10'].map((key) => row(key, 1));
    await put(0, rows);
    const keys: string[] = [];
    for (let after: string | undefined = ''; after !== undefined; ) {
      const found: readonly { key: string }[] = await page({ after, limit: 2 });
      keys.push(...found.map(({ key }) => key));
      after = found.at(-1)?.key;
    }
    expect(keys).toEqual(['C', 'a', 'b', 'd 10', 'd 2']);
  });

  test('[E23] a private read mark moves the point where unread begins, and nothing that others see', async () => {
    const read = (sentSeq: number, atMs: number) => ({ ...keyOf('ann', 'g:1'), sentSeq: seq(sentSeq), atMs });
    const before = await memberOf(current(), 'ann', 'g:1');
    await put(0, [], { reads: [read(4, 5_000), read(3, 6_000), { ...read(1, 1), ...keyOf('ann', 'g:none') }] });
    expect(await memberOf(current(), 'ann', 'g:1')).toEqual(
      before && { ...before, sentSeq: seq(4), updatedAtMs: Math.max(5_000, before.updatedAtMs) },
    );
  });
}
