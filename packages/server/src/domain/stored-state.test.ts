import { expect, test } from 'bun:test';
import type { Seq, UserId } from '@hongyan/protocol/ids';
import { testSeed } from '@hongyan/testing/seed';
import fc from 'fast-check';
import type { MessageState } from './message-state.ts';
import { decodeState, decodeStateFor, encodeState } from './stored-state.ts';

const [ann, bob, eve] = ['ann', 'bob', 'eve'] as [UserId, UserId, UserId];
/** A key may look like a user id. */
const reactions = [
  { key: '👍', userIds: [ann, bob] },
  { key: 'eve', userIds: [bob] },
];
const state: MessageState = { pinned: true, edited: { seq: 7 as Seq, content: { type: 'x' } }, reactions };

test('[E6] a state is decoded as it was encoded', () => {
  for (const each of [state, {}, { recalled: true } as const, { reactions: [] }])
    expect(decodeState(encodeState(each))).toEqual(each);
});

test('[E6] a reader sees the count of each key, and which ones are theirs', () => {
  const seenBy = (reader: UserId) => decodeStateFor(reader, encodeState(state)).reactions;
  expect(seenBy(ann)).toEqual([
    { key: '👍', count: 2, mine: true },
    { key: 'eve', count: 1 },
  ]);
  expect(seenBy(bob)?.map(({ mine }) => mine)).toEqual([true, true]);
  expect(seenBy(eve)?.map(({ mine }) => mine)).toEqual([undefined, undefined]);
  expect(decodeStateFor(eve, encodeState({ recalled: true }))).toEqual({ recalled: true });
});

test('[E6] states stored by an older version are decoded too', () => {
  const older = JSON.stringify(state);
  expect(decodeState(older)).toEqual(state);
  expect(decodeStateFor(ann, older)).toEqual(decodeStateFor(ann, encodeState(state)));
});

test('[E6] both ways of decoding agree for any reactions', () => {
  const ids = fc.constantFrom(ann, bob, eve);
  const any = fc.array(fc.record({ key: fc.string(), userIds: fc.uniqueArray(ids, { minLength: 1 }) }), {
    maxLength: 5,
  });
  fc.assert(
    fc.property(any, ids, (given, reader) => {
      const json = encodeState({ reactions: given });
      expect(decodeState(json).reactions).toEqual(given);
      const expected = given.map(({ key, userIds }) => ({
        key,
        count: userIds.length,
        ...(userIds.includes(reader) ? { mine: true } : {}),
      }));
      expect(decodeStateFor(reader, json).reactions).toEqual(expected as never);
    }),
    { seed: testSeed('stored states') },
  );
});
