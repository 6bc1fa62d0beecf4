// Positions against the simplest model: any sequence of joins, leaves and advances has the same results as maps of maxima.

import { expect, test } from 'bun:test';
import type { ConversationId, DeviceId, Seq, UserId } from '@hongyan/protocol/ids';
import { testSeed } from '@hongyan/testing/seed';
import fc from 'fast-check';
import type { MemberKey } from '../conversations.ts';
import type { Directory } from '../directory.ts';
import type { ReceiptAdvance, ReceiptResult } from '../receipts.ts';
import { conversationOf, type DirectoryUnderTest, memberOf, receiptsOf, rules } from './builders.ts';

const userIds = ['ann', 'bob'] as UserId[];
const deviceIds = ['phone', 'laptop'] as DeviceId[];
const conversationIds = ['g:1', 'g:2'] as ConversationId[];
const runsMax = 30;

type Step =
  | { readonly type: 'join' | 'leave'; readonly userId: UserId; readonly conversationId: ConversationId }
  | { readonly type: 'advance'; readonly batch: readonly ReceiptAdvance[] };

const seqs = fc.nat(12).map((value) => value as Seq);
const place = { userId: fc.constantFrom(...userIds), conversationId: fc.constantFrom(...conversationIds) };
const advances: fc.Arbitrary<ReceiptAdvance> = fc.record({
  ...place,
  deviceId: fc.constantFrom(...deviceIds),
  deliveredSeq: seqs,
  readSeq: seqs,
  atMs: fc.nat(1000),
});
const steps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ type: fc.constant('advance' as const), batch: fc.array(advances, { maxLength: 8 }) }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constantFrom('join' as const, 'leave' as const), ...place }) },
);

export function positionProperties(make: () => Promise<DirectoryUnderTest>): void {
  test('[D7] positions of devices and members are the maxima of the requested ones, in any order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(steps, { maxLength: 25 }), async (script) => {
        const made = await make();
        try {
          await play(made.directory, script);
        } finally {
          await made.remove();
        }
      }),
      { seed: testSeed('directory positions'), numRuns: runsMax },
    );
  }, 60_000);
}

interface Positions {
  delivered: number;
  read: number;
}

/** By member, then by device. */
type Model = Map<string, { member: Positions; devices: Map<DeviceId, Positions> }>;

async function play(directory: Directory, script: readonly Step[]): Promise<void> {
  const model: Model = new Map();
  for (const conversationId of conversationIds) {
    const members = userIds.map((userId) => ({ userId, role: 'member' as const }));
    await directory.createConversation({
      conversationId,
      kind: 'group',
      title: '',
      isHistoryVisible: true,
      rules,
      members,
      atMs: 0,
    });
    for (const userId of userIds) model.set(`${conversationId} ${userId}`, atZero());
  }
  for (const step of script) {
    await take(directory, model, step);
    await expectSame(directory, model);
  }
}

const atZero = () => ({ member: { delivered: 0, read: 0 }, devices: new Map<DeviceId, Positions>() });

async function take(directory: Directory, model: Model, step: Step): Promise<void> {
  if (step.type === 'advance') {
    const expected = step.batch.map((wanted) => advanceModel(model, wanted));
    expect(await directory.advanceReceipts(step.batch)).toEqual(expected);
    return;
  }
  const { conversationId, userId } = step;
  const key = `${conversationId} ${userId}`;
  if (step.type === 'leave') {
    const removal = await directory.removeMember({ conversationId, userId, atMs: 0 });
    expect(removal.wasMember).toBe(model.delete(key));
    return;
  }
  const wasMember = model.has(key);
  const member = { conversationId, userId, role: 'member', visibleFromSeq: 1 as Seq, atMs: 0 } as const;
  expect(await directory.addMember(member)).toBe(wasMember ? 'exists' : 'added');
  if (!wasMember) model.set(key, atZero());
}

function advanceModel(model: Model, wanted: ReceiptAdvance): ReceiptResult {
  const { conversationId, userId, deviceId } = wanted;
  const positions = model.get(`${conversationId} ${userId}`);
  if (positions === undefined) {
    return { conversationId, userId, deliveredSeq: 0 as Seq, readSeq: 0 as Seq, changed: false };
  }
  const device = positions.devices.get(deviceId) ?? { delivered: 0, read: 0 };
  positions.devices.set(deviceId, raised(device, wanted));
  const before = positions.member;
  positions.member = raised(before, wanted);
  return {
    conversationId,
    userId,
    deliveredSeq: positions.member.delivered as Seq,
    readSeq: positions.member.read as Seq,
    changed: positions.member.delivered !== before.delivered || positions.member.read !== before.read,
  };
}

const raised = ({ delivered, read }: Positions, { deliveredSeq, readSeq }: ReceiptAdvance): Positions => ({
  delivered: Math.max(delivered, deliveredSeq, readSeq),
  read: Math.max(read, readSeq),
});

async function expectSame(directory: Directory, model: Model): Promise<void> {
  for (const conversationId of conversationIds) {
    let memberCount = 0;
    for (const userId of userIds) {
      const expected = model.get(`${conversationId} ${userId}`);
      const member = await memberOf(directory, userId, conversationId);
      expect<Positions | undefined>(member && { delivered: member.deliveredSeq, read: member.readSeq }).toEqual(
        expected?.member,
      );
      if (expected !== undefined) memberCount++;
      await expectSameDevices(directory, { conversationId, userId }, expected?.devices ?? new Map());
    }
    expect((await conversationOf(directory, conversationId))?.memberCount).toBe(memberCount);
  }
}

/** A device that never moved may have a row of zeros or none. */
async function expectSameDevices(
  directory: Directory,
  { conversationId, userId }: MemberKey,
  expected: ReadonlyMap<DeviceId, Positions>,
): Promise<void> {
  const receipts = await receiptsOf(directory, userId, conversationId);
  for (const deviceId of deviceIds) {
    const wanted = expected.get(deviceId) ?? { delivered: 0, read: 0 };
    const receipt = receipts.find((one) => one.deviceId === deviceId);
    expect<Positions>({ delivered: receipt?.deliveredSeq ?? 0, read: receipt?.readSeq ?? 0 }).toEqual(wanted);
    const ofDevice = await directory.receiptsOfDevice({ userId, deviceId, conversationIds: [conversationId] });
    const same = ofDevice.get(conversationId);
    expect<Positions>({ delivered: same?.deliveredSeq ?? 0, read: same?.readSeq ?? 0 }).toEqual(wanted);
  }
}
