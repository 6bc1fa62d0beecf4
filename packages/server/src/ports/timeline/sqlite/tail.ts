// The newest entries of the current month, in memory: those that the writer has committed but may not have sorted into the month yet. Reads
// look here first, and in the files for older entries.

import { assert } from '@hongyan/base/assert';
import { TransientMap } from '@hongyan/base/transient-map';
import type { ClientMsgId, ConversationId, MsgId } from '@hongyan/protocol/ids';
import type { StoredEntry } from '../timeline.ts';
import { firstOf } from './first-of.ts';
import { type Month, positionOf } from './month.ts';
import { Run } from './run.ts';

/** Entries are dropped a few per append, so that dropping never blocks the event loop for long. */
const dropsPerAppendMin = 256;

export class Tail {
  #month: Month | undefined;
  #basePosition = 0;
  /** The p of the oldest entry that was not dropped. */
  #firstP = 1;
  #size = 0;
  /** All chunks except the last one are full. */
  #chunks: Chunk[] = [];
  /** The number of dropped entries of the first chunk. */
  #start = 0;
  #runs = new TransientMap<ConversationId, Run>();

  get month(): Month | undefined {
    return this.#month;
  }

  /** The p of the oldest entry; lastP + 1 when the tail is empty. */
  get firstP(): number {
    return this.#firstP;
  }

  get lastP(): number {
    return this.#firstP + this.#size - 1;
  }

  positionOf(p: number): number {
    return this.#basePosition + p;
  }

  /** Makes the tail empty. The next entry is `nextP` of a month. */
  reset(month: Month | undefined, nextP: number): void {
    this.#month = month;
    this.#basePosition = month === undefined ? 0 : positionOf(month, 0);
    this.#firstP = nextP;
    this.#size = 0;
    this.#chunks = [];
    this.#start = 0;
    this.#runs = new TransientMap();
  }

  /** Adds the entry of the next p. The tail keeps the object itself. */
  add(entry: StoredEntry): void {
    const run = this.#runs.get(entry.conversationId);
    const chunk = this.#chunks.at(-1);
    if (chunk === undefined || chunk.isFull) this.#chunks.push(new Chunk(entry));
    else chunk.entries.push(entry);
    this.#size++;
    if (run) run.add(entry, this.lastP);
    else this.#runs.set(entry.conversationId, new Run(entry, this.lastP));
  }

  at(p: number): StoredEntry {
    const entry = p < this.#firstP ? undefined : this.#at(p);
    assert(entry, 'the entry is in the tail', p);
    return entry;
  }

  /** The entries with p > afterP, in commit order. */
  after(afterP: number, limit: number): readonly StoredEntry[] {
    const from = Math.max(this.#firstP, afterP + 1);
    const count = Math.max(0, Math.min(limit, this.lastP + 1 - from));
    return Array.from({ length: count }, (_, index) => this.at(from + index));
  }

  run(conversationId: ConversationId): Run | undefined {
    return this.#runs.get(conversationId);
  }

  byMsgId(msgId: MsgId): StoredEntry | undefined {
    const entry = firstOf(this.#chunks, (chunk) => chunk.byMsgId(msgId));
    return entry && this.#holds(entry) ? entry : undefined;
  }

  byKey({ from, clientMsgId }: Pick<StoredEntry, 'from' | 'clientMsgId'>): StoredEntry | undefined {
    return this.byKeyOfAnyone(clientMsgId).find((entry) => entry.from === from);
  }

  byKeyOfAnyone(clientMsgId: ClientMsgId): StoredEntry[] {
    return this.#chunks.flatMap((chunk) => chunk.byKey(clientMsgId)).filter((entry) => this.#holds(entry));
  }

  /** Drops some entries up to `throughP`, which MUST be in the sorted tables of the month: at least twice as many as were added. */
  dropSome(throughP: number, added: number): void {
    const sorted = Math.min(throughP, this.lastP) - this.#firstP + 1;
    const count = Math.min(sorted, 2 * added + dropsPerAppendMin);
    for (let dropped = 0; dropped < count; dropped++) this.#dropFirst();
  }

  /** Whether the entry was not dropped. Chunks keep dropped entries a little longer, and erasures do not reach those. */
  #holds(entry: StoredEntry): boolean {
    return this.#runs.get(entry.conversationId)?.holds(entry) ?? false;
  }

  #at(p: number): StoredEntry | undefined {
    const index = this.#start + p - this.#firstP;
    return this.#chunks[Math.floor(index / chunkSize)]?.entries[index % chunkSize];
  }

  #dropFirst(): void {
    const { conversationId } = this.at(this.#firstP);
    this.#firstP++;
    this.#size--;
    if (++this.#start === chunkSize) {
      this.#chunks.shift();
      this.#start = 0;
    }
    if (this.#runs.get(conversationId)?.dropFirst() === 0) this.#runs.delete(conversationId);
  }
}

const chunkSize = 1024;
const none: readonly StoredEntry[] = [];

/**
 * A part of the tail. A generational garbage collector scans an old array or map again when it was written to. With one array and two maps
 * for the whole tail, every collection would scan all of them; full chunks are never scanned. Lookups by id are rare, so a chunk builds its
 * maps for the first lookup after it is full.
 */
class Chunk {
  readonly entries: StoredEntry[];
  #byMsgId: ReadonlyMap<MsgId, StoredEntry> | undefined;
  #byKey: ReadonlyMap<ClientMsgId, readonly StoredEntry[]> | undefined;

  constructor(first: StoredEntry) {
    this.entries = [first];
  }

  get isFull(): boolean {
    return this.entries.length === chunkSize;
  }

  byMsgId(msgId: MsgId): StoredEntry | undefined {
    if (!this.isFull) return this.entries.find((entry) => entry.msgId === msgId);
    this.#byMsgId ??= new Map(this.entries.map((entry) => [entry.msgId, entry]));
    return this.#byMsgId.get(msgId);
  }

  byKey(clientMsgId: ClientMsgId): readonly StoredEntry[] {
    if (!this.isFull) return this.entries.filter((entry) => entry.clientMsgId === clientMsgId);
    this.#byKey ??= Map.groupBy(this.entries, (entry) => entry.clientMsgId);
    return this.#byKey.get(clientMsgId) ?? none;
  }
}
