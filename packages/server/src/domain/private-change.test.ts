import { expect, test } from 'bun:test';
import type { DraftText, PrivateChange } from '@hongyan/protocol/content';
import type { ConversationId, DeviceId, Seq } from '@hongyan/protocol/ids';
import { draftTexts, isArchived, privateKey } from '@hongyan/protocol/private';
import { testSeed } from '@hongyan/testing/seed';
import fc from 'fast-check';
import { decidePrivate, type PrivateFacts, privateKeysMax, type StoredItem } from './private-change.ts';

const conversation_id = 'g:1' as ConversationId;
const facts: PrivateFacts = {
  current: undefined,
  conversation: { lastSeq: 9 as Seq, readSeq: 3 as Seq },
  deviceId: undefined,
  totals: { keys: 0, bytes: 0 },
  draftBytesMax: 1_000,
};

test('[E25] a full state accepts changes of existing values and removals, but no new keys', () => {
  const full = { ...facts, totals: { keys: privateKeysMax, bytes: 500 } };
  const mute = (until: number | null) => ({ type: 'mute', conversation_id, until }) as const;
  const current: StoredItem = { seq: 1 as Seq, content: { type: 'hongyan.private', change: mute(1) } };
  expect(decidePrivate(mute(1), full)).toMatchObject({ code: 'too_large' });
  expect(decidePrivate(mute(2), { ...full, current }).type).toBe('entry');
  expect(decidePrivate(mute(null), { ...full, current }).type).toBe('entry');
  expect(decidePrivate(mute(null), full).type).toBe('unchanged');
});

test('[E21] changes of different types or of different conversations have different keys', () => {
  const changes: PrivateChange[] = [
    { type: 'mute', conversation_id, until: 1 },
    { type: 'pin', conversation_id, pinned: true },
    { type: 'setting', name: 'g', value: 1 },
    { type: 'setting', name: 'pin', value: 1 },
  ];
  expect(new Set(changes.map(privateKey)).size).toBe(changes.length);
});

test.each([
  [undefined, 5, false, 0, false],
  [5, 5, false, 0, true],
  [5, 6, false, 0, false],
  [5, 6, true, 99, true],
  // The message arrived during or after the mute.
  [5, 6, false, 11, true],
  [5, 6, false, 10, false],
  [0, 0, false, 0, true],
  [7, 6, false, 0, true],
])(
  '[E24] archived at count %p with %p messages, the newest of time 10, muted %p until %p: %p',
  (archivedCount, lastCount, isMuted, mutedUntilMs, expected) => {
    expect(isArchived({ archivedCount, lastCount, isMuted, mutedUntilMs, lastMessageMs: 10 })).toBe(expected);
  },
);

/** Devices write drafts; each continues the newest draft that it has seen, or an older one. */
const step = fc.record({
  device: fc.integer({ min: 0, max: 2 }),
  text: fc.constantFrom('', 'a', 'b', 'c', 'd'),
  isSeen: fc.boolean(),
});

test('[E22] a text not replaced by its device is only removed by a draft that continues one with that text', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      let current: StoredItem | undefined;
      for (const [index, { device, text, isSeen }] of steps.entries()) {
        const deviceId = `device ${device}` as DeviceId;
        const base_revision = (isSeen ? (current?.seq ?? 0) : 0) as Seq;
        const before = current ? draftTexts(current.content) : [];
        const decision = decidePrivate(
          { type: 'draft', conversation_id, text, base_revision },
          { ...facts, current, deviceId },
        );
        if (decision.type === 'unchanged') continue;
        if (decision.type !== 'entry') throw new Error(`three devices cannot be refused: ${decision.code}`);
        const after = draftTexts(decision.content);
        current = after.length === 0 ? undefined : { seq: (index + 1) as Seq, content: decision.content };
        const isChoice = base_revision > 0;
        const others = (texts: readonly DraftText[]) => texts.filter((one) => one.device_id !== deviceId);
        if (!isChoice) for (const kept of others(before)) expect(after.map((one) => one.text)).toContain(kept.text);
        if (text !== '') expect(after[0]?.text).toBe(text);
        if (isChoice) expect(others(after)).toEqual([]);
        expect(new Set(after.map((one) => one.text)).size).toBe(after.length);
      }
    }),
    { seed: testSeed('drafts'), numRuns: 500 },
  );
});
