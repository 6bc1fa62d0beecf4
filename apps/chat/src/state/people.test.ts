import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import type { User, UserId } from '@hongyan/client/api';
import { ClientError } from '@hongyan/client/client-error';
import { ManualClock } from '@hongyan/testing/manual-clock';
import { People } from './people.ts';

const ann = 'ann' as UserId;
const unavailable = new ClientError('unavailable', 'no network');

const { requestAnimationFrame } = globalThis;
beforeAll(() => {
  globalThis.requestAnimationFrame = (run) => {
    queueMicrotask(() => run(0));
    return 0;
  };
});
afterAll(() => {
  globalThis.requestAnimationFrame = requestAnimationFrame;
});

describe('names', () => {
  test('a name that could not be asked for is asked for again, though the connection reported nothing', async () => {
    const { people, clock, asked, answers } = rig();
    answers.push(unavailable, unavailable, 'Ann');
    people.want(ann);
    await settled();
    for (let attempt = 2; attempt <= 3; attempt++) {
      clock.advance(60_000);
      await settled();
      expect(asked).toHaveLength(attempt);
    }
    expect(people.names.get().get(ann)).toBe('Ann');
    expect(clock.nextInMs).toBe(500); // to keep the name: nothing is asked for any more
  });

  test('a failure that arrives after the connection came back is asked for again', async () => {
    const { people, clock, asked, answers } = rig();
    answers.push(unavailable, 'Ann');
    people.want(ann);
    people.online();
    await settled();
    clock.advance(60_000);
    await settled();
    expect(asked).toEqual([ann, ann]);
  });

  test.each([
    ['a name', 'Ann'],
    ['a failure', unavailable],
  ])('%s that comes after the end is neither kept nor asked for again', async (_what, answer) => {
    const { people, clock, answers, kept } = rig();
    answers.push(answer);
    people.want(ann);
    people.stop();
    await settled();
    expect(clock.nextInMs).toBeUndefined();
    clock.advance(60_000);
    expect(kept).toEqual([]);
  });

  test('a user who does not exist is asked for once', async () => {
    const { people, clock, asked, answers } = rig();
    answers.push(new ClientError('not_found', 'no such user'));
    people.want(ann);
    await settled();
    people.want(ann);
    people.online();
    expect(clock.nextInMs).toBeUndefined();
    expect(asked).toEqual([ann]);
  });

  test('a search requests names that are not there, a few at a time and a bounded number at once', async () => {
    const { people, asked, answers } = rig();
    const users = Array.from({ length: 600 }, (_, index) => `u${index}` as UserId);
    answers.push('Known', ...users);
    people.want(ann);
    await settled();
    people.wantNames([ann, ...users]);
    expect(asked).toHaveLength(1 + 8);
    while (asked.length < 501) await settled();
    await settled();
    expect(asked).toHaveLength(501);
    people.wantNames([ann, ...users]);
    while (asked.length < 601) await settled();
    expect(new Set(asked).size).toBe(601);
  });
});

/** Names of which each question takes the next of `answers`. */
function rig() {
  const clock = new ManualClock();
  const asked: UserId[] = [];
  const kept: string[] = [];
  const answers: (string | ClientError)[] = [];
  const people = new People({
    userId: ann,
    clock,
    storage: { readJson: () => undefined, write: (_name, value) => void kept.push(value), remove: () => {} },
    client: {
      watchPresence: async () => {},
      getUser: async (userId) => {
        asked.push(userId);
        const answer = answers.shift();
        if (typeof answer !== 'string') throw answer;
        return { user_id: userId, display_name: answer } as User;
      },
    },
  });
  return { people, clock, asked, answers, kept };
}

/** Promises that wait have run. */
const settled = () => new Promise((resolve) => setImmediate(resolve));
