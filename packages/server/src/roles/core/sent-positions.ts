// The newest message of each writer, on its way to the directory: what members wrote is nothing they have yet to read [E3].

import type { Timer } from '@hongyan/base/clock';
import { OutageLog } from '@hongyan/base/outage-log';
import { StoreFailure } from '@hongyan/base/result';
import type { ConversationId, Seq, UserId } from '@hongyan/protocol/ids';
import type { MemberKey, MemberRecord } from '../../ports/directory/conversations.ts';
import type { SentAdvance } from '../../ports/directory/receipts.ts';
import { type Feed, type FeedPage, UnknownPosition } from '../../ports/timeline/feed.ts';
import type { AppendResult, Position, StoredEntry } from '../../ports/timeline/timeline.ts';
import type { CoreDeps, SoleStores } from './deps.ts';

/** Written so seldom that busy writers cost a row a second. Until then the positions are here, and reads ask here. */
const writeEveryMs = 1_000;
/** Where other cores read too, which cannot ask here. */
const writeEveryMsShared = 20;
/** Above it they are written at once. */
const waitingMax = 10_000;
/** While the directory cannot take them: beyond that no messages are taken either. Some tens of megabytes. */
const keptMax = 200_000;
/** What it could not take is tried again. */
const retryMs = 1_000;
/** Of one statement. */
const pieceMax = 5_000;
/** Entries of a page of the feed. */
const pageSize = 500;

export class SentPositions {
  readonly #deps: Pick<CoreDeps, 'directory' | 'sole' | 'clock' | 'log'>;
  readonly #writeEveryMs: number;
  #waiting = new Noted();
  #writing: Noted | undefined;
  /** The last that was written: a record may have been read before that, and is asked about after it. */
  #wrote: Noted | undefined;
  #running: Promise<void> | undefined;
  /** What is being appended, and noted when it is. */
  readonly #noting = new Set<Promise<unknown>>();
  #timer: Timer | undefined;
  /** The last write failed. */
  #isFailing = false;
  readonly #outage: OutageLog;

  constructor(deps: Pick<CoreDeps, 'directory' | 'sole' | 'clock' | 'log' | 'shared'>) {
    const { clock, log } = deps;
    const failing = 'newest messages of writers not stored, to be tried again';
    this.#outage = new OutageLog({ failing, over: 'newest messages of writers are stored again', clock, log });
    this.#deps = deps;
    this.#writeEveryMs = deps.shared ? writeEveryMsShared : writeEveryMs;
  }

  /** Throws StoreFailure where no further ones can be kept: an append that came now would not be noted. */
  assertRoom(): void {
    if (this.#waiting.count + (this.#writing?.count ?? 0) < keptMax) return;
    throw new StoreFailure('unavailable', 'the directory has to take the newest messages of writers first');
  }

  /** The same results, noted. */
  noting(appending: Promise<readonly AppendResult[]>): Promise<readonly AppendResult[]> {
    return this.#tracked(
      appending.then((results) => {
        this.note(results.map(({ entry }) => entry));
        return results;
      }),
    );
  }

  /** Also entries that are noted already. */
  note(entries: readonly StoredEntry[]): void {
    for (const { isCounted, conversationId, from, seq } of entries)
      if (isCounted) this.#waiting.raise({ conversationId, userId: from, sentSeq: seq });
    if (this.#waiting.count === 0) return;
    if (this.#waiting.count >= waitingMax && !this.#isFailing) void this.#write();
    else this.#schedule();
  }

  /** The newest of what the record says and what waits here, or was written since the record was read. */
  of({ conversationId, userId, sentSeq }: MemberKey & Pick<MemberRecord, 'sentSeq'>): Seq {
    const waiting = this.#waiting.of(conversationId, userId);
    const writing = this.#writing?.of(conversationId, userId) ?? 0;
    const wrote = this.#wrote?.of(conversationId, userId) ?? 0;
    return Math.max(sentSeq, waiting, writing, wrote) as Seq;
  }

  /** Notes what was committed before a crash and not written. Rejects with StoreFailure. */
  recover(): Promise<void> {
    const { sole } = this.#deps;
    return sole ? this.#tracked(this.#recover(sole)) : Promise.resolve();
  }

  /** Resolves when what is noted now is written. */
  async written(): Promise<void> {
    await (this.#waiting.count > 0 ? this.#waiting : this.#writing)?.written;
  }

  async drain(): Promise<void> {
    await this.#running;
    if (this.#waiting.count > 0) await this.#write();
    // What it could not take is found again by the next life, or the next owner.
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  async #recover({ timeline, directory }: SoleStores): Promise<void> {
    const mark = await directory.sentThrough();
    try {
      if (mark !== undefined) return await this.#noteAfter(mark, timeline.feed);
    } catch (error) {
      // The timeline is another than that of the mark, or lost its newest commits with the power.
      if (!(error instanceof UnknownPosition)) throw error;
    }
    await directory.moveSentThrough(await timeline.position());
  }

  async #noteAfter(mark: Position, feed: Feed): Promise<void> {
    let page: FeedPage = { entries: [], position: mark, isAtEnd: false, hasGap: false };
    while (!page.isAtEnd) {
      page = await feed.read({ after: page.position, limit: pageSize });
      this.note(page.entries);
    }
  }

  #tracked<T>(noting: Promise<T>): Promise<T> {
    this.#noting.add(noting);
    const forget = () => this.#noting.delete(noting);
    noting.then(forget, forget);
    return noting;
  }

  /** While one is under way, its end does it. */
  #schedule(): void {
    if (this.#running) return;
    const delayMs = this.#isFailing ? retryMs : this.#writeEveryMs;
    this.#timer ??= this.#deps.clock.after(delayMs, () => void this.#write());
  }

  /** One at a time. */
  #write(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#running ??= this.#writeNoted().then((isWritten) => {
      this.#running = undefined;
      this.#isFailing = !isWritten;
      if (this.#waiting.count > 0) this.#schedule();
    });
    return this.#running;
  }

  /** false: it could not. */
  async #writeNoted(): Promise<boolean> {
    const { directory, sole } = this.#deps;
    try {
      const through = await sole?.timeline.position();
      // What was committed by then is noted when the appends under way have ended.
      if (through !== undefined) await Promise.allSettled(this.#noting);
      const writing = this.#waiting;
      this.#waiting = new Noted();
      this.#writing = writing;
      for (const piece of writing.pieces()) await directory.advanceSent(piece);
      if (through !== undefined) await sole?.directory.moveSentThrough(through);
      writing.finish();
      this.#wrote = writing;
      this.#outage.worked();
      return true;
    } catch (error) {
      this.#outage.failed(error);
      if (this.#writing) this.#waiting.raiseAll(this.#writing);
      return false;
    } finally {
      this.#writing = undefined;
    }
  }
}

class Noted {
  readonly #byConversation = new Map<ConversationId, Map<UserId, Seq>>();
  readonly #written = Promise.withResolvers<void>();
  #count = 0;

  /** Members. */
  get count(): number {
    return this.#count;
  }

  get written(): Promise<void> {
    return this.#written.promise;
  }

  of(conversationId: ConversationId, userId: UserId): number {
    return this.#byConversation.get(conversationId)?.get(userId) ?? 0;
  }

  raise({ conversationId, userId, sentSeq }: SentAdvance): void {
    let ofConversation = this.#byConversation.get(conversationId);
    if (ofConversation === undefined) {
      ofConversation = new Map();
      this.#byConversation.set(conversationId, ofConversation);
    }
    const before = ofConversation.get(userId);
    if (before === undefined) this.#count++;
    if (before === undefined || before < sentSeq) ofConversation.set(userId, sentSeq);
  }

  /** Those of an earlier one, which is not written by itself any more. */
  raiseAll(earlier: Noted): void {
    for (const advance of earlier.#advances()) this.raise(advance);
    void this.written.then(() => earlier.finish());
  }

  *pieces(): Generator<readonly SentAdvance[]> {
    const advances = this.#advances();
    for (let from = 0; from < advances.length; from += pieceMax) yield advances.slice(from, from + pieceMax);
  }

  #advances(): readonly SentAdvance[] {
    return [...this.#byConversation].flatMap(([conversationId, byUser]) =>
      Array.from(byUser, ([userId, sentSeq]) => ({ conversationId, userId, sentSeq })),
    );
  }

  finish(): void {
    this.#written.resolve();
  }
}
