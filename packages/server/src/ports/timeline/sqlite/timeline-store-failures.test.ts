// The writing side against the simplest model, with small tails, failing batches, a full file, drain steps between the batches, and
// crashes. Failed batches leave nothing, and committed entries are stored once and in order.

import { afterEach, beforeEach, expect, test } from 'bun:test';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assert } from '@hongyan/base/assert';
import type { ConversationId } from '@hongyan/protocol/ids';
import { createRandom, testSeed } from '@hongyan/testing/seed';
import { isUnavailable } from '../../../adapters/sqlite/failure.ts';
import { pageBytes } from '../../../adapters/sqlite/open.ts';
import { openSqliteTimelineReader, type SqliteTimelineReader } from '../sqlite-timeline-reader.ts';
import { change, conversation, entry, erasure, inMonth, outcomes, seq, startOf, user } from '../testing/entries.ts';
import { TimelineModel } from '../testing/model.ts';
import { tailOf } from '../testing/tail-of.ts';
import type { NewEntry, StoredEntry } from '../timeline.ts';
import type { Month } from './month.ts';
import { type Duplicate, type TimelineOp, type TimelineResult, toAppendOp } from './timeline-op.ts';
import { TimelineStore } from './timeline-store.ts';

type Appended = TimelineResult & { readonly type: 'appended' };

const conversationIds = Array.from({ length: 8 }, (_, index) => conversation(`g:${index}`));
const [runs, steps] = [4, 60];

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hongyan-store-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

test('[D1, D2, D3, E1, E5] random batches, some of which fail, and crashes leave the same entries as a list in memory', async () => {
  const seed = testSeed('timeline store');
  for (let run = 0; run < runs; run++) {
    const home = join(folder, `run ${run}`);
    mkdirSync(home);
    const play = new Play(home, createRandom(seed + run));
    for (let step = 0; step < steps; step++) await play.step();
    await play.end();
  }
}, 60_000);

class Play {
  readonly #home: string;
  readonly #random: () => number;
  readonly #model = new TimelineModel(conversationIds);
  /** In the order of commits. */
  readonly #byMonth = new Map<Month, StoredEntry[]>();
  /** The number of new months. In some runs a month ends before all heads of the previous one are copied. */
  readonly #turns: number;
  #lives = 0;
  #folder: string;
  #store: TimelineStore;
  #month = 0;

  constructor(home: string, random: () => number) {
    this.#home = home;
    this.#random = random;
    this.#turns = random() < 0.5 ? 0.04 : 0.12;
    this.#folder = join(home, '0');
    mkdirSync(this.#folder);
    this.#store = this.#open();
  }

  async step(): Promise<void> {
    const dice = this.#random();
    if (this.#random() < this.#turns) this.#month++;
    if (dice < 0.55) this.#append();
    else if (dice < 0.65) this.#fail();
    else if (dice < 0.88) for (let left = this.#below(this.#oneOf([3, 30])); left > 0 && this.#store.upkeep(); left--);
    else if (dice < 0.91) await this.#retain();
    else if (dice < 0.95) this.#reopen();
    else this.#crash();
    if (this.#random() < 0.1) await this.#expectSame();
  }

  async end(): Promise<void> {
    this.#reopen({ isFull: false });
    const more = conversationIds.map((id) => entry({ in: id, atMs: this.#nowMs }));
    this.#expectAsModel(more, this.#commit(more));
    await this.#expectSame();
    this.#store.close();
    await this.#expectSame();
  }

  get #nowMs(): number {
    return inMonth(this.#month);
  }

  #below(bound: number): number {
    return Math.floor(this.#random() * bound);
  }

  #oneOf<T>(list: readonly T[]): T {
    const one = list[this.#below(list.length)];
    assert(one !== undefined, 'a list that is not empty');
    return one;
  }

  /** A month without entries takes about twenty pages. */
  #open({ isFull = this.#random() < 0.5 } = {}): TimelineStore {
    const tailLimits = { ...tailOf(1 + this.#below(12)), headsMax: 1 + this.#below(8) };
    const headsPerStep = 1 + this.#below(4);
    const isMonthEnding = this.#random() < 0.3;
    const clock = { nowMs: () => (isMonthEnding ? startOf(this.#month + 1) - 1 : this.#nowMs) };
    const maxBytes = (16 + this.#below(30)) * pageBytes;
    if (isFull)
      try {
        return new TimelineStore({ folder: this.#folder, maxBytes, tailLimits, headsPerStep }, clock);
      } catch (error) {
        if (!isUnavailable(error)) throw error;
      }
    return new TimelineStore({ folder: this.#folder, tailLimits, headsPerStep }, clock);
  }

  #reopen(options: { readonly isFull?: boolean } = {}): void {
    this.#store.close();
    this.#store = this.#open(options);
  }

  /** As kill -9 leaves it: the files and their logs as they are now. */
  #crash(): void {
    const image = join(this.#home, String(++this.#lives));
    mkdirSync(image);
    for (const name of readdirSync(this.#folder))
      if (/\.db(-wal)?$/.test(name)) cpSync(join(this.#folder, name), join(image, name));
    this.#store.close();
    this.#folder = image;
    this.#store = this.#open();
  }

  #append(): void {
    const batch = Array.from({ length: 1 + this.#below(8) }, () => this.#entry());
    const found = this.#tryToCommit(batch);
    if (found !== undefined) this.#expectAsModel(batch, found);
  }

  /** One whose last entry cannot be. */
  #fail(): void {
    const batch = [
      ...Array.from({ length: this.#below(8) }, () => this.#entry()),
      change(1_000, { atMs: this.#nowMs }),
    ];
    let committed: Appended | undefined;
    try {
      committed = this.#tryToCommit(batch);
    } catch (error) {
      expect(String(error)).toContain('changes an earlier one');
    }
    expect(committed).toBeUndefined();
  }

  #entry(): NewEntry {
    const draft = { in: this.#oneOf(conversationIds), from: this.#oneOf(['ann', 'bob', 'eve']), atMs: this.#nowMs };
    const message = this.#model.kept(draft.in).filter((one) => one.isCounted && Math.min(one.seq, 5) === one.seq);
    const dice = this.#random();
    if (dice < 0.2 && this.#model.all.length > 0) {
      const { clientMsgId, from } = this.#oneOf(this.#model.all.slice(-40));
      return { ...entry({ ...draft, from }), clientMsgId };
    }
    if (dice < 0.4 && message.length > 0) {
      const target = this.#oneOf(message).seq;
      return this.#random() < 0.3 ? erasure(target, draft) : change(target, draft);
    }
    const mentioned = this.#random() < 0.2 ? this.#oneOf([['ann'], ['bob', 'new'], 'all' as const]) : undefined;
    const content = this.#random() < 0.2 ? { content: JSON.stringify('x'.repeat(6_000)) } : {};
    return entry({ ...draft, ...content, ...(mentioned ? { mentioned } : {}), isCounted: this.#random() < 0.8 });
  }

  /** Undefined when there is no room. */
  #tryToCommit(batch: readonly NewEntry[]): Appended | undefined {
    try {
      return this.#commit(batch);
    } catch (error) {
      if (!isUnavailable(error)) throw error;
      return undefined;
    }
  }

  #commit(batch: readonly NewEntry[]): Appended {
    const result = this.#transaction(toAppendOp(batch));
    assert(result.type === 'appended', 'entries are appended');
    return result;
  }

  #transaction(op: TimelineOp): TimelineResult {
    try {
      this.#store.begin([op]);
      const result = this.#store.apply(op);
      this.#store.commit();
      return result;
    } catch (error) {
      this.#store.rollback();
      throw error;
    }
  }

  #expectAsModel(batch: readonly NewEntry[], { month, outcomes: found, counts, duplicates }: Appended): void {
    const results = batch.map((one) => this.#model.append(one));
    const ofMonth = this.#byMonth.get(month) ?? [];
    this.#byMonth.set(month, ofMonth);
    for (const { type, entry: stored } of results) if (type === 'committed') ofMonth.push(stored);
    const seqOf = (duplicate: Duplicate | undefined) =>
      duplicate?.type === 'in_tail' ? ofMonth[duplicate.p - 1]?.seq : duplicate?.entry.seq;
    const texts = found.map((outcome) =>
      outcome > 0 ? `committed ${outcome}` : `duplicate ${seqOf(duplicates[-outcome - 1])}`,
    );
    expect(texts).toEqual(outcomes(results));
    const committed = results.map(({ type, entry: { count } }) => (type === 'committed' ? count : 0));
    expect(counts).toEqual(committed);
  }

  async #retain(): Promise<void> {
    this.#transaction({ type: 'retain', fromMs: inMonth(this.#month - this.#below(3)) });
    await this.#reading(async (reader) => {
      for (const { conversationId, firstSeq } of await reader.heads(conversationIds))
        this.#model.remove(conversationId, firstSeq);
    });
  }

  async #reading(read: (reader: SqliteTimelineReader) => Promise<void>): Promise<void> {
    const reader = openSqliteTimelineReader(this.#folder);
    try {
      await read(reader);
    } finally {
      reader.close();
    }
  }

  #expectSame(): Promise<void> {
    return this.#reading(async (reader) => {
      expect(await reader.heads(conversationIds)).toEqual(conversationIds.map((id) => this.#model.head(id)));
      for (const id of conversationIds) await this.#expectSameConversation(reader, id);
      for (const one of this.#model.all.slice(-30)) {
        const kept = this.#model.isKept(one) ? one : undefined;
        expect(await reader.findByMsgId(one.msgId)).toEqual(kept);
        if (kept) expect(await reader.findByClientMsgId(one)).toEqual(kept);
      }
    });
  }

  async #expectSameConversation(reader: SqliteTimelineReader, conversationId: ConversationId): Promise<void> {
    const request = { conversationId, afterSeq: seq(0), limit: 10_000, withTargeted: true };
    const kept = this.#model.kept(conversationId);
    expect((await reader.range(request)).entries).toEqual(kept);
    const { lastSeq } = this.#model.head(conversationId);
    const [states] = await reader.states([{ conversationId, fromSeq: seq(0), throughSeq: lastSeq }]);
    const inOrder = [...(states ?? [])].toSorted(([a], [b]) => a - b);
    expect(inOrder).toEqual(this.#model.states(conversationId, 0, lastSeq));
    const after = seq(this.#below(lastSeq + 1));
    const unread = await reader.countAfter([{ conversationId, seq: after }]);
    expect(unread).toEqual([this.#model.countAfter(conversationId, after)]);
    const mentions = await reader.mentionsAfter([{ conversationId, userId: user('new'), seq: after }]);
    expect(mentions).toEqual([this.#model.mentionsAfter(conversationId, user('new'), after)]);
  }
}
