// The loaded window: in order, each message once, holes kept apart.

import { describe, expect, test } from 'bun:test';
import type { ClientMessage } from '@hongyan/client/api';
import { extend, join, keyOf, missing } from './window.ts';

const message = (seq: number | undefined, id = `id-${seq}`): ClientMessage =>
  ({ from: 'ann', clientMsgId: id, seq, content: { type: 'text' } }) as unknown as ClientMessage;
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => message(from + index));
const seqs = (messages: readonly ClientMessage[]) => messages.map((one) => Number(one.seq));

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
    const { messages, rest } = extend(range(1, 3), [message(5), message(4), message(3), message(4)]);
    expect(seqs(messages)).toEqual([1, 2, 3, 4, 5]);
    expect(rest).toEqual([]);
  });

  test('what lies beyond a hole waits', () => {
    const { messages, rest } = extend(range(1, 3), [message(4), message(7), message(6)]);
    expect(seqs(messages)).toEqual([1, 2, 3, 4]);
    expect(seqs(rest)).toEqual([6, 7]);
  });

  test('[D3] a message keeps its key through its ack, and is not shown twice', () => {
    const queued = message(undefined, 'key');
    const committed = message(4, 'key');
    expect(keyOf(queued)).toBe(keyOf(committed));
    expect(missing([...range(1, 3), committed], [queued, message(undefined, 'other')])).toHaveLength(1);
  });
});
