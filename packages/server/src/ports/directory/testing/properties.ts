// Positions against the simplest model there can be: any sequence of joins, leaves and advances gives what two maps of maxima give.

import { expect, test } from 'bun:test';
import type { ConversationId, DeviceId, Seq, UserId } from '@hongyan/protocol/ids';
import { testSeed } from '@hongyan/testing/seed';
import fc from 'fast-check';
import type { Directory, ReceiptAdvance, ReceiptResult } from '../directory.ts';
import type { DirectoryUnderTest } from './under-test.ts';

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
  test('[D7] positions of devices and members are the maxima of what was asked for, whatever the order', async () => {
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
    await directory.createConversation({ conversationId, kind: 'group', title: '', members, atMs: 0 });
    for (const userId of userIds) model.set(`${conversationId} ${userId}`, nobodyMoved());
  }
  for (const step of script) {
    await take(directory, model, step);
    await expectSame(directory, model);
  }
}

const nobodyMoved = () => ({ member: { delivered: 0, read: 0 }, devices: new Map<DeviceId, Positions>() });

async function take(directory: Directory, model: Model, step: Step): Promise<void> {
  if (step.type === 'advance') {
    const expected = step.batch.map((wanted) => advanceModel(model, wanted));
    expect(await directory.advanceReceipts(step.batch)).toEqual(expected);
    return;
  }
  const { conversationId, userId } = step;
  const key = `${conversationId} ${userId}`;
  if (step.type === 'leave') {
    expect(await directory.removeMember({ conversationId, userId })).toBe(model.delete(key));
    return;
  }
  const wasMember = model.has(key);
  const member = { conversationId, userId, role: 'member', visibleFromSeq: 1 as Seq, atMs: 0 } as const;
  expect(await directory.addMember(member)).toBe(!wasMember);
  if (!wasMember) model.set(key, nobodyMoved());
}

function advanceModel(model: Model, wanted: ReceiptAdvance): ReceiptResult {
  const { conversationId, userId, deviceId } = wanted;
  const known = model.get(`${conversationId} ${userId}`);
  if (known === undefined) {
    return { conversationId, userId, deliveredSeq: 0 as Seq, readSeq: 0 as Seq, changed: false };
  }
  const device = known.devices.get(deviceId) ?? { delivered: 0, read: 0 };
  known.devices.set(deviceId, raised(device, wanted));
  const before = known.member;
  known.member = raised(before, wanted);
  return {
    conversationId,
    userId,
    deliveredSeq: known.member.delivered as Seq,
    readSeq: known.member.read as Seq,
    changed: known.member.delivered !== before.delivered || known.member.read !== before.read,
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
      const known = model.get(`${conversationId} ${userId}`);
      const member = await directory.getMember({ conversationId, userId });
      expect(member && { delivered: member.deliveredSeq, read: member.readSeq }).toEqual(
        known?.member as { delivered: Seq; read: Seq } | undefined,
      );
      if (known !== undefined) memberCount++;
      await expectSameDevices(directory, { conversationId, userId }, known?.devices ?? new Map());
    }
    expect((await directory.getConversation(conversationId))?.memberCount).toBe(memberCount);
  }
}

/** A device that never moved may have a row of zeros or none. */
async function expectSameDevices(
  directory: Directory,
  key: { readonly conversationId: ConversationId; readonly userId: UserId },
  expected: ReadonlyMap<DeviceId, Positions>,
): Promise<void> {
  const receipts = await directory.deviceReceipts(key);
  for (const deviceId of deviceIds) {
    const wanted = expected.get(deviceId) ?? { delivered: 0, read: 0 };
    const found = receipts.find((receipt) => receipt.deviceId === deviceId);
    expect<Positions>({ delivered: found?.deliveredSeq ?? 0, read: found?.readSeq ?? 0 }).toEqual(wanted);
    const own = (await directory.receiptsOfDevice({ userId: key.userId, deviceId })).get(key.conversationId);
    expect<Positions>({ delivered: own?.deliveredSeq ?? 0, read: own?.readSeq ?? 0 }).toEqual(wanted);
  }
}
