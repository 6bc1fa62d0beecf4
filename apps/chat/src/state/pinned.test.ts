import { expect, test } from 'bun:test';
import type { ClientMessage, ConversationId, Seq, UserId } from '@hongyan/client/api';
import { Pinned } from './pinned.ts';

const g1 = 'g:1' as ConversationId;
const message = (seq: number) =>
  ({ conversationId: g1, seq: seq as Seq, content: { type: 'text', text: `${seq}` }, isPinned: true }) as ClientMessage;

test('what happens while the list is read has it read again, and the later answer counts', async () => {
  const answers: ((list: readonly ClientMessage[]) => void)[] = [];
  const pinned = new Pinned({ pinned: () => new Promise((resolve) => answers.push(resolve)) }, 'me' as UserId);
  const answer = async (...seqs: number[]) => {
    answers.shift()?.(seqs.map(message));
    await new Promise((resolve) => setImmediate(resolve));
    return (pinned.lists.get().get(g1) ?? []).map(({ seq }) => Number(seq));
  };
  pinned.want(g1);
  pinned.online();
  expect(await answer(1)).toEqual([1]);
  pinned.changed(g1, {
    seq: 9 as Seq,
    from: 'you' as UserId,
    content: { type: 'hongyan.pin', target_seq: 1, pinned: false },
  });
  await answer(1, 2);
  expect(await answer(2)).toEqual([2]);
  expect(answers).toEqual([]);
});
