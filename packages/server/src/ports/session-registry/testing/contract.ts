// The contract of the session registry. Each adapter's test file runs it.

import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import type { DeviceId, UserId } from '@hongyan/protocol/ids';
import { testSeed } from '@hongyan/testing/seed';
import fc from 'fast-check';
import type { SessionRef, SessionRegistry } from '../session-registry.ts';

export interface SessionRegistryUnderTest {
  readonly registry: SessionRegistry;
  readonly ttlMs: number;
  /** Resolves when this much time has passed for the registry. */
  pass(ms: number): Promise<void>;
  remove(): Promise<void>;
}

const user = (id: string) => id as UserId;
const ref = (
  userId: string,
  sessionId: string,
  { device = `device of ${sessionId}`, node = 'n1' } = {},
): SessionRef => ({
  userId: user(userId),
  deviceId: device as DeviceId,
  sessionId,
  node,
});

interface Tools {
  registry(): SessionRegistry;
  ttlMs(): number;
  pass(ms: number): Promise<void>;
  /** The devices of a user that are online, sorted; empty when the user is offline. */
  devicesOf(userId: string): Promise<readonly string[]>;
}

export function sessionRegistryContract(name: string, make: () => Promise<SessionRegistryUnderTest>): void {
  describe(name, () => {
    let made: SessionRegistryUnderTest;
    beforeEach(async () => {
      made = await make();
    });
    afterEach(() => made.remove());
    const tools: Tools = {
      registry: () => made.registry,
      ttlMs: () => made.ttlMs,
      pass: (ms) => made.pass(ms),
      devicesOf: async (userId) => ((await made.registry.online([user(userId)])).get(user(userId)) ?? []).toSorted(),
    };

    describe('sessions', () => sessionsContract(tools));
    describe('nodes', () => nodesContract(tools));
    sessionProperties(make);
  });
}

function sessionsContract({ registry, devicesOf }: Tools): void {
  test('the first session makes a user online, the end of the last one offline', async () => {
    expect(await registry().add(ref('ann', 's1'))).toEqual({ becameOnline: true });
    expect(await registry().add(ref('ann', 's2'))).toEqual({ becameOnline: false });
    expect(await registry().remove(ref('ann', 's1'))).toEqual({ becameOffline: false });
    expect(await devicesOf('ann')).toEqual(['device of s2']);
    expect(await registry().remove(ref('ann', 's2'))).toEqual({ becameOffline: true });
    expect(await devicesOf('ann')).toEqual([]);
    expect(await registry().add(ref('ann', 's3'))).toEqual({ becameOnline: true });
  });

  test('of sessions that begin and end at once, one makes the user online and one offline', async () => {
    const sessions = Array.from({ length: 20 }, (_, index) => ref('ann', `s${index}`));
    const begun = await Promise.all(sessions.map((session) => registry().add(session)));
    expect(begun.filter(({ becameOnline }) => becameOnline)).toHaveLength(1);
    const ended = await Promise.all(sessions.map((session) => registry().remove(session)));
    expect(ended.filter(({ becameOffline }) => becameOffline)).toHaveLength(1);
  });

  test('a session added twice ends once; removing an unknown one changes nothing', async () => {
    await registry().add(ref('ann', 's1'));
    expect(await registry().add(ref('ann', 's1'))).toEqual({ becameOnline: false });
    for (const unknown of [ref('ann', 's2'), ref('bob', 's1')])
      expect(await registry().remove(unknown)).toEqual({ becameOffline: false });
    expect(await devicesOf('bob')).toEqual([]);
    expect(await registry().remove(ref('ann', 's1'))).toEqual({ becameOffline: true });
    expect(await registry().remove(ref('ann', 's1'))).toEqual({ becameOffline: false });
  });

  test('a device with two sessions, as when it reconnects, is listed once and stays until both are over', async () => {
    const [first, second] = [ref('ann', 's1', { device: 'phone' }), ref('ann', 's2', { device: 'phone', node: 'n2' })];
    await registry().add(first);
    await registry().add(second);
    await registry().add(ref('ann', 's3', { device: 'laptop' }));
    expect(await devicesOf('ann')).toEqual(['laptop', 'phone']);
    await registry().remove(first);
    expect(await devicesOf('ann')).toEqual(['laptop', 'phone']);
    await registry().remove(second);
    expect(await devicesOf('ann')).toEqual(['laptop']);
  });

  test('online answers for many users at once and leaves out those who are offline', async () => {
    await registry().add(ref('ann', 's1'));
    await registry().add(ref('carl', 's2'));
    const online = await registry().online(['bob', 'ann', 'Ann', 'bob', 'carl'].map(user));
    expect([...online.keys()].map(String).toSorted()).toEqual(['ann', 'carl']);
    expect((await registry().online([])).size).toBe(0);
  });
}

function nodesContract({ registry, ttlMs, pass, devicesOf }: Tools): void {
  test('[D9] a node that does not renew for the ttl loses its sessions, and its users are reported once', async () => {
    await registry().add(ref('ann', 's1'));
    await registry().add(ref('bob', 's2'));
    await pass(ttlMs() - 1);
    expect(await registry().expire()).toEqual([]);
    expect(await devicesOf('ann')).toEqual(['device of s1']);
    await pass(1);
    expect((await registry().expire()).toSorted()).toEqual([user('ann'), user('bob')]);
    expect(await registry().expire()).toEqual([]);
    expect(await devicesOf('ann')).toEqual([]);
    expect(await registry().add(ref('ann', 's1'))).toEqual({ becameOnline: true });
  });

  test('[D9] renewing a node or adding a session extends all sessions of the node by another ttl', async () => {
    await registry().add(ref('ann', 's1'));
    await pass(ttlMs() - 1);
    await registry().renew('n1');
    await pass(ttlMs() - 1);
    await registry().add(ref('bob', 's2'));
    await pass(ttlMs() - 1);
    expect(await registry().expire()).toEqual([]);
    expect(await devicesOf('ann')).toEqual(['device of s1']);
  });

  test('[D9] a user with a session on another node stays online when one node expires', async () => {
    await registry().add(ref('ann', 's1', { node: 'n1' }));
    await registry().add(ref('ann', 's2', { node: 'n2' }));
    await registry().add(ref('bob', 's3', { node: 'n1' }));
    await pass(ttlMs() - 1);
    await registry().renew('n2');
    await pass(1);
    expect(await registry().expire()).toEqual([user('bob')]);
    expect(await devicesOf('ann')).toEqual(['device of s2']);
    expect(await registry().remove(ref('ann', 's2', { node: 'n2' }))).toEqual({ becameOffline: true });
  });

  test('[D9] forgetNode drops the sessions of that node alone, at once', async () => {
    await registry().add(ref('ann', 's1', { node: 'n1' }));
    await registry().add(ref('bob', 's2', { node: 'n1' }));
    await registry().add(ref('bob', 's3', { node: 'n2' }));
    expect(await registry().forgetNode('n1')).toEqual([user('ann')]);
    expect(await devicesOf('bob')).toEqual(['device of s3']);
    expect(await registry().forgetNode('n1')).toEqual([]);
    expect(await registry().forgetNode('unknown')).toEqual([]);
  });

  test('renewing a node without sessions makes no user online', async () => {
    await registry().renew('n1');
    await pass(ttlMs());
    expect(await registry().expire()).toEqual([]);
  });
}

type Step =
  | { readonly type: 'add' | 'remove'; readonly userId: string; readonly sessionId: string }
  | { readonly type: 'forget'; readonly node: string };

const steps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      type: fc.constantFrom('add' as const, 'remove' as const),
      userId: fc.constantFrom('ann', 'bob'),
      sessionId: fc.constantFrom('s1', 's2', 's3'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('forget' as const), node: fc.constantFrom('n1', 'n2') }) },
);

/** Sessions of one id are always on one node, as session ids are unique. */
const nodeOf = (sessionId: string): string => (sessionId === 's3' ? 'n2' : 'n1');

function sessionProperties(make: () => Promise<SessionRegistryUnderTest>): void {
  test('sessions that are added, removed and forgotten in any order give the same results as sets', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(steps, { maxLength: 40 }), async (script) => {
        const { registry, remove } = await make();
        const model = new Map<string, Set<string>>();
        for (const step of script) await play(registry, model, step);
        await remove();
      }),
      { seed: testSeed('session registry'), numRuns: 50 },
    );
  });
}

async function play(registry: SessionRegistry, model: Map<string, Set<string>>, step: Step): Promise<void> {
  if (step.type === 'forget') {
    const expected: string[] = [];
    for (const [userId, sessions] of model) {
      const lost = [...sessions].filter((sessionId) => nodeOf(sessionId) === step.node);
      for (const sessionId of lost) sessions.delete(sessionId);
      if (lost.length > 0 && sessions.size === 0) expected.push(userId);
    }
    expect((await registry.forgetNode(step.node)).map(String).toSorted()).toEqual(expected.toSorted());
    return;
  }
  const { userId, sessionId } = step;
  const session = ref(userId, sessionId, { node: nodeOf(sessionId) });
  const sessions = model.get(userId) ?? new Set();
  model.set(userId, sessions);
  const wasOnline = sessions.size > 0;
  if (step.type === 'add') {
    sessions.add(sessionId);
    expect(await registry.add(session)).toEqual({ becameOnline: !wasOnline });
  } else {
    sessions.delete(sessionId);
    expect(await registry.remove(session)).toEqual({ becameOffline: wasOnline && sessions.size === 0 });
  }
  const devices = (await registry.online([user(userId)])).get(user(userId)) ?? [];
  expect<readonly string[]>(devices.toSorted()).toEqual([...sessions].map((id) => `device of ${id}`).toSorted());
}
