// The contract of a directory that several processes write. Such adapters run it in addition to directoryContract.

import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import type { Seq } from '@hongyan/protocol/ids';
import { rejectionOf } from '@hongyan/testing/rejection';
import { createRandom, testSeed } from '@hongyan/testing/seed';
import { type Fence, Fenced } from '../../../domain/fence.ts';
import type { Directory, SharedDirectory } from '../directory.ts';
import type { ReceiptAdvance } from '../receipts.ts';
import {
  advance,
  conversation,
  conversationOf,
  device,
  group,
  joining,
  keyOf,
  memberOf,
  newUser,
  receiptsOf,
  seq,
  user,
} from './builders.ts';

export interface SharedDirectoryUnderTest {
  /** Two of one store, each as a process of its own has it. */
  readonly directories: readonly [SharedDirectory, SharedDirectory];
  /** Closes both and removes their data. */
  remove(): Promise<void>;
}

export function sharedDirectoryContract(name: string, make: () => Promise<SharedDirectoryUnderTest>): void {
  describe(name, () => {
    let made: SharedDirectoryUnderTest;
    beforeEach(async () => {
      made = await make();
    });
    afterEach(() => made.remove());

    describe('fences', () => fencesContract(() => made.directories));
    describe('writers at once', () => writersContract(() => made.directories));
  });
}

const fence = (epoch: number, partition = 3): Fence => ({ partition, epoch });

/** Each write that may belong to a command, and what it would change. */
const fencedWrites: Record<string, (directory: Directory, by: Fence) => Promise<unknown>> = {
  createConversation: (directory, by) => directory.createConversation({ ...group('g:2', ['ann']), fence: by }),
  updateConversation: (directory, by) =>
    directory.updateConversation({ conversationId: conversation('g:1'), title: 'other', fence: by }),
  addMember: (directory, by) => directory.addMember(joining('carl', { fence: by })),
  removeMember: (directory, by) => directory.removeMember({ ...keyOf('ann'), atMs: 20, fence: by }),
  setRole: (directory, by) => directory.setRole({ ...keyOf('bob'), role: 'owner', atMs: 20, fence: by }),
};

async function everything(directory: Directory) {
  return {
    conversations: await directory.getConversations(['g:1', 'g:2'].map(conversation)),
    members: await directory.members({ conversationId: conversation('g:1'), limit: 10 }),
    count: await directory.countMemberships(user('carl')),
  };
}

function fencesContract(directories: () => readonly [SharedDirectory, SharedDirectory]): void {
  test.each(Object.entries(fencedWrites))(
    '[F1] %s of a core whose partition has a newer owner stores nothing; the newer one may',
    async (_name, write) => {
      const [older, newer] = directories();
      await older.claim(fence(1));
      await older.createConversation({ ...group('g:1', ['ann', 'bob']), fence: fence(1) });
      await newer.claim(fence(2));
      const before = await everything(older);
      expect(await rejectionOf(write(older, fence(1)))).toBeInstanceOf(Fenced);
      expect(await everything(older)).toEqual(before);
      await write(newer, fence(2));
      expect(await everything(older)).not.toEqual(before);
    },
  );

  test('[F1] a claim is repeated without harm, an older one is refused, and partitions are apart', async () => {
    const [one, other] = directories();
    await one.claim(fence(5));
    await one.claim(fence(5));
    expect(await rejectionOf(other.claim(fence(4)))).toBeInstanceOf(Fenced);
    await other.claim(fence(1, 4));
    await one.createConversation({ ...group('g:1', ['ann']), fence: fence(5) });
    await other.createConversation({ ...group('g:2', ['ann']), fence: fence(1, 4) });
    expect(await one.countMemberships(user('ann'))).toBe(2);
  });

  test('[F1] writes with a partition or an epoch that was never claimed are rejected', async () => {
    const [one] = directories();
    expect(await rejectionOf(one.createConversation({ ...group('g:1', ['ann']), fence: fence(1) }))).toBeInstanceOf(
      Fenced,
    );
    await one.claim(fence(1));
    expect(await rejectionOf(one.createConversation({ ...group('g:1', ['ann']), fence: fence(2) }))).toBeInstanceOf(
      Fenced,
    );
    expect(await conversationOf(one, 'g:1')).toBeUndefined();
  });

  test('[F1] with concurrent writes and a claim, resolved writes are stored, and no other write is stored later', async () => {
    const [older, newer] = directories();
    await older.claim(fence(1));
    await older.createConversation({ ...group('g:1', ['ann']), fence: fence(1) });
    const joins = Array.from({ length: 40 }, (_, index) => older.addMember(joining(`u${index}`, { fence: fence(1) })));
    const outcomes = Promise.allSettled(joins);
    await joins[0];
    await newer.claim(fence(2));
    const atClaim = (await conversationOf(newer, 'g:1'))?.memberCount;
    const added = (await outcomes).filter(({ status }) => status === 'fulfilled');
    expect(atClaim).toBe(1 + added.length);
    expect((await conversationOf(newer, 'g:1'))?.memberCount).toBe(1 + added.length);
  });
}

function writersContract(directories: () => readonly [SharedDirectory, SharedDirectory]): void {
  test('[F2] the reads of every process see the writes of another', async () => {
    const [one, other] = directories();
    await one.createUser(newUser('Ann'));
    expect(await other.createUser(newUser('ann'))).toBe(false);
    await one.createConversation(group('g:1', ['ann', 'bob']));
    expect((await memberOf(other, 'ann'))?.userId).toBe(user('Ann'));
    await other.removeMember({ ...keyOf('bob'), atMs: 20 });
    expect(await memberOf(one, 'bob')).toBeUndefined();
    await other.setTier({ userId: user('ann'), tier: 'paid' });
    expect(await one.getTier(user('ann'))).toBe('paid');
  });

  test('[F3, E21] of two processes that apply the same entries, one does', async () => {
    const [one, other] = directories();
    const put = (directory: Directory) =>
      directory.putPrivate({
        ...{ userId: user('ann'), afterSeq: seq(0), asOfSeq: seq(1), reads: [] },
        rows: [{ key: 'a', seq: seq(1), json: '{}' }],
      });
    const applied = await Promise.all([put(one), put(other), put(one), put(other)]);
    expect(applied.filter((isMine) => isMine)).toHaveLength(1);
    expect(await one.privateTotals(user('ann'))).toEqual({ asOfSeq: seq(1), keys: 1, bytes: 3 });
  });

  test('[F3, D7] overlapping batches in any order, of two concurrent processes, give the maxima, and none fails', async () => {
    const random = createRandom(testSeed('directory writers at once'));
    const ids = Array.from({ length: 12 }, (_, index) => `u${index}`);
    const groups = ['g:1', 'g:2', 'g:3'];
    for (const id of groups) await directories()[0].createConversation(group(id, ids));
    const pick = <T>(from: readonly [T, ...T[]] | readonly T[]): T => from[Math.floor(random() * from.length)] as T;
    const batchOf = () =>
      Array.from({ length: 10 }, () =>
        advance({
          ...keyOf(pick(ids), pick(groups)),
          deviceId: device(pick(['phone', 'laptop'])),
          deliveredSeq: seq(Math.floor(random() * 1_000)),
          readSeq: seq(Math.floor(random() * 1_000)),
        }),
      );
    const batches = Array.from({ length: 80 }, batchOf);
    const writes = batches.map((batch, index) => directories()[index % 2 === 0 ? 0 : 1].advanceReceipts(batch));
    const results = (await Promise.all(writes)).flat();
    await expectMaxima(directories()[0], batches.flat());
    for (const { deliveredSeq, readSeq } of results) expect(readSeq).toBeLessThanOrEqual(deliveredSeq);
  }, 60_000);

  test('[F3] members who join, leave and report at once, of two processes, leave every count right', async () => {
    const [one, other] = directories();
    const ids = Array.from({ length: 8 }, (_, index) => `u${index}`);
    await one.createConversation(group('g:1', ids));
    await one.createConversation(group('g:2', ids.toReversed()));
    await Promise.all(
      ids.flatMap((id, index) => {
        const [first, second] = index % 2 === 0 ? [one, other] : [other, one];
        return [
          first.removeMember({ ...keyOf(id, 'g:1'), atMs: 20 }),
          second.advanceReceipts(
            ids.flatMap((each) => ['g:2', 'g:1'].map((at) => advance({ ...keyOf(each, at), readSeq: seq(9) }))),
          ),
          first.addMember(joining(`new${index}`, keyOf(`new${index}`, 'g:1'))),
          second.addMember(joining(`new${index}`, keyOf(`new${index}`, 'g:2'))),
          second.removeMember({ ...keyOf(id, 'g:2'), atMs: 20 }),
        ];
      }),
    );
    for (const id of ['g:1', 'g:2']) {
      const members = await one.members({ conversationId: conversation(id), limit: 100 });
      expect(members.map(({ userId }) => String(userId))).toEqual(ids.map((_, index) => `new${index}`));
      expect((await conversationOf(other, id))?.memberCount).toBe(members.length);
      expect(members.filter(({ role }) => role === 'owner')).toHaveLength(1);
    }
    expect(await one.countMemberships(user('u1'))).toBe(0);
    expect(await one.countMemberships(user('new1'))).toBe(2);
    expect(await receiptsOf(one, 'u1')).toEqual([]);
  }, 60_000);
}

async function expectMaxima(directory: Directory, advances: readonly ReceiptAdvance[]): Promise<void> {
  const furthest = new Map<string, { delivered: number; read: number }>();
  for (const { conversationId, userId, deviceId, deliveredSeq, readSeq } of advances) {
    for (const key of [`${conversationId} ${userId}`, `${conversationId} ${userId} ${deviceId}`]) {
      const before = furthest.get(key) ?? { delivered: 0, read: 0 };
      const delivered = Math.max(before.delivered, deliveredSeq, readSeq);
      furthest.set(key, { delivered, read: Math.max(before.read, readSeq) });
    }
  }
  for (const [key, { delivered, read }] of furthest) {
    const [conversationId = '', userId = '', deviceId] = key.split(' ');
    const stored =
      deviceId === undefined
        ? await memberOf(directory, userId, conversationId)
        : (await receiptsOf(directory, userId, conversationId)).find((one) => one.deviceId === deviceId);
    expect([key, stored?.deliveredSeq, stored?.readSeq]).toEqual([key, delivered as Seq, read as Seq]);
  }
}
