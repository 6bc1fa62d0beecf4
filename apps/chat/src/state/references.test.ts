import { expect, test } from 'bun:test';
import type { ClientMessage, ConversationId, Seq, UserId } from '@hongyan/client/api';
import { References } from './references.ts';

const id = 'g:geese' as ConversationId;

test('[E8] mentioned is who was picked and still stands in the text, not whose name begins alike', () => {
  const references = new References();
  references.pick(id, '@Bob', 'bob' as UserId);
  references.pick(id, '@Bobby', 'bobby' as UserId);
  expect<unknown>(references.of(id, 'hello @Bobby, and @Bobby').mentions).toEqual(['bobby']);
  expect<unknown>(references.of(id, 'hello @Bobby and @Bob').mentions).toEqual(['bobby', 'bob']);
  expect(references.of(id, 'hello')).toEqual({});
  references.pick(id, '@all', 'all');
  expect(references.of(id, '@all, and @Bob').mentions).toBe('all');
  references.clear(id);
  expect(references.of(id, '@all, and @Bob')).toEqual({});
});

test('[E5] of a message that is recalled while it is being answered nothing is left to quote', () => {
  const references = new References();
  const message = { conversationId: id, seq: 3, from: 'bob', content: { type: 'text', text: 'a secret' } };
  references.beginReply(message as unknown as ClientMessage);
  const change = { from: 'bob' as UserId, content: { type: 'hongyan.recall', target_seq: 3 } };
  references.changed(id, { ...change, seq: 5 as Seq });
  expect(references.replies.get().get(id)?.isRecalled).toBe(true);
  const { replyTo } = references.of(id, 'hello');
  expect<unknown>(replyTo).toEqual({ seq: 3, from: 'bob', isRecalled: true, asOfSeq: 5 });
});
