import { expect, test } from 'bun:test';
import type { ConversationId, UserId } from '@hongyan/client/api';
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
