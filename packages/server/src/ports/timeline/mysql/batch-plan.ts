// Plans a batch: assigns seqs, counts and commit numbers from the heads of its conversations and shards. Pure: the transaction reads the
// facts and writes the plan.

import { assert } from '@hongyan/base/assert';
import type { ConversationId, Seq } from '@hongyan/protocol/ids';
import { storedOf } from '../stored-entry.ts';
import type { AppendResult, NewEntry, StoredEntry } from '../timeline.ts';
import { type MonthNo, monthOf } from './months.ts';
import { keyOf, type Storage } from './rows.ts';

export interface ConversationFacts {
  readonly no: number;
  readonly id: ConversationId;
  readonly shard: number;
  /** The month of its last entry; 0 when it has none. */
  readonly month: MonthNo;
  readonly lastSeq: number;
  readonly lastCount: number;
  readonly lastCommit: number;
  readonly lastCountedSeq: number;
  readonly lastCountedMs: number;
}

export interface ShardFacts {
  readonly no: number;
  readonly lastCommit: number;
  readonly month: MonthNo;
}

export interface Planned extends Storage {
  readonly given: NewEntry;
  readonly stored: StoredEntry;
}

/** The first entry of a conversation in a month. */
export interface ConversationMonth {
  readonly conversationNo: number;
  readonly month: MonthNo;
  readonly firstSeq: number;
  /** The number of counted entries before it. */
  readonly firstCount: number;
}

export interface ShardMonth {
  readonly shard: number;
  readonly month: MonthNo;
  readonly commitBefore: number;
}

export interface Facts {
  readonly conversations: ReadonlyMap<ConversationId, ConversationFacts>;
  readonly shards: ReadonlyMap<number, ShardFacts>;
  /** The retained entries that the batch repeats [D3], by `keyOf`. */
  readonly firsts: ReadonlyMap<string, StoredEntry>;
}

export class BatchPlan {
  /** One result per entry of the batch; undefined for an entry that is left out. */
  readonly results: readonly (AppendResult | undefined)[];
  /** The new entries, in the order of the batch. */
  readonly planned: Planned[] = [];
  readonly conversationMonths: ConversationMonth[] = [];
  readonly shardMonths: ShardMonth[] = [];
  readonly #conversations: Map<ConversationId, ConversationFacts>;
  readonly #shards: Map<number, ShardFacts>;
  readonly #changed = new Set<ConversationId>();

  /** Throws for an invalid entry, which is a bug of the caller. */
  constructor(batch: readonly NewEntry[], { conversations, shards, firsts }: Facts) {
    this.#conversations = new Map(conversations);
    this.#shards = new Map(shards);
    const seen = new Map(firsts);
    let isPreviousAppended = false;
    this.results = batch.map((given) => {
      if (given.needsPrevious && !isPreviousAppended) return undefined;
      const key = keyOf(given);
      const first = seen.get(key);
      isPreviousAppended = first === undefined;
      if (first !== undefined) return { type: 'duplicate', entry: first };
      const { stored } = this.#place(given);
      seen.set(key, stored);
      return { type: 'committed', entry: stored };
    });
  }

  /** The conversations with new entries, with their new heads. */
  get conversations(): readonly ConversationFacts[] {
    return [...this.#changed].map((id) => this.#conversation(id));
  }

  get shards(): readonly ShardFacts[] {
    return [...this.#shards.values()];
  }

  #place(given: NewEntry): Planned {
    const conversation = this.#conversation(given.conversationId);
    const shard = this.#shardFor(conversation, given.timestampMs);
    const seq = conversation.lastSeq + 1;
    checkTarget(given, seq);
    const count = conversation.lastCount + (given.isCounted ? 1 : 0);
    if (shard.month > conversation.month)
      this.conversationMonths.push({
        conversationNo: conversation.no,
        month: shard.month,
        firstSeq: seq,
        firstCount: conversation.lastCount,
      });
    this.#changed.add(conversation.id);
    this.#conversations.set(conversation.id, {
      ...conversation,
      month: shard.month,
      lastSeq: seq,
      lastCount: count,
      lastCommit: shard.lastCommit,
      ...(given.isCounted && { lastCountedSeq: seq, lastCountedMs: given.timestampMs }),
    });
    const planned = {
      given,
      stored: storedOf(given, seq as Seq, count),
      conversationNo: conversation.no,
      month: shard.month,
      shard: shard.no,
      commit: shard.lastCommit,
    };
    this.planned.push(planned);
    return planned;
  }

  /** Takes the shard's next commit number. */
  #shardFor({ shard: no }: ConversationFacts, timestampMs: number): ShardFacts {
    const before = this.#shards.get(no);
    assert(before, 'the plan has the shards of all conversations', no);
    // Months never go back, even when the clock does.
    const month = Math.max(before.month, monthOf(timestampMs));
    if (month > before.month) this.shardMonths.push({ shard: no, month, commitBefore: before.lastCommit });
    const after = { no, month, lastCommit: before.lastCommit + 1 };
    this.#shards.set(no, after);
    return after;
  }

  #conversation(id: ConversationId): ConversationFacts {
    const conversation = this.#conversations.get(id);
    assert(conversation, 'the plan has all conversations of the batch', id);
    return conversation;
  }
}

function checkTarget({ target, isCounted }: NewEntry, seq: number): void {
  if (target === undefined) return;
  assert(target.seq >= 1 && target.seq < seq, 'the target precedes the entry', target.seq);
  assert(!isCounted, 'an entry with a target is not counted');
}
