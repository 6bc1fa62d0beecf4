// The simplest timeline: lists in memory. Every timeline must have the same results.

import type { ConversationId, Seq, UserId } from '@hongyan/protocol/ids';
import type { AppendResult, Head, Mentioned, MessageState, NewEntry, StoredEntry } from '../timeline.ts';
import { seq } from './entries.ts';

type Kept = { -readonly [Key in keyof StoredEntry]: StoredEntry[Key] };

export class TimelineModel {
  /** In commit order, including removed entries. */
  readonly all: StoredEntry[] = [];
  readonly #conversationIds: readonly ConversationId[];
  /** Raised by retention. */
  readonly #firstSeqs = new Map<string, number>();
  readonly #states: { readonly of: StoredEntry; readonly state: MessageState }[] = [];
  readonly #erased = new Set<StoredEntry>();
  readonly #mentioned = new Map<StoredEntry, Mentioned>();
  readonly #pinned = new Set<StoredEntry>();

  constructor(conversationIds: readonly ConversationId[]) {
    this.#conversationIds = conversationIds;
  }

  append(one: NewEntry): AppendResult {
    const { references, target, needsPrevious, ...fields } = one;
    const isFirst = (kept: StoredEntry) => kept.from === one.from && kept.clientMsgId === one.clientMsgId;
    const first = this.#conversationIds.flatMap((id) => this.kept(id)).find(isFirst);
    if (first) return { type: 'duplicate', entry: first };
    const last = this.#last(one.conversationId);
    const count = (last?.count ?? 0) + (one.isCounted ? 1 : 0);
    const more = { count, referencesJson: references?.json, targetSeq: target?.seq };
    const stored = { ...fields, ...more, seq: seq((last?.seq ?? 0) + 1) };
    if (references?.mentioned) this.#mentioned.set(stored, references.mentioned);
    if (target) this.#change(stored, target);
    this.all.push(stored);
    return { type: 'committed', entry: stored };
  }

  #change({ conversationId, seq: asOfSeq }: StoredEntry, target: NonNullable<NewEntry['target']>): void {
    for (const one of this.all as Kept[]) {
      if (one.conversationId !== conversationId) continue;
      if (one.seq === target.seq) this.#states.push({ of: one, state: { asOfSeq, stateJson: target.stateJson } });
      if (one.seq === target.seq) this.#pinned[target.isPinned ? 'add' : 'delete'](one);
      if (target.erasedJson === undefined) continue;
      if (one.seq === target.seq) this.#erased.add(one);
      if (one.seq !== target.seq && one.targetSeq !== target.seq) continue;
      one.contentJson = target.erasedJson;
      one.referencesJson = undefined;
    }
  }

  /** Removes what is before `firstSeq`. */
  remove(conversationId: string, firstSeq: number): void {
    this.#firstSeqs.set(conversationId, firstSeq);
  }

  isKept(one: StoredEntry): boolean {
    return one.seq >= (this.#firstSeqs.get(one.conversationId) ?? 1);
  }

  /** Entries with a target too. */
  kept(conversationId: string): StoredEntry[] {
    return this.all.filter((one) => one.conversationId === conversationId && this.isKept(one));
  }

  head(conversationId: ConversationId): Head {
    const last = this.#last(conversationId);
    const lastSeq = last?.seq ?? seq(0);
    const firstSeq = this.kept(conversationId)[0]?.seq ?? seq(lastSeq + 1);
    const counted = this.all.findLast((one) => one.conversationId === conversationId && one.isCounted);
    const lastCountedMs = counted?.timestampMs ?? 0;
    return { conversationId, firstSeq, lastSeq, lastCount: last?.count ?? 0, lastCountedMs };
  }

  states(conversationId: string, from: number, through: number): [Seq, MessageState][] {
    const found = new Map<Seq, MessageState>();
    for (const { of, state } of this.#states) {
      if (of.conversationId !== conversationId || !this.isKept(of) || of.seq < from || of.seq > through) continue;
      found.set(of.seq, state);
    }
    return [...found].toSorted(([a], [b]) => a - b);
  }

  countAfter(conversationId: string, after: number): number {
    const isUnread = (one: StoredEntry) => one.seq > after && one.isCounted && !this.#erased.has(one);
    return this.kept(conversationId).filter(isUnread).length;
  }

  mentionsAfter(conversationId: string, userId: UserId, after: number): number {
    const mentions = (one: StoredEntry) => {
      const mentioned = this.#mentioned.get(one) ?? [];
      return one.seq > after && !this.#erased.has(one) && (mentioned === 'all' || mentioned.includes(userId));
    };
    return this.kept(conversationId).filter(mentions).length;
  }

  pinned(conversationId: string): Seq[] {
    return this.kept(conversationId).flatMap((one) => (this.#pinned.has(one) ? [one.seq] : []));
  }

  #last(conversationId: string): StoredEntry | undefined {
    return this.all.findLast((one) => one.conversationId === conversationId);
  }
}
