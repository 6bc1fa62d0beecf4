import { expect, test } from 'bun:test';
import type { ConversationId } from '@hongyan/protocol/ids';
import { ManualClock } from '@hongyan/testing/manual-clock';
import { TypingThrottle } from './typing-throttle.ts';

const [first, second] = ['g:1', 'g:2'] as [ConversationId, ConversationId];

function create() {
  const clock = new ManualClock();
  const throttle = new TypingThrottle(clock);
  const posted: string[] = [];
  const type = (id: ConversationId, hasLeft = true) =>
    throttle.run(id, () => {
      posted.push(id);
      return hasLeft;
    });
  return { clock, throttle, posted, type };
}

test('a conversation has at most one frame in 3 s, whatever the others have', () => {
  const { clock, posted, type } = create();
  for (let ms = 0; ms < 6_000; ms += 500) {
    type(first);
    if (ms === 1_000) type(second);
    clock.advance(500);
  }
  expect(posted).toEqual([first, second, first]);
});

test('a send resets it: receivers hide typing with the message, and what is typed next is shown at once', () => {
  const { throttle, posted, type } = create();
  type(first);
  type(second);
  throttle.sent(first);
  type(first);
  type(second);
  expect(posted).toEqual([first, second, first]);
});

test('a frame that could not leave does not count', () => {
  const { posted, type } = create();
  type(first, false);
  type(first);
  type(first);
  expect(posted).toEqual([first, first]);
});
