import { expect, test } from 'bun:test';
import type { MsgId, Seq } from '@hongyan/protocol/ids';
import { type Anchor, withAnchor } from './anchors.ts';

const anchor = (seq: number): Anchor => ({ seq: seq as Seq, msgId: `m${seq}` as MsgId });
const upTo = (last: number) =>
  Array.from({ length: last }, (_, index) => index + 1).reduce<readonly Anchor[]>(
    (anchors, seq) => withAnchor(anchors, anchor(seq)),
    [],
  );

test('anchors stay few, newest first, and reach back about as far again as what was lost', () => {
  for (const last of [1, 5, 64, 1_000, 10_000]) {
    const seqs = upTo(last).map(({ seq }) => Number(seq));
    expect(seqs.length).toBeLessThanOrEqual(30);
    expect(seqs).toEqual(seqs.toSorted((a, b) => b - a));
    for (let lost = 1; lost <= last - 1; lost++) {
      const nearest = seqs.find((seq) => seq <= last - lost) ?? 0;
      expect(last - lost - nearest).toBeLessThanOrEqual(lost * 4);
    }
  }
});

test('a seq that is not behind the newest changes nothing', () => {
  const anchors = upTo(7);
  expect(withAnchor(anchors, anchor(7))).toBe(anchors);
  expect(withAnchor(anchors, anchor(3))).toBe(anchors);
});
