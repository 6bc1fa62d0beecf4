// What travels between the timeline and its writer thread: a batch as one flat list of fields, and back only what is not known yet.

import { assert } from '@hongyan/base/assert';
import type { ClientMsgId, ConversationId, MsgId, UserId } from '@hongyan/protocol/ids';
import type { Month } from './month-file.ts';
import type { NewEntry, StoredEntry } from './timeline.ts';

export type TimelineOp =
  /** The fields of all entries, one after the other: half the cost of a list of objects, whose property names travel too. */
  { readonly type: 'append'; readonly fields: readonly Field[] } | { readonly type: 'retain'; readonly fromMs: number };

export type Field = string | number;

export type TimelineResult =
  | {
      readonly type: 'appended';
      readonly month: Month;
      /** Of each entry: its seq when it was committed; −1 − the index in `duplicates` when it is a repeat. */
      readonly outcomes: readonly number[];
      readonly duplicates: readonly Duplicate[];
      /** All entries of the month up to this p are in its sorted tables. */
      readonly sortedThrough: number;
    }
  | { readonly type: 'retained' };

export type Duplicate =
  /** The first one is the entry `p` of the tail, which the other thread holds in memory. */
  { readonly type: 'in_tail'; readonly p: number } | { readonly type: 'sorted'; readonly entry: StoredEntry };

const fieldsPerEntry = 6;

export function toFields(batch: readonly NewEntry[]): Field[] {
  const fields: Field[] = [];
  for (const { msgId, conversationId, from, clientMsgId, timestampMs, contentJson } of batch) {
    fields.push(msgId, conversationId, from, clientMsgId, timestampMs, contentJson);
  }
  return fields;
}

export const entryCountOf = (fields: readonly Field[]): number => fields.length / fieldsPerEntry;

export function entryAt(fields: readonly Field[], index: number): NewEntry {
  const at = index * fieldsPerEntry;
  const contentJson = fields[at + 5];
  assert(typeof contentJson === 'string', `${fieldsPerEntry} fields per entry`);
  return {
    msgId: fields[at] as MsgId,
    conversationId: fields[at + 1] as ConversationId,
    from: fields[at + 2] as UserId,
    clientMsgId: fields[at + 3] as ClientMsgId,
    timestampMs: fields[at + 4] as number,
    contentJson,
  };
}
