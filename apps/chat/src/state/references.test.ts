import { beforeEach, expect, test } from 'bun:test';
import type { ClientMessage, ConversationId, Seq, UserId } from '@hongyan/client/api';
import { References } from './references.ts';

const id = 'g:geese' as ConversationId;
let kept: Map<string, string>;
let references: References;

/** As after a reload: what the device keeps outlives the page. */
const open = () =>
  new References({
    userId: 'ann' as UserId,
    storage: {
      readJson: (name) => JSON.parse(kept.get(name) ?? 'null') ?? undefined,
      write: (name, value) => void kept.set(name, value),
      remove: (name) => void kept.delete(name),
    },
  });
const message = (more: object): ClientMessage =>
  ({ conversationId: id, seq: 3, from: 'bob', content: { type: 'text', text: 'a secret' }, ...more }) as never;

beforeEach(() => {
  kept = new Map();
  references = open();
});

test('[E8] mentioned is who was picked and still stands in the text, not whose name begins alike', () => {
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
  references.beginReply(message({}));
  const change = { from: 'bob' as UserId, content: { type: 'hongyan.recall', target_seq: 3 } };
  references.changed(id, { ...change, seq: 5 as Seq });
  expect(references.replies.get().get(id)?.isRecalled).toBe(true);
  const { replyTo } = references.of(id, 'hello');
  expect<unknown>(replyTo).toEqual({ seq: 3, from: 'bob', isRecalled: true, asOfSeq: 5 });
});

test('[E8] of two members with one name both are mentioned, or the one who was picked last, as often as the text says', () => {
  for (const userId of ['alex1', 'alex2'] as UserId[]) references.pick(id, '@Alex', userId);
  expect<unknown>(references.of(id, '@Alex and @Alex').mentions).toEqual(['alex1', 'alex2']);
  expect<unknown>(references.of(id, '@Alex').mentions).toEqual(['alex2']);
  references.pick(id, '@Alex', 'alex1' as UserId);
  expect<unknown>(references.of(id, '@Alex').mentions).toEqual(['alex1']);
});

test('what a draft answers and mentions survives a reload, until it is sent or forgotten', () => {
  references.beginReply(message({}));
  references.pick(id, '@Bob', 'bob' as UserId);
  const before = references.of(id, '@Bob, no');
  references = open();
  expect(references.of(id, '@Bob, no')).toEqual(before);
  references.clear(id);
  expect(open().of(id, '@Bob, no')).toEqual({});
  references.pick(id, '@Bob', 'bob' as UserId);
  references.forget();
  references.pick(id, '@Cat', 'cat' as UserId);
  expect([...kept]).toEqual([]);
});

test('what another program wrote there is nothing', () => {
  kept.set('references.ann', JSON.stringify({ replies: 7 }));
  expect(open().of(id, '@Bob')).toEqual({});
});

test('a message that is written again answers and mentions as before, but not in place of another answer', () => {
  const replyTo = { seq: 3, from: 'bob', content: { type: 'text', text: 'When?' } };
  const failed = message({ seq: undefined, replyTo, mentions: ['cat'] });
  const wordsOf = () => ['@Grey Goose'];
  references.takeBack(failed, wordsOf);
  expect<unknown>(references.of(id, 'at seven, @Grey Goose')).toEqual({ replyTo, mentions: ['cat'] });
  references.clear(id);
  references.beginReply(message({ seq: 9 }));
  references.takeBack(failed, wordsOf);
  expect<unknown>(references.of(id, 'at seven').replyTo?.seq).toBe(9);
});
