// The loaded window: in order, each message once, holes kept apart.

import { describe, expect, test } from 'bun:test';
import type { ClientMessage, UserId } from '@hongyan/client/api';
import { type Arrived, extend, join, keyOf, missing } from './window.ts';

const message = (seq: number | undefined, id = `id-${seq}`): ClientMessage =>
  ({ from: 'ann', clientMsgId: id, seq, content: { type: 'text' } }) as unknown as ClientMessage;
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => message(from + index));
const seqs = (messages: readonly ClientMessage[]) => messages.map((one) => Number(one.seq));

const self = 'ann' as UserId;
const at = (throughSeq: number, arrived: readonly number[]) => ({
  throughSeq,
  self,
  arrived: arrived.map((seq) => ({ seq, message: message(seq) })),
});

describe('the loaded window', () => {
  test('an overlapping page adds only what is new, on either side', () => {
    expect(seqs(join(range(5, 8), range(3, 6)))).toEqual([3, 4, 5, 6, 7, 8]);
    expect(seqs(join(range(5, 8), range(7, 10)))).toEqual([5, 6, 7, 8, 9, 10]);
    expect(seqs(join([], range(1, 3)))).toEqual([1, 2, 3]);
  });

  test('a page that adds nothing leaves the window itself', () => {
    const window = range(1, 5);
    expect(join(window, range(2, 3))).toBe(window);
  });

  test('[D2] messages continue the window in order and once, whatever order they arrived in', () => {
    const { messages, rest } = extend(range(1, 3), at(3, [5, 4, 3, 4]));
    expect(seqs(messages)).toEqual([1, 2, 3, 4, 5]);
    expect(rest).toEqual([]);
  });

  test('what lies beyond a hole waits', () => {
    const { messages, rest } = extend(range(1, 3), at(3, [4, 7, 6]));
    expect(seqs(messages)).toEqual([1, 2, 3, 4]);
    expect(rest.map(({ seq }) => seq)).toEqual([6, 7]);
  });

  test('[D3] a message keeps its key through its ack, and is not shown twice', () => {
    const queued = message(undefined, 'key');
    const committed = message(4, 'key');
    expect(keyOf(queued)).toBe(keyOf(committed));
    expect(missing([...range(1, 3), committed], [queued, message(undefined, 'other')])).toHaveLength(1);
  });

  test('[E2] a change is applied to its message, and its seq is no hole', () => {
    const change = { seq: 4, from: 'bob', content: { type: 'hongyan.reaction', target_seq: 2, key: '👍', op: 'add' } };
    const arrived = [
      { seq: 5, message: message(5) },
      { seq: 4, change },
    ] as unknown as Arrived[];
    const { messages, throughSeq, rest } = extend(range(1, 3), { throughSeq: 3, self, arrived });
    expect(seqs(messages)).toEqual([1, 2, 3, 5]);
    expect(messages[1]?.reactions).toEqual([{ key: '👍', count: 1, isMine: false }]);
    expect([throughSeq, rest]).toEqual([5, []]);
  });
});
