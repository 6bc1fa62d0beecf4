import { beforeEach, expect, test } from 'bun:test';
import type { ConversationId, Seq } from '@hongyan/client/api';
import { Reading } from './reading.ts';
import { Signal } from './signal.ts';
import type { ReceiptChoice } from './user-settings.ts';

const id = 'd:ann:bob' as ConversationId;
const seq = (value: number) => value as Seq;
let calls: string[];
let receipts: Signal<ReceiptChoice | undefined>;
let reading: Reading;

beforeEach(() => {
  calls = [];
  receipts = new Signal<ReceiptChoice | undefined>(undefined);
  const client = {
    conversation: () => ({ readSeq: seq(3), unreadAfterSeq: seq(5) }) as never,
    markRead: (_id: ConversationId, at: Seq) => void calls.push(`all ${at}`),
    markReadInPrivate: async (_id: ConversationId, at: Seq) => void calls.push(`own ${at}`),
  };
  reading = new Reading(client, receipts);
});

test('[E23] what is read is reported to all, or to the own devices alone, and nothing twice', () => {
  receipts.set('shared');
  reading.report(id, seq(3));
  reading.report(id, seq(4));
  receipts.set('private');
  reading.report(id, seq(5));
  reading.report(id, seq(6));
  expect(calls).toEqual(['all 4', 'own 6']);
});

test('[E23] what is read before the device knows the choice is reported once it does, as was chosen', () => {
  reading.report(id, seq(6));
  reading.report(id, seq(7));
  expect(calls).toEqual([]);
  receipts.set('private');
  expect(calls).toEqual(['own 7']);
  receipts.set('shared');
  expect(calls).toEqual(['own 7']);
});

test('[E3] nothing is read while messages are skipped, and an own message does not say that they were seen', () => {
  receipts.set('shared');
  reading.opened(id);
  expect(reading.skippedAfterSeq(id)).toBeUndefined();
  reading.report(id, seq(6));
  reading.skip(id);
  reading.report(id, seq(9));
  expect<unknown>([calls, reading.skippedAfterSeq(id)]).toEqual([['all 6'], 6]);
  reading.opened(id);
  reading.endSkip(id);
  expect(reading.skippedAfterSeq(id)).toBeUndefined();
  reading.report(id, seq(9));
  expect(calls).toEqual(['all 6', 'all 9']);
});
