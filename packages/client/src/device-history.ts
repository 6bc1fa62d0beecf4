// The messages that this device keeps: stored together with the state of their conversation, read as pages of history, bounded in bytes.

import type { Seq, UserId } from '@hongyan/protocol/ids';
import type { ClientMessage, HistoryPage, HistoryRequest, MessageChange } from './api.ts';
import { applyChange } from './apply-change.ts';
import type { ConversationWrite, KeptRange } from './client-storage.ts';
import type { ConversationState, Shown } from './conversation-state.ts';
import { isMessage } from './entry-kind.ts';
import type { KeptMessages, Unstored } from './kept-messages.ts';
import type { SafeStorage } from './safe-storage.ts';
import { utf8Length } from './unicode.ts';

const limitDefault = 50;
/** Messages and changes of a conversation that wait for this client to write again. */
const unstoredMax = 1_000;
/** Seqs whose messages are read or deleted at a time. */
const scanSeqs = 200;

export class DeviceHistory {
  readonly #storage: SafeStorage;
  readonly #self: UserId;
  /** Bytes of what waits, which is measured again and again. */
  readonly #measured = new WeakMap<object, number>();

  constructor(storage: SafeStorage, self: UserId) {
    this.#storage = storage;
    this.#self = self;
  }

  /** [D5] What a gap names was removed, or is void: what is kept begins after it. */
  shown({ kept }: ConversationState, { messages, changes, gap }: Shown): void {
    if (gap) kept.forget(gap.isReset ? gap.from - 1 : gap.to);
    kept.add(messages, changes);
  }

  /** A page that the server answered with. */
  extend({ isDoubted, kept }: ConversationState, page: HistoryPage, request: HistoryRequest): void {
    const { messages, firstSeq, lastSeq, hasMore } = page;
    const range = rangeOf(request, firstSeq, lastSeq);
    if (hasMore && request.afterSeq === undefined) range.fromSeq = messages[0]?.seq ?? lastSeq;
    else if (hasMore) range.throughSeq = messages.at(-1)?.seq ?? 0;
    if (!isDoubted) kept.extend(messages, { ...range, asOfSeq: lastSeq });
  }

  /**
   * The conversation as it is at the call, and its messages that are not stored yet as they are then; undefined when a message that
   * changed cannot be read.
   */
  async write(state: ConversationState): Promise<ConversationWrite | undefined> {
    const { id: conversationId, kept, shownSeq } = state;
    if (this.#storage.messageBytesMax === 0) kept.forget(shownSeq);
    const taken = kept.take(shownSeq);
    const stored = state.toStored();
    const messages = await this.#changed(state, taken);
    if (!messages) return undefined;
    const { fromSeq, deleteBeforeSeq } = taken;
    const { bytes, openedMs } = kept;
    return { conversationId, state: { ...stored, kept: { fromSeq, bytes, openedMs } }, messages, deleteBeforeSeq };
  }

  /** Deletes what is beyond the bound, and what the server no longer has. Resolves with the conversations whose state that changed. */
  async trim(states: ReadonlyMap<unknown, ConversationState>): Promise<ReadonlySet<ConversationState>> {
    const trimmed = new Set<ConversationState>();
    for (;;) {
      const state = nextToDrop(states.values(), this.#storage.messageBytesMax);
      if (!state || !(await this.#dropOldest(state))) return trimmed;
      trimmed.add(state);
    }
  }

  /**
   * What waits for this client to write again takes no more room than what is kept may: the rest is forgotten, of those first that were
   * opened longest ago, and read from the server again.
   */
  boundUnstored(states: Iterable<ConversationState>): void {
    let bytes = 0;
    for (const { kept, shownSeq } of [...states].sort((a, b) => b.kept.openedMs - a.kept.openedMs)) {
      const ownBytes = this.#unstoredBytes(kept.unstored);
      const isBeyond = kept.unstoredCount > unstoredMax || bytes + ownBytes > this.#storage.messageBytesMax;
      if (isBeyond && kept.unstoredCount > 0) kept.forget(shownSeq);
      else bytes += ownBytes;
    }
  }

  #unstoredBytes({ messages, changes }: KeptMessages['unstored']): number {
    let bytes = 0;
    for (const entry of [...messages.values(), ...changes]) {
      const ownBytes = this.#measured.get(entry) ?? bytesOf(entry);
      this.#measured.set(entry, ownBytes);
      bytes += ownBytes;
    }
    return bytes;
  }

  /**
   * The page as of the last write; undefined where it is not kept, or not all of it while `isPartEnough` is not set. Where another
   * client of the device writes (`isElsewhere`) it is as of what was shown here: what that one may not have written is at hand.
   */
  async page(
    state: ConversationState,
    request: HistoryRequest,
    { isPartEnough, isElsewhere }: { readonly isPartEnough: boolean; readonly isElsewhere: boolean },
  ): Promise<HistoryPage | undefined> {
    const { firstSeq, kept } = state;
    const { limit = limitDefault, afterSeq } = request;
    const isAfter = afterSeq !== undefined;
    // Stored may be more than was shown here: another client of the device was ahead.
    const held = () =>
      isElsewhere
        ? { fromSeq: kept.fromSeq, throughSeq: state.shownSeq }
        : { fromSeq: kept.stored.fromSeq, throughSeq: Math.min(kept.stored.throughSeq, state.shownSeq) };
    const read = (part: KeptRange) => this.#messages(part, isElsewhere ? kept.unstored : undefined);
    const { throughSeq: lastSeq } = held();
    const fromSeq = isElsewhere ? await oldestOf({ conversationId: state.id, ...held() }, read) : held().fromSeq;
    const range = rangeOf(request, firstSeq, lastSeq);
    const isCut = range.fromSeq < fromSeq;
    if (state.isDoubted || fromSeq > lastSeq || (isCut && isAfter)) return undefined;
    if (isCut) range.fromSeq = fromSeq;
    const found = await readFrom({ conversationId: state.id, ...range }, { count: limit + 1, isAfter, read });
    // Void meanwhile.
    if (!found || state.isDoubted || held().throughSeq < lastSeq) return undefined;
    const isFromFirst = range.fromSeq === 1 && (isAfter || countOf(found) <= limit);
    if (!isDense(found) || (isFromFirst && hasEarlier(found[0]))) {
      kept.forget(state.shownSeq);
      return undefined;
    }
    // There may be changes alone; the server knows.
    if (found.length === 0 && range.fromSeq <= range.throughSeq && !isPartEnough) return undefined;
    const messages = firstOf(found, limit, isAfter);
    if (isCut && !isPartEnough && countOf(messages) < limit) return undefined;
    if (isCut && messages.length === 0) return undefined;
    return {
      messages: messages.map((message) => state.withStatus(message)),
      firstSeq,
      lastSeq: lastSeq as Seq,
      hasMore: isCut || found.length > messages.length,
    };
  }

  /** With what is not stored, where that is given. */
  async #messages(range: KeptRange, unstored: KeptMessages['unstored'] | undefined) {
    const found = await this.#storage.messages(range);
    if (!found || !unstored) return found;
    const all = new Map(found.map((message) => [message.seq ?? 0, message]));
    for (const [seq, message] of unstored.messages) {
      if (seq >= range.fromSeq && seq <= range.throughSeq) all.set(seq as Seq, message);
    }
    const now = (message: ClientMessage) =>
      unstored.changes.reduce((changed, change) => applyChange(changed, change, this.#self), message);
    return [...all].sort(([a], [b]) => a - b).map(([, message]) => now(message));
  }

  /** [E2] Each with all changes of it that were shown; undefined when one cannot be read, which would stay as it was before its change. */
  async #changed({ id, kept }: ConversationState, taken: Unstored): Promise<readonly ClientMessage[] | undefined> {
    const messages = new Map(taken.messages);
    let bytes = 0;
    const reads = rangesOf(taken).map(async ({ targets, ...range }) => {
      const found = await this.#storage.messages({ conversationId: id, ...range });
      for (const message of found ?? []) {
        const { seq = 0 as Seq, replyTo } = message;
        if (messages.has(seq) || !(targets.has(seq) || (replyTo && targets.has(replyTo.seq)))) continue;
        messages.set(seq, message);
        bytes -= bytesOf(message);
      }
      return found !== undefined;
    });
    if ((await Promise.all(reads)).includes(false)) return undefined;
    const answers = new Map<number, number[]>();
    for (const [seq, { replyTo }] of messages) {
      if (replyTo) answers.set(replyTo.seq, [...(answers.get(replyTo.seq) ?? []), seq]);
    }
    for (const change of taken.changes) {
      const target = targetOf(change);
      for (const seq of [target, ...(answers.get(target) ?? [])]) {
        const message = messages.get(seq);
        if (message) messages.set(seq, applyChange(message, change, this.#self));
      }
    }
    const all = [...messages.values()];
    for (const message of all) bytes += bytesOf(message);
    kept.grow(bytes);
    return all;
  }

  async #dropOldest({ id, kept, shownSeq, firstSeq }: ConversationState): Promise<boolean> {
    const { fromSeq } = kept;
    const end = Math.min(fromSeq + scanSeqs, fromSeq < firstSeq ? firstSeq : shownSeq + 1);
    const found = await this.#storage.messages({ conversationId: id, fromSeq, throughSeq: end - 1 });
    if (!found) return false;
    // A page may have come before it meanwhile.
    if (kept.fromSeq !== fromSeq) return true;
    kept.drop(end, end > shownSeq ? kept.bytes : found.reduce((sum, message) => sum + bytesOf(message), 0));
    return true;
  }
}

/** What a request asks for, where `firstSeq` to `lastSeq` can be had. */
const rangeOf = (
  { afterSeq = 0, beforeSeq = Number.POSITIVE_INFINITY }: { readonly afterSeq?: number; readonly beforeSeq?: number },
  firstSeq: number,
  lastSeq: number,
) => ({
  fromSeq: Math.max(afterSeq + 1, firstSeq),
  throughSeq: Math.min(beforeSeq - 1, lastSeq),
});

/** At least `count` messages from one end of the range, where it has so many: the seqs between them are those of other entries. */
async function readFrom(
  { conversationId, fromSeq, throughSeq }: KeptRange,
  {
    count,
    isAfter,
    read,
  }: {
    readonly count: number;
    readonly isAfter: boolean;
    readonly read: (range: KeptRange) => Promise<readonly ClientMessage[] | undefined>;
  },
): Promise<readonly ClientMessage[] | undefined> {
  for (let width = count; ; width *= 2) {
    const from = isAfter ? fromSeq : Math.max(fromSeq, throughSeq - width + 1);
    const through = isAfter ? Math.min(throughSeq, fromSeq + width - 1) : throughSeq;
    if (through < from) return [];
    const found = await read({ conversationId, fromSeq: from, throughSeq: through });
    if (!found || countOf(found) >= count || (from <= fromSeq && through >= throughSeq)) return found;
  }
}

/** Of what is kept in fact: the client that writes may have deleted the oldest of it. */
async function oldestOf(
  range: KeptRange,
  read: (range: KeptRange) => Promise<readonly ClientMessage[] | undefined>,
): Promise<number> {
  const found = await readFrom(range, { count: 1, isAfter: true, read });
  return found?.[0]?.seq ?? range.throughSeq + 1;
}

const countOf = (messages: readonly ClientMessage[]): number =>
  messages.filter(({ content }) => isMessage(content)).length;

/** `limit` messages from one end of the list, with the notices between them. */
function firstOf(list: readonly ClientMessage[], limit: number, isAfter: boolean): readonly ClientMessage[] {
  let room = limit;
  const isBeyond = ({ content }: ClientMessage) => room === 0 || (isMessage(content) && room-- === 0);
  const end = isAfter ? list.findIndex(isBeyond) : list.findLastIndex(isBeyond);
  if (end < 0) return list;
  return isAfter ? list.slice(0, end) : list.slice(end + 1);
}

const targetOf = ({ content }: MessageChange): number => Number(content.target_seq);

/**
 * Where the stored messages are that changed: the targets, and behind one that was edited or recalled whatever may quote it, so that
 * a recalled text is gone from there too [E5].
 */
function rangesOf({ changes, fromSeq, throughSeq, deleteBeforeSeq, messages }: Unstored) {
  const first = Math.max(fromSeq, deleteBeforeSeq);
  const targets: ReadonlySet<number> = new Set(changes.map(targetOf));
  const quoted = changes.filter(({ content: { type } }) => type === 'hongyan.edit' || type === 'hongyan.recall');
  const scanSeq = Math.max(first, Math.min(...quoted.map(targetOf), Number.MAX_SAFE_INTEGER));
  const isAlone = (seq: number) => seq >= first && seq < scanSeq && !messages.has(seq);
  const ranges = [...targets].filter(isAlone).map((seq) => ({ fromSeq: seq, throughSeq: seq, targets }));
  for (let from = scanSeq; from <= throughSeq; from += scanSeqs)
    ranges.push({ fromSeq: from, throughSeq: Math.min(from + scanSeqs - 1, throughSeq), targets });
  return ranges;
}

const bytesOf = (entry: ClientMessage | MessageChange): number => utf8Length(JSON.stringify(entry));

/** One whose messages the server removed; when all are more than `bytesMax`, the one that was opened longest ago. */
function nextToDrop(states: Iterable<ConversationState>, bytesMax: number): ConversationState | undefined {
  let bytes = 0;
  let oldest: ConversationState | undefined;
  for (const state of states) {
    const { kept } = state;
    if (kept.bytes === 0) continue;
    if (kept.fromSeq < state.firstSeq) return state;
    bytes += kept.bytes;
    if (!oldest || kept.openedMs < oldest.kept.openedMs) oldest = state;
  }
  return bytes > bytesMax ? oldest : undefined;
}

/** [D5] By the counts of the first and the last, where known: a storage that lost some in between must not hide it. */
function isDense(messages: readonly ClientMessage[]): boolean {
  const [first, last] = [messages[0]?.count, messages.at(-1)?.count];
  if (first === undefined || last === undefined) return true;
  return last - first === messages.slice(1).filter(({ content }) => isMessage(content)).length;
}

/** [D5] By its count, where known, there are messages before it. */
const hasEarlier = (message: ClientMessage | undefined): boolean =>
  message?.count !== undefined && message.count > (isMessage(message.content) ? 1 : 0);
