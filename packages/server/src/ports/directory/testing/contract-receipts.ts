// The contract of positions.

import { beforeEach, expect, test } from 'bun:test';
import type { Seq, UserId } from '@hongyan/protocol/ids';
import {
  advance,
  type Current,
  conversation,
  device,
  group,
  keyOf,
  memberOf,
  receiptsOf,
  seq,
  user,
} from './builders.ts';

export function receiptsContract(current: Current): void {
  beforeEach(() => current().createConversation(group('g:1', ['ann', 'bob', 'carl'])));

  test('[D7] read raises delivered, neither moves back, and an advance that moves nothing reports it', async () => {
    const results = await current().advanceReceipts([
      advance({ readSeq: seq(5) }),
      advance({ deliveredSeq: seq(3), readSeq: seq(2) }),
      advance({ deliveredSeq: seq(9) }),
      advance({ deliveredSeq: seq(9), readSeq: seq(5) }),
      advance({ readSeq: seq(7) }),
    ]);
    expect(results.map(({ deliveredSeq, readSeq, changed }) => [deliveredSeq, readSeq, changed])).toEqual([
      [seq(5), seq(5), true],
      [seq(5), seq(5), false],
      [seq(9), seq(5), true],
      [seq(9), seq(5), false],
      [seq(9), seq(7), true],
    ]);
  });

  test('[E3] the newest own message of a member only moves forward, and moves neither position nor date', async () => {
    const sent = (userId: string, sentSeq: number) => ({ ...keyOf(userId, 'g:1'), sentSeq: seq(sentSeq) });
    await current().advanceSent([
      sent('ann', 5),
      sent('ANN', 3),
      sent('eve', 9),
      { ...sent('ann', 9), conversationId: conversation('g:none') },
    ]);
    await current().advanceSent([]);
    expect(await memberOf(current(), 'ann')).toMatchObject({
      sentSeq: 5,
      readSeq: 0,
      deliveredSeq: 0,
      updatedAtMs: 10,
    });
    await current().advanceSent([sent('ann', 6)]);
    expect((await memberOf(current(), 'ann'))?.sentSeq).toBe(seq(6));
    expect((await memberOf(current(), 'bob'))?.sentSeq).toBe(seq(0));
  });

  test('[D7] each device has its positions, and the member has the maxima', async () => {
    await current().advanceReceipts([
      advance({ deliveredSeq: seq(9), readSeq: seq(2) }),
      advance({ deviceId: device('laptop'), deliveredSeq: seq(6), readSeq: seq(4) }),
    ]);
    expect(await memberOf(current(), 'ann')).toMatchObject({ deliveredSeq: 9, readSeq: 4 });
    const receipts = await receiptsOf(current(), 'ann');
    expect(receipts.toSorted((a, b) => (a.deviceId < b.deviceId ? -1 : 1))).toEqual([
      { userId: user('ann'), deviceId: device('laptop'), deliveredSeq: seq(6), readSeq: seq(4) },
      { userId: user('ann'), deviceId: device('phone'), deliveredSeq: seq(9), readSeq: seq(2) },
    ]);
  });

  test('receipts are read for one device in many conversations, and for many members of one conversation', async () => {
    await current().createConversation(group('g:2', ['ann']));
    await current().advanceReceipts([
      advance({ readSeq: seq(5) }),
      advance({ ...keyOf('ann', 'g:2'), deliveredSeq: seq(3) }),
      advance({ userId: user('bob'), readSeq: seq(4) }),
    ]);
    const ofPhone = (userId: string, ...ids: readonly string[]) =>
      current().receiptsOfDevice({
        userId: user(userId),
        deviceId: device('phone'),
        conversationIds: ids.map(conversation),
      });
    const mine = await ofPhone('ANN', 'g:2', 'g:none', 'g:1');
    expect(
      [...mine].map(([id, { userId, readSeq, deliveredSeq }]) => [String(id), userId, readSeq, deliveredSeq]),
    ).toEqual([
      ['g:2', user('ann'), seq(0), seq(3)],
      ['g:1', user('ann'), seq(5), seq(5)],
    ]);
    expect((await ofPhone('bob', 'g:2')).size).toBe(0);
    expect((await ofPhone('nobody', 'g:1')).size).toBe(0);
    const ofGroup = await current().deviceReceipts({
      conversationId: conversation('g:1'),
      userIds: [user('bob'), user('carl'), user('ann'), user('nobody')],
    });
    expect([...ofGroup].map(([userId, [first]]) => [String(userId), first?.readSeq])).toEqual([
      ['bob', seq(4)],
      ['ann', seq(5)],
    ]);
    expect(
      (await current().deviceReceipts({ conversationId: conversation('g:none'), userIds: [user('ann')] })).size,
    ).toBe(0);
  });

  test('an advance of a user who is not a member changes nothing, beside others that do', async () => {
    const results = await current().advanceReceipts([
      advance({ userId: user('eve'), readSeq: seq(5) }),
      advance({ conversationId: conversation('g:none'), readSeq: seq(5) }),
      advance({ userId: user('bob'), readSeq: seq(5) }),
    ]);
    expect(results.map(({ userId, changed }) => [String(userId), changed])).toEqual([
      ['eve', false],
      ['ann', false],
      ['bob', true],
    ]);
    expect(await receiptsOf(current(), 'eve')).toEqual([]);
    expect(await current().advanceReceipts([])).toEqual([]);
  });

  test('members are listed by their positions, page by page', async () => {
    await current().advanceReceipts([
      advance({ readSeq: seq(9) }),
      advance({ userId: user('bob'), deliveredSeq: seq(5), readSeq: seq(4) }),
      advance({ userId: user('carl'), readSeq: seq(5) }),
    ]);
    const reached = async (of: { deliveredSeq?: Seq; readSeq?: Seq }) => {
      const ids: string[] = [];
      for (let after: UserId | undefined; ; ) {
        const page = {
          conversationId: conversation('g:1'),
          limit: 1,
          reached: of,
          ...(after === undefined ? {} : { after }),
        };
        const [member] = await current().members(page);
        if (!member) return ids.sort();
        after = member.userId;
        ids.push(after);
      }
    };
    expect(await reached({ deliveredSeq: seq(5) })).toEqual(['ann', 'bob', 'carl']);
    expect(await reached({ readSeq: seq(5) })).toEqual(['ann', 'carl']);
    expect(await reached({ readSeq: seq(9) })).toEqual(['ann']);
    expect(await reached({ readSeq: seq(10) })).toEqual([]);
  });

  test('ids in another case are the same member, conversation and user; the result has the requested ids', async () => {
    await current().advanceReceipts([advance({ readSeq: seq(5) })]);
    const [result] = await current().advanceReceipts([advance({ ...keyOf('ANN', 'G:1'), readSeq: seq(6) })]);
    expect(result).toEqual({ ...keyOf('ANN', 'G:1'), deliveredSeq: seq(6), readSeq: seq(6), changed: true });
    expect(await receiptsOf(current(), 'ann')).toHaveLength(1);
  });

  test('a read position updates the time of a membership, a delivered one does not, and the time never moves back', async () => {
    const updatedAtMs = async () => (await memberOf(current(), 'ann'))?.updatedAtMs;
    await current().advanceReceipts([advance({ deliveredSeq: seq(5), atMs: 50 })]);
    expect(await updatedAtMs()).toBe(10);
    await current().advanceReceipts([advance({ readSeq: seq(3), atMs: 60 })]);
    expect(await updatedAtMs()).toBe(60);
    await current().advanceReceipts([advance({ readSeq: seq(2), atMs: 70 })]);
    expect(await updatedAtMs()).toBe(60);
    await current().advanceReceipts([advance({ readSeq: seq(4), atMs: 40 })]);
    expect(await updatedAtMs()).toBe(60);
    await current().advanceReceipts([advance({ deliveredSeq: seq(9), readSeq: seq(4), atMs: 80 })]);
    expect(await updatedAtMs()).toBe(60);
  });

  test('counts are of the members who have the seq, without the one excepted', async () => {
    await current().advanceReceipts([
      advance({ readSeq: seq(9) }),
      advance({ userId: user('bob'), deliveredSeq: seq(5), readSeq: seq(4) }),
      advance({ userId: user('carl'), readSeq: seq(5) }),
    ]);
    const count = (value: number, id = 'g:1', except = 'ANN') =>
      current().countReceipts({ conversationId: conversation(id), seq: seq(value), except: user(except) });
    expect(await count(4)).toEqual({ delivered: 2, read: 2 });
    expect(await count(5)).toEqual({ delivered: 2, read: 1 });
    expect(await count(6)).toEqual({ delivered: 0, read: 0 });
    expect(await count(5, 'g:1', 'nobody')).toEqual({ delivered: 3, read: 2 });
    expect(await count(1, 'g:none')).toEqual({ delivered: 0, read: 0 });
  });

  test('receipts of forgotten devices are deleted, those of others and of the member stay', async () => {
    const ids = async () => (await receiptsOf(current(), 'ann')).map(({ deviceId }) => String(deviceId)).sort();
    for (const id of ['old', 'new'])
      await current().advanceReceipts([advance({ deviceId: device(id), readSeq: seq(5) })]);
    await current().advanceReceipts([advance({ userId: user('bob'), deviceId: device('old'), readSeq: seq(5) })]);
    const key = (userId: string, deviceId: string) => ({ userId: user(userId), deviceId: device(deviceId) });
    await current().forgetReceipts([key('ANN', 'old'), key('ann', 'none'), key('nobody', 'old')]);
    await current().forgetReceipts([]);
    expect(await ids()).toEqual(['new']);
    expect(await receiptsOf(current(), 'bob')).toHaveLength(1);
    expect(await memberOf(current(), 'ann')).toMatchObject({ deliveredSeq: 5, readSeq: 5 });
  });

  test('[D7] a forgotten device that returns begins at 0, and does not move the member back', async () => {
    await current().advanceReceipts([advance({ readSeq: seq(5), atMs: 1 })]);
    await current().forgetReceipts([{ userId: user('ann'), deviceId: device('phone') }]);
    await current().advanceReceipts([advance({ readSeq: seq(3), atMs: 9 })]);
    expect(await receiptsOf(current(), 'ann')).toMatchObject([{ deviceId: device('phone'), readSeq: 3 }]);
    expect(await memberOf(current(), 'ann')).toMatchObject({ readSeq: 5 });
  });
}
