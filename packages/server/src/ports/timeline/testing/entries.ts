// Entries for the tests of the timeline: short to write, each with a new msg_id and a new key by default.

import type { ClientMsgId, ConversationId, MsgId, Seq, UserId } from '@hongyan/protocol/ids';
import type { AppendResult, Mentioned, NewEntry, Range, StoredEntry, Timeline } from '../timeline.ts';

export interface Draft {
  /** The conversation; g:1 when absent. */
  readonly in?: string;
  readonly from?: string;
  readonly key?: string;
  readonly msgId?: string;
  readonly atMs?: number;
  readonly content?: string;
  /** True when absent, unless it has a target. */
  readonly isCounted?: boolean;
  readonly needsPrevious?: boolean;
  /** Whom it mentions. */
  readonly mentioned?: readonly string[] | 'all';
  readonly target?: {
    readonly seq: number;
    readonly state?: string;
    readonly erased?: string;
    readonly isPinned?: boolean;
  };
}

let count = 0;

export function entry(draft: Draft = {}): NewEntry {
  count++;
  const { target } = draft;
  return {
    msgId: (draft.msgId ?? `m${count}`) as MsgId,
    conversationId: conversation(draft.in ?? 'g:1'),
    from: user(draft.from ?? 'ann'),
    clientMsgId: key(draft.key ?? `own key ${count}`),
    timestampMs: draft.atMs ?? inMonth(0),
    contentJson: draft.content ?? `{"type":"text","text":"${count}"}`,
    isCounted: draft.isCounted ?? target === undefined,
    ...(draft.needsPrevious && { needsPrevious: true }),
    ...(draft.mentioned && {
      references: { json: JSON.stringify(draft.mentioned), mentioned: draft.mentioned as Mentioned },
    }),
    ...(target && {
      target: {
        seq: seq(target.seq),
        stateJson: target.state ?? `{"state":${count}}`,
        isPinned: target.isPinned ?? false,
        ...(target.erased !== undefined && { erasedJson: target.erased }),
      },
    }),
  };
}

/** An entry that changes the message `targetSeq`. */
export const change = (targetSeq: number, draft: Draft & { readonly state?: string } = {}): NewEntry =>
  entry({ ...draft, target: { seq: targetSeq, ...(draft.state !== undefined && { state: draft.state }) } });

/** An entry that pins the message `targetSeq`, or unpins it. */
export const pinning = (targetSeq: number, isPinned: boolean, draft: Draft = {}): NewEntry =>
  entry({ ...draft, target: { seq: targetSeq, isPinned } });

/** An entry that erases the message `targetSeq`. */
export const erasure = (targetSeq: number, draft: Draft = {}): NewEntry =>
  entry({ ...draft, target: { seq: targetSeq, state: '{"recalled":true}', erased } });
export const erased = '{"erased":true}';

export const entries = (size: number, draft: Draft = {}): NewEntry[] =>
  Array.from({ length: size }, () => entry(draft));

/** The middle of a month: 0 is January 2026. */
export const inMonth = (index: number): number => Date.UTC(2026, index, 15);
/** The first moment of a month: retention from it retains the month and removes the months before. */
export const startOf = (index: number): number => Date.UTC(2026, index, 1);

export const conversation = (id: string) => id as ConversationId;
export const user = (id: string) => id as UserId;
export const key = (text: string) => text as ClientMsgId;
export const seq = (value: number) => value as Seq;

/** "committed 1", "duplicate 1" … in the order of the batch. */
export const outcomes = (results: readonly AppendResult[]): string[] =>
  results.map((result) => `${result.type} ${result.entry.seq}`);
export const seqsOf = ({ entries: found }: Range): number[] => found.map((one) => Number(one.seq));

/** The retained entries of a conversation, except those with a target. */
export const allOf = (timeline: Timeline, id = 'g:1'): Promise<Range> =>
  timeline.range({ conversationId: conversation(id), afterSeq: seq(0), limit: 10_000 });

/** All retained entries of a conversation. */
export async function historyOf(timeline: Timeline, id = 'g:1'): Promise<readonly StoredEntry[]> {
  const request = { conversationId: conversation(id), afterSeq: seq(0), limit: 10_000 };
  return (await timeline.range({ ...request, withTargeted: true })).entries;
}

/** First and last seq of a conversation. */
export async function bounds(timeline: Timeline, id = 'g:1'): Promise<[number, number]> {
  const [head] = await timeline.heads([conversation(id)]);
  return [Number(head?.firstSeq), Number(head?.lastSeq)];
}
