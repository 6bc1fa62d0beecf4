// What every session registry must do, whatever it is kept in: run by each adapter's test file.

import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import type { DeviceId, UserId } from '@hongyan/protocol/ids';
import { testSeed } from '@hongyan/testing/seed';
import fc from 'fast-check';
import type { PresenceState, SessionRef, SessionRegistry } from '../session-registry.ts';

export interface SessionRegistryUnderTest {
  readonly registry: SessionRegistry;
  remove(): Promise<void>;
}

const user = (id: string) => id as UserId;
const session = (userId: string, sessionId: string, deviceId = `device of ${sessionId}`): SessionRef => ({
  userId: user(userId),
  deviceId: deviceId as DeviceId,
  sessionId,
  node: 'n1',
});
const offline = (userId: string): PresenceState => ({ userId: user(userId), online: false, devices: [] });

export function sessionRegistryContract(name: string, make: () => Promise<SessionRegistryUnderTest>): void {
  describe(name, () => {
    let made: SessionRegistryUnderTest;
    let registry: SessionRegistry;
    beforeEach(async () => {
      made = await make();
      registry = made.registry;
    });
    afterEach(() => made.remove());
    const presenceOf = async (userId: string) => (await registry.presence([user(userId)]))[0];

    test('the first session makes a user online, the end of the last one offline', async () => {
      expect(await registry.add(session('ann', 's1'))).toEqual({ becameOnline: true });
      expect(await registry.add(session('ann', 's2'))).toEqual({ becameOnline: false });
      expect(await registry.remove(session('ann', 's1'), 50)).toEqual({ becameOffline: false });
      expect(await presenceOf('ann')).toMatchObject({ online: true, devices: ['device of s2'] });
      expect(await registry.remove(session('ann', 's2'), 60)).toEqual({ becameOffline: true });
      expect(await presenceOf('ann')).toEqual({ ...offline('ann'), lastSeenMs: 60 });
    });

    test('of sessions that begin and end at once, one brings the user online and one takes them offline', async () => {
      const sessions = Array.from({ length: 20 }, (_, index) => session('ann', `s${index}`));
      const begun = await Promise.all(sessions.map((one) => registry.add(one)));
      expect(begun.filter(({ becameOnline }) => becameOnline)).toHaveLength(1);
      const ended = await Promise.all(sessions.map((one) => registry.remove(one, 50)));
      expect(ended.filter(({ becameOffline }) => becameOffline)).toHaveLength(1);
    });

    test('a session added twice ends once; one that is not there ends without a word', async () => {
      await registry.add(session('ann', 's1'));
      expect(await registry.add(session('ann', 's1'))).toEqual({ becameOnline: false });
      for (const stranger of [session('ann', 's2'), session('bob', 's1')]) {
        expect(await registry.remove(stranger, 50)).toEqual({ becameOffline: false });
      }
      expect(await presenceOf('bob')).toEqual(offline('bob'));
      expect(await registry.remove(session('ann', 's1'), 50)).toEqual({ becameOffline: true });
      expect(await registry.remove(session('ann', 's1'), 70)).toEqual({ becameOffline: false });
      expect(await presenceOf('ann')).toMatchObject({ lastSeenMs: 50 });
    });

    test('a device with two sessions, as when it reconnects, is listed once and stays until both are over', async () => {
      await registry.add(session('ann', 's1', 'phone'));
      await registry.add(session('ann', 's2', 'phone'));
      await registry.add(session('ann', 's3', 'laptop'));
      expect((await presenceOf('ann'))?.devices.toSorted()).toEqual(['laptop', 'phone'] as DeviceId[]);
      await registry.remove(session('ann', 's1', 'phone'), 50);
      expect((await presenceOf('ann'))?.devices.toSorted()).toEqual(['laptop', 'phone'] as DeviceId[]);
      await registry.remove(session('ann', 's2', 'phone'), 50);
      expect((await presenceOf('ann'))?.devices).toEqual(['laptop'] as DeviceId[]);
    });

    test('presence comes one per id, in the order asked; who was never here was never seen', async () => {
      await registry.add(session('ann', 's1'));
      const states = await registry.presence(['bob', 'ann', 'Ann', 'bob'].map(user));
      expect(states.map(({ userId, online }) => [String(userId), online])).toEqual([
        ['bob', false],
        ['ann', true],
        ['Ann', false],
        ['bob', false],
      ]);
      expect(states[0]).toEqual(offline('bob'));
      expect(await registry.presence([])).toEqual([]);
    });

    test('who is online again has no time of last being seen', async () => {
      await registry.add(session('ann', 's1'));
      await registry.remove(session('ann', 's1'), 50);
      await registry.add(session('ann', 's2'));
      expect(await presenceOf('ann')).toEqual({
        userId: user('ann'),
        online: true,
        devices: ['device of s2' as DeviceId],
      });
    });

    test('sessions begun and ended in any order give what sets of them give', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(steps, { maxLength: 40 }), (script) => agrees(make, script)),
        {
          seed: testSeed('session registry'),
          numRuns: 50,
        },
      );
    });
  });
}

const steps = fc.record({
  isAdd: fc.boolean(),
  userId: fc.constantFrom('ann', 'bob'),
  sessionId: fc.constantFrom('s1', 's2', 's3'),
});

async function agrees(
  make: () => Promise<SessionRegistryUnderTest>,
  script: readonly { readonly isAdd: boolean; readonly userId: string; readonly sessionId: string }[],
): Promise<void> {
  const { registry, remove } = await make();
  const model = new Map<string, Set<string>>();
  for (const { isAdd, userId, sessionId } of script) {
    const own = model.get(userId) ?? new Set();
    model.set(userId, own);
    const wasOnline = own.size > 0;
    if (isAdd) {
      own.add(sessionId);
      expect(await registry.add(session(userId, sessionId))).toEqual({ becameOnline: !wasOnline });
    } else {
      own.delete(sessionId);
      const { becameOffline } = await registry.remove(session(userId, sessionId), 50);
      expect(becameOffline).toBe(wasOnline && own.size === 0);
    }
    const [state] = await registry.presence([user(userId)]);
    expect<unknown>(state?.devices.toSorted()).toEqual([...own].map((id) => `device of ${id}`).toSorted());
    expect(state?.online).toBe(own.size > 0);
  }
  await remove();
}
