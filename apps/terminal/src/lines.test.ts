// The mark of an own message: the later of its status and of what the receipts of the others give.

import { expect, test } from 'bun:test';
import type { ClientMessage, ConversationView, Seq, UserId } from '@hongyan/client';
import { markOf } from './lines.ts';

const message = (status: ClientMessage['status'], seq = 5): ClientMessage =>
  ({ status, seq, content: { type: 'text', text: 'x' } }) as unknown as ClientMessage;

const view = (memberCount: number, ...positions: readonly (readonly [delivered: number, read: number])[]) => {
  const receipts = positions.map(([deliveredSeq, readSeq], index) => [
    `user${index}` as UserId,
    { deliveredSeq: deliveredSeq as Seq, readSeq: readSeq as Seq },
  ]);
  return { memberCount, receipts: new Map(receipts as never) } as unknown as ConversationView;
};

test.each([
  ['a message that was read before this run', 'read', view(2), '✓✓ read'],
  ['one that was delivered before this run', 'delivered', view(2), '✓✓ delivered'],
  ['one that is read now', 'ack', view(2, [5, 5]), '✓✓ read'],
  ['one that is delivered now', 'ack', view(2, [5, 4]), '✓✓ delivered'],
  ['one that has not arrived', 'ack', view(2, [4, 4]), '✓ acked'],
  ['one that some have read', 'ack', view(4, [5, 5], [5, 3]), '✓✓ read by 1 of 3'],
  ['one that all have and some have read', 'delivered', view(3, [5, 5], [5, 3]), '✓✓ read by 1 of 2'],
  ['one that some have', 'ack', view(4, [5, 0], [3, 3]), '✓✓ delivered to 1 of 3'],
  ['a note to self', 'ack', view(1), '✓ acked'],
  ['one without a view of its conversation', 'read', undefined, '✓✓ read'],
] as const)('%s is marked by status %s and receipts', (_name, status, conversation, mark) => {
  expect(markOf(message(status), conversation)).toBe(mark);
});

test('a message of the outbox is marked by its own state alone', () => {
  expect(markOf(message('queued'), view(2, [9, 9]))).toBe('… queued');
  expect(markOf(message('failed'), view(2, [9, 9]))).toBe('✗ failed: refused');
});
