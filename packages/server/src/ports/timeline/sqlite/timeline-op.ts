// The messages between the timeline and its writer thread. A batch is one flat list of fields. The result has only what the timeline does
// not know yet.

import { assert } from '@hongyan/base/assert';
import type { ClientMsgId, ConversationId, MsgId, UserId } from '@hongyan/protocol/ids';
import type { NewEntry, References, StateChange, StoredEntry, Target } from '../timeline.ts';
import type { Month } from './month.ts';

export type TimelineOp =
  | AppendOp
  | { readonly type: 'set_state'; readonly change: StateChange }
  | { readonly type: 'retain'; readonly fromMs: number };

export interface AppendOp {
  readonly type: 'append';
  /** The fields of all entries in one list, which costs half as much as a list of objects, whose property names travel too. */
  readonly fields: readonly Field[];
  /** The ascending indexes of the uncounted entries, because nearly all entries are counted. */
  readonly uncounted: readonly number[];
  /** Ascending by index, like `targets`, because few entries have either. */
  readonly references: readonly { readonly index: number; readonly references: References }[];
  readonly targets: readonly { readonly index: number; readonly target: Target }[];
  /** Ascending indexes of the entries that need the one before them. */
  readonly needingPrevious: readonly number[];
}

export type Field = string | number;

export type TimelineResult =
  | {
      readonly type: 'appended';
      readonly month: Month;
      /** For each entry its seq when it was committed; −1 − its index in `duplicates` when it is a duplicate; 0 when it is left out. */
      readonly outcomes: readonly number[];
      /** For each entry its count; 0 when it is a duplicate or left out. */
      readonly counts: readonly number[];
      readonly duplicates: readonly Duplicate[];
      /** All entries of the month up to this p are in its sorted tables. */
      readonly sortedThrough: number;
    }
  | { readonly type: 'state_set' }
  | { readonly type: 'retained' };

/** The seq and the count of a new entry. */
export interface Placement {
  readonly type: 'committed';
  readonly seq: number;
  readonly count: number;
}

export type Duplicate =
  /** The first entry is in the tail at `p`, which the other thread has in memory. */
  { readonly type: 'in_tail'; readonly p: number } | { readonly type: 'sorted'; readonly entry: StoredEntry };

const fieldsPerEntry = 6;

export function toAppendOp(batch: readonly NewEntry[]): AppendOp {
  const fields: Field[] = [];
  const uncounted: number[] = [];
  const references: AppendOp['references'][number][] = [];
  const targets: AppendOp['targets'][number][] = [];
  const needingPrevious: number[] = [];
  for (let index = 0; index < batch.length; index++) {
    const entry = batch[index];
    assert(entry, 'a batch has no holes');
    const { msgId, conversationId, from, clientMsgId, timestampMs, contentJson, isCounted, target } = entry;
    fields.push(msgId, conversationId, from, clientMsgId, timestampMs, contentJson);
    if (!isCounted) uncounted.push(index);
    if (entry.references) references.push({ index, references: entry.references });
    if (target) targets.push({ index, target });
    if (entry.needsPrevious) needingPrevious.push(index);
  }
  return { type: 'append', fields, uncounted, references, targets, needingPrevious };
}

export function entriesOf({ fields, uncounted, references, targets, needingPrevious }: AppendOp): NewEntry[] {
  const entries: NewEntry[] = [];
  let [nextUncounted, nextReferences, nextTarget, nextNeeding] = [0, 0, 0, 0];
  for (let index = 0, at = 0; at < fields.length; index++, at += fieldsPerEntry) {
    const isCounted = uncounted[nextUncounted] !== index;
    if (!isCounted) nextUncounted++;
    const needsPrevious = needingPrevious[nextNeeding] === index;
    if (needsPrevious) nextNeeding++;
    const target = targets[nextTarget]?.index === index ? targets[nextTarget++]?.target : undefined;
    entries.push({
      msgId: fields[at] as MsgId,
      conversationId: fields[at + 1] as ConversationId,
      from: fields[at + 2] as UserId,
      clientMsgId: fields[at + 3] as ClientMsgId,
      timestampMs: fields[at + 4] as number,
      contentJson: contentAt(fields, at),
      isCounted,
      references: references[nextReferences]?.index === index ? references[nextReferences++]?.references : undefined,
      target,
      needsPrevious,
    });
  }
  return entries;
}

export interface BatchSize {
  rows: number;
  /** In UTF-16 units. */
  contentLength: number;
  latestMs: number;
}

export function measure(sum: BatchSize, { fields }: AppendOp): void {
  for (let at = 0; at < fields.length; at += fieldsPerEntry) {
    const timestampMs = fields[at + 4] as number;
    sum.contentLength += contentAt(fields, at).length;
    if (timestampMs > sum.latestMs) sum.latestMs = timestampMs;
  }
  sum.rows += fields.length / fieldsPerEntry;
}

function contentAt(fields: readonly Field[], at: number): string {
  const contentJson = fields[at + 5];
  assert(typeof contentJson === 'string', 'each entry has all fields');
  return contentJson;
}
