// The newest entries of the month being written, in memory: those that the writer has committed but may not have sorted into the
// month yet. Reads look here first and in the files for what is older.

import { assert } from '@hongyan/base/assert';
import type { ClientMsgId, ConversationId, MsgId, Seq, UserId } from '@hongyan/protocol/ids';
import { KeyMap } from './key-map.ts';
import { type Month, positionOf } from './month-file.ts';
import type { StoredEntry } from './timeline.ts';

/** Dropping entries is shared out over the appends, so that it never holds the event loop for long. */
const dropsPerAppendMin = 256;

export class Tail {
  #month: Month | undefined;
  #basePosition = 0;
  /** p of the entry at #start. */
  #firstP = 1;
  #entries: StoredEntry[] = [];
  #start = 0;
  #runs = new Map<ConversationId, Run>();
  #byMsgId = new Map<MsgId, StoredEntry>();
  #byKey = newKeyMap();

  get month(): Month | undefined {
    return this.#month;
  }

  /** p of the oldest entry held; lastP + 1 when none is. */
  get firstP(): number {
    return this.#firstP;
  }

  get lastP(): number {
    return this.#firstP + this.#size - 1;
  }

  get #size(): number {
    return this.#entries.length - this.#start;
  }

  positionOf(p: number): number {
    return this.#basePosition + p;
  }

  /** Empty, before the entry `nextP` of a month. */
  reset(month: Month | undefined, nextP: number): void {
    this.#month = month;
    this.#basePosition = month === undefined ? 0 : positionOf(month, 0);
    this.#firstP = nextP;
    this.#entries = [];
    this.#start = 0;
    this.#runs = new Map();
    this.#byMsgId = new Map();
    this.#byKey = newKeyMap();
  }

  /** The entry of the next p; returned as it is kept. */
  add({ msgId, conversationId, from, clientMsgId, timestampMs, contentJson, seq }: StoredEntry): StoredEntry {
    const run = this.#runs.get(conversationId);
    // All entries of a conversation share one copy of its id.
    const id = run?.last.conversationId ?? conversationId;
    const entry = { msgId, conversationId: id, from, clientMsgId, timestampMs, contentJson, seq };
    this.#entries.push(entry);
    if (run) run.add(entry, this.lastP);
    else this.#runs.set(id, new Run(entry, this.lastP));
    // The first one with an id or a key is the one to be found.
    if (!this.#byMsgId.has(entry.msgId)) this.#byMsgId.set(entry.msgId, entry);
    this.#byKey.set(entry);
    return entry;
  }

  at(p: number): StoredEntry {
    const entry = this.#entries[this.#start + p - this.#firstP];
    assert(p >= this.#firstP && entry, `entry ${p} is in the tail, which begins at ${this.#firstP}`);
    return entry;
  }

  /** In the order of commits, p > afterP. */
  after(afterP: number, limit: number): readonly StoredEntry[] {
    const from = this.#start + Math.max(0, afterP + 1 - this.#firstP);
    return this.#entries.slice(from, from + limit);
  }

  run(conversationId: ConversationId): Run | undefined {
    return this.#runs.get(conversationId);
  }

  byMsgId(msgId: MsgId): StoredEntry | undefined {
    return this.#byMsgId.get(msgId);
  }

  byKey({ from, clientMsgId }: Pick<StoredEntry, 'from' | 'clientMsgId'>): StoredEntry | undefined {
    return this.#byKey.get(from, clientMsgId);
  }

  byKeyOfAnyone(clientMsgId: ClientMsgId): StoredEntry[] {
    return this.#entries.slice(this.#start).filter((entry) => entry.clientMsgId === clientMsgId);
  }

  /** Lets go of some of the entries up to `throughP`, which MUST be in the month's sorted tables: at least twice as many as were added. */
  dropSome(throughP: number, added: number): void {
    const sorted = Math.min(throughP, this.lastP) - this.#firstP + 1;
    const count = Math.min(sorted, 2 * added + dropsPerAppendMin);
    for (let dropped = 0; dropped < count; dropped++) this.#dropFirst();
    if (this.#start <= this.#entries.length / 2) return;
    this.#entries = this.#entries.slice(this.#start);
    this.#start = 0;
  }

  #dropFirst(): void {
    const entry = this.at(this.#firstP);
    this.#start++;
    this.#firstP++;
    if (this.#runs.get(entry.conversationId)?.dropFirst() === 0) this.#runs.delete(entry.conversationId);
    if (this.#byMsgId.get(entry.msgId) === entry) this.#byMsgId.delete(entry.msgId);
    this.#byKey.delete(entry);
  }
}

/** The entries of one conversation in the tail: seqs without holes. */
export class Run {
  #entries: StoredEntry[];
  #start = 0;
  #lastP: number;

  constructor(first: StoredEntry, p: number) {
    this.#entries = [first];
    this.#lastP = p;
  }

  add(entry: StoredEntry, p: number): void {
    assert(entry.seq === this.last.seq + 1, `seq ${this.last.seq + 1} follows; not ${entry.seq} [D2]`);
    this.#entries.push(entry);
    this.#lastP = p;
  }

  get firstSeq(): Seq {
    return this.#first.seq;
  }

  get last(): StoredEntry {
    const last = this.#entries.at(-1);
    assert(last, 'a run holds an entry');
    return last;
  }

  get lastP(): number {
    return this.#lastP;
  }

  at(seq: number): StoredEntry | undefined {
    const index = seq - this.firstSeq;
    return index < 0 ? undefined : this.#entries[this.#start + index];
  }

  /** Returns how many are left. */
  dropFirst(): number {
    this.#start++;
    const left = this.#entries.length - this.#start;
    if (left > 0 && this.#start > left) {
      this.#entries = this.#entries.slice(this.#start);
      this.#start = 0;
    }
    return left;
  }

  get #first(): StoredEntry {
    const first = this.#entries[this.#start];
    assert(first, 'a run holds an entry');
    return first;
  }
}

const newKeyMap = () => new KeyMap<UserId, StoredEntry>((entry) => entry.from);
