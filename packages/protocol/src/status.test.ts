import { expect, test } from 'bun:test';
import { testSeed } from '@hongyan/testing/seed';
import fc from 'fast-check';
import type { Seq } from './ids.ts';
import { earlierStatus, laterStatus, statusAt, statusForSender, statusFromCounts } from './status.ts';

const at = (deliveredSeq: number, readSeq: number) => ({ deliveredSeq: deliveredSeq as Seq, readSeq: readSeq as Seq });
const seq = 5 as Seq;

test.each([
  [at(4, 4), 'ack'],
  [at(5, 4), 'delivered'],
  [at(5, 5), 'read'],
  // A read position counts as delivered even if no delivered position was reported.
  [at(0, 5), 'read'],
] as const)('[D7] the position %p gives seq 5 the status %s', (position, status) => {
  expect(statusAt(seq, position)).toBe(status);
});

test.each([
  ['the slowest member decides', [at(9, 9), at(5, 4)], 3, 'delivered'],
  ['all have read it', [at(9, 9), at(5, 5)], 3, 'read'],
  ['a member without a known position has not received it', [at(9, 9)], 3, 'ack'],
  ['positions of members who left do not count against it', [at(9, 9), at(9, 9), at(9, 9)], 3, 'read'],
  ['a note to self has no recipient', [], 1, 'ack'],
] as const)('for its sender: %s', (_name, others, memberCount, status) => {
  expect(statusForSender(seq, others, memberCount)).toBe(status);
});

test('statuses are ordered sent, ack, delivered, read', () => {
  const all = ['sent', 'ack', 'delivered', 'read'] as const;
  for (const [index, status] of all.entries()) {
    expect(all.map((other) => earlierStatus(status, other))).toEqual(
      all.map((other, at) => all[Math.min(index, at)] ?? other),
    );
    expect(laterStatus(status, 'read')).toBe('read');
  }
});

test.each([
  [{ recipients: 3, delivered: 3, read: 3 }, 'read'],
  [{ recipients: 3, delivered: 3, read: 2 }, 'delivered'],
  [{ recipients: 3, delivered: 2, read: 2 }, 'ack'],
  // The counts may include members who have left since.
  [{ recipients: 2, delivered: 3, read: 3 }, 'read'],
  [{ recipients: 0, delivered: 0, read: 0 }, 'ack'],
] as const)('the counts %p give the status %s', (counts, status) => {
  expect(statusFromCounts(counts)).toBe(status);
});

test('[D7] a status never goes back while positions go forward', () => {
  const order = ['sent', 'ack', 'delivered', 'read'];
  const number = fc.nat(50);
  fc.assert(
    fc.property(number, number, number, fc.nat(10), (message, read, extra, more) => {
      const before = statusAt(message as Seq, at(read + extra, read));
      const after = statusAt(message as Seq, at(read + extra + more, read + more));
      expect(order.indexOf(after)).toBeGreaterThanOrEqual(order.indexOf(before));
    }),
    { seed: testSeed('status') },
  );
});
