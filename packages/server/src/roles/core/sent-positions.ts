// Stores the seq of each member's newest message in the directory: messages up to it are not unread for that member [E3]. Positions
// are buffered and written in batches.

import type { Timer } from '@hongyan/base/clock';
import { OutageLog } from '@hongyan/base/outage-log';
import { StoreFailure } from '@hongyan/base/result';
import type { ConversationId, Seq, UserId } from '@hongyan/protocol/ids';
import type { MemberKey, MemberRecord } from '../../ports/directory/conversations.ts';
import type { SentAdvance } from '../../ports/directory/receipts.ts';
import { type Feed, type FeedPage, UnknownPosition } from '../../ports/timeline/feed.ts';
import type { AppendResult, Position, StoredEntry } from '../../ports/timeline/timeline.ts';
import type { CoreDeps, SoleStores } from './deps.ts';

/** Interval of writes: an active sender costs one row per second. Reads include the buffered positions. */
const writeEveryMs = 1_000;
/** With several cores, whose reads cannot see the buffer. */
const writeEveryMsShared = 20;
/** Buffered positions that trigger a write. */
const waitingMax = 10_000;
/** Buffered positions while the directory fails, some tens of megabytes; beyond it messages are refused too. */
const bufferedMax = 200_000;
/** Interval of retries after a failed write. */
const retryMs = 1_000;
/** Positions in one statement. */
const pieceMax = 5_000;
/** Entries in a page of the feed. */
const pageSize = 500;

export class SentPositions {
  readonly #deps: Pick<CoreDeps, 'directory' | 'clock' | 'log'>;
  /** undefined: several cores write the stores. */
  readonly #sole: SoleStores | undefined;
  readonly #writeEveryMs: number;
  #waiting = new Noted();
  #writing: Noted | undefined;
  /** The last written batch: a member record may have been read before it was written. */
  #wrote: Noted | undefined;
  #running: Promise<void> | undefined;
  /** Appends in flight, whose positions are noted when they end. */
  readonly #noting = new Set<Promise<unknown>>();
  #timer: Timer | undefined;
  /** Whether the last write failed. */
  #isFailing = false;
  readonly #outage: OutageLog;

  constructor(deps: Pick<CoreDeps, 'directory' | 'stores' | 'clock' | 'log'>) {
    const { clock, log, stores } = deps;
    const failing = 'positions of senders not stored, to be retried';
    this.#outage = new OutageLog({ failing, over: 'positions of senders are stored again', clock, log });
    this.#deps = deps;
    this.#sole = stores.type === 'sole' ? stores : undefined;
    this.#writeEveryMs = stores.type === 'sole' ? writeEveryMs : writeEveryMsShared;
  }

  /** Throws StoreFailure if the buffer is full: a further append could not be noted. */
  assertRoom(): void {
    if (this.#waiting.count + (this.#writing?.count ?? 0) < bufferedMax) return;
    throw new StoreFailure('unavailable', 'the directory must store earlier positions of senders first');
  }

  /** Notes the positions of an append, and returns its results. */
  noting(appending: Promise<readonly AppendResult[]>): Promise<readonly AppendResult[]> {
    return this.#tracked(
      appending.then((results) => {
        this.note(results.map(({ entry }) => entry));
        return results;
      }),
    );
  }

  /** Entries may be noted repeatedly. */
  note(entries: readonly StoredEntry[]): void {
    for (const { isCounted, conversationId, from, seq } of entries)
      if (isCounted) this.#waiting.raise({ conversationId, userId: from, sentSeq: seq });
    if (this.#waiting.count === 0) return;
    if (this.#waiting.count >= waitingMax && !this.#isFailing) void this.#write();
    else this.#schedule();
  }

  /** The newest of the record's seq, the buffered seq, and the seq that was written after the record was read. */
  of({ conversationId, userId, sentSeq }: MemberKey & Pick<MemberRecord, 'sentSeq'>): Seq {
    const waiting = this.#waiting.of(conversationId, userId);
    const writing = this.#writing?.of(conversationId, userId) ?? 0;
    const wrote = this.#wrote?.of(conversationId, userId) ?? 0;
    return Math.max(sentSeq, waiting, writing, wrote) as Seq;
  }

  /** Notes messages that were committed before a crash without their positions being written. Rejects with StoreFailure. */
  recover(): Promise<void> {
    return this.#sole ? this.#tracked(this.#recover(this.#sole)) : Promise.resolve();
  }

  /** Resolves when all positions noted so far are written. */
  async written(): Promise<void> {
    await (this.#waiting.count > 0 ? this.#waiting : this.#writing)?.written;
  }

  async drain(): Promise<void> {
    await this.#running;
    if (this.#waiting.count > 0) await this.#write();
    // Positions that could not be written are recovered by the next start, or by the next owner.
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  async #recover({ timeline, directory }: SoleStores): Promise<void> {
    const mark = await directory.sentThrough();
    try {
      if (mark !== undefined) return await this.#noteAfter(mark, timeline.feed);
    } catch (error) {
      // The timeline was replaced, or has lost its newest commits with a power failure.
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

  /** The end of a running write schedules the next one itself. */
  #schedule(): void {
    if (this.#running) return;
    const delayMs = this.#isFailing ? retryMs : this.#writeEveryMs;
    this.#timer ??= this.#deps.clock.after(delayMs, () => void this.#write());
  }

  /** One write at a time. */
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

  /** false: the write failed. */
  async #writeNoted(): Promise<boolean> {
    const { directory } = this.#deps;
    const sole = this.#sole;
    try {
      const through = await sole?.timeline.position();
      // Entries committed before this position are noted once the appends in flight have ended.
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

/** Positions of one batch. */
class Noted {
  readonly #byConversation = new Map<ConversationId, Map<UserId, Seq>>();
  readonly #written = Promise.withResolvers<void>();
  #count = 0;

  /** Number of members. */
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

  /** Takes over the positions of an earlier batch whose write failed. */
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
