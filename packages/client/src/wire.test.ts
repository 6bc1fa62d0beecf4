// The types that applications see are those of the operations table: a difference does not compile.

import { expect, test } from 'bun:test';
import type { DownOf } from '@hongyan/protocol/down';
import type { Output } from '@hongyan/protocol/operations/operations';
import type * as wire from './wire.ts';

/** Fields and their optionality; `true` only when either can stand for the other. */
type Same<A, B> = [Required<A>, Partial<A>] extends [Required<B>, Partial<B>]
  ? [Required<B>, Partial<B>] extends [Required<A>, Partial<A>]
    ? A extends B
      ? B extends A
        ? true
        : false
      : false
    : false
  : false;

const same = {
  conversation: true satisfies Same<wire.Conversation, Output<'getConversation'>>,
  entry: true satisfies Same<wire.Entry, Output<'history'>['entries'][number]>,
  user: true satisfies Same<wire.User, Output<'getUser'>>,
  auth: true satisfies Same<wire.AuthResult, Output<'login'>>,
  receipt: true satisfies Same<wire.Receipt, DownOf<'receipt'>>,
  place: true satisfies Same<wire.MessagePlace, Output<'getMessage'>>,
};

test('the types that applications see are those of the operations table', () => {
  expect(Object.values(same)).not.toContain(false as never);
});
