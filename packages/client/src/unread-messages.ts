// How many messages of a conversation are unread, from what the server reported last and what arrived since, in any order. Pure.

import type { Seq } from '@hongyan/protocol/ids';
import { unreadCount, unreadFrom } from '@hongyan/protocol/unread';
import { countWhere, deleteWhere, putBounded } from './map-entries.ts';
import type { Conversation } from './wire.ts';

/** What is kept between runs. */
export interface StoredUnread {
  readonly reported: Reported;
  readonly sentSeq: Seq;
  readonly counts: readonly (readonly [Seq, number])[];
  readonly recalls: readonly (readonly [Seq, Seq])[];
  readonly mentions: readonly Seq[];
}

/** `unread` as the server computed it when `seq` was its newest entry. */
interface Reported {
  readonly seq: Seq;
  readonly count: number;
  readonly unread: number;
  readonly mentions: number;
  /** Its unread messages begin here, or later: at an own message, or where it knows that this user has read in private. */
  readonly start: Seq;
}

/** Where the conversation stands on this device. */
export interface Standing {
  readonly lastSeq: Seq;
  readonly lastCount: number;
  readonly readSeq: Seq;
  readonly firstSeq: Seq;
}

/** Counts and recalls of unread entries, the last that arrived. Without one of them a count is a bound: it may be too high, never too low. */
const keptMax = 256;

export class UnreadMessages {
  #reported: Reported;
  /** The newest message of this user that is known here. */
  #sentSeq: Seq;
  /** Counts by seq; only those from where unread messages begin are needed. */
  readonly #counts: Map<Seq, number>;
  /** seqs of messages that were recalled, and of their recalls. */
  readonly #recalls: Map<Seq, Seq>;
  /** Messages that mention this user, after where the server's report begins. */
  readonly #mentions: Map<Seq, true>;

  constructor(stored: StoredUnread) {
    this.#reported = stored.reported;
    this.#sentSeq = stored.sentSeq;
    this.#counts = new Map(stored.counts);
    this.#recalls = new Map(stored.recalls);
    this.#mentions = new Map(stored.mentions.map((seq) => [seq, true]));
  }

  /** Of a conversation that is new to this device. */
  static first(conversation: Conversation): StoredUnread {
    return { reported: reportedOf(conversation), sentSeq: 0 as Seq, counts: [], recalls: [], mentions: [] };
  }

  /** The server's view. An answer that is older than one before it says nothing new. */
  report(fresh: Conversation): void {
    const { seq, unread } = this.#reported;
    const isNewer = fresh.last_seq > seq || (fresh.last_seq === seq && fresh.unread < unread);
    if (isNewer) this.#reported = reportedOf(fresh);
  }

  /** [C2] What is known of entries after `commonSeq` is void. */
  rewind(fresh: Conversation, commonSeq: Seq): void {
    if (this.#sentSeq > commonSeq) this.#sentSeq = 0 as Seq;
    this.#reported = reportedOf(fresh);
    deleteWhere(this.#counts, (seq) => seq > commonSeq);
    deleteWhere(this.#recalls, (_target, seq) => seq > commonSeq);
    deleteWhere(this.#mentions, (seq) => seq > commonSeq);
  }

  counted(seq: Seq, count: number): void {
    putBounded(this.#counts, [seq, count], keptMax);
  }

  mentioned(seq: Seq): void {
    putBounded(this.#mentions, [seq, true], keptMax);
  }

  /** A message of this user: what is before it is no longer unread [E3]. */
  sent(seq: Seq): void {
    if (seq > this.#sentSeq) this.#sentSeq = seq;
  }

  recalled(target: Seq, seq: Seq): void {
    putBounded(this.#recalls, [target, seq], keptMax);
  }

  /** Unread messages come after it. */
  startOf({ readSeq, firstSeq }: Standing): Seq {
    return unreadFrom({ readSeq, sentSeq: this.#sentSeq, firstSeq });
  }

  /** [E3] Those that the server had reported, and those that came after its report. */
  countOf(standing: Standing): number {
    const { lastCount } = standing;
    const { seq: reportedSeq, count: reportedCount, unread } = this.#reported;
    const start = this.startOf(standing);
    const since = start > reportedSeq ? start : reportedSeq;
    const added = unreadCount({
      lastCount,
      countAtStart: this.#countAt(since, standing),
      recalled: countWhere(this.#recalls, (target) => target > since),
    });
    if (start >= reportedSeq) return added;
    const isBetween = (target: Seq) => target > start && target <= reportedSeq;
    // Exact while nothing was read since the report; too high after that.
    const byReport = unread - countWhere(this.#recalls, (target, seq) => isBetween(target) && seq > reportedSeq);
    // Exact where the recalls are known, as they are of everything that this device has caught up with.
    const byCount = unreadCount({
      lastCount: reportedCount,
      countAtStart: this.#countAt(start, standing),
      recalled: countWhere(this.#recalls, isBetween),
    });
    return Math.max(0, Math.min(byReport, byCount)) + added;
  }

  /** [E8] Exact where this device has seen the messages; of those that only the server has counted, as many as may be left. */
  mentionsOf(standing: Standing): number {
    const { seq: reportedSeq, mentions, start: reportedStart } = this.#reported;
    const start = this.startOf(standing);
    const among = (from: Seq, to: number) =>
      countWhere(this.#mentions, (seq) => seq > from && seq <= to && !this.#recalls.has(seq));
    const added = among(start > reportedSeq ? start : reportedSeq, Number.POSITIVE_INFINITY);
    if (start >= reportedSeq) return added;
    const recalled = countWhere(
      this.#recalls,
      (target, seq) => this.#mentions.has(target) && target > start && target <= reportedSeq && seq > reportedSeq,
    );
    // Too many where the server began later. What this device has seen is counted in any case.
    const read = countWhere(this.#mentions, (seq) => seq > reportedStart && seq <= start);
    const reported = Math.max(0, mentions - recalled - read);
    return Math.min(Math.max(reported, among(start, reportedSeq)) + added, this.countOf(standing));
  }

  toStored(standing: Standing): StoredUnread {
    const start = this.startOf(standing);
    // The last count up to the start remains: a read position may be at an entry whose count is not known here.
    let below = 0 as Seq;
    for (const seq of this.#counts.keys()) if (seq <= start && seq > below) below = seq;
    deleteWhere(this.#counts, (seq) => seq < below);
    deleteWhere(this.#recalls, (target) => target <= start);
    const { start: reportedStart } = this.#reported;
    deleteWhere(this.#mentions, (seq) => seq <= reportedStart);
    return {
      reported: this.#reported,
      sentSeq: this.#sentSeq,
      counts: [...this.#counts],
      recalls: [...this.#recalls],
      mentions: [...this.#mentions.keys()],
    };
  }

  /** At least so many, and exactly where the entry is known: from one entry to the next a count grows by at most one. */
  #countAt(seq: Seq, { lastSeq, lastCount }: Standing): number {
    const known = this.#counts.get(seq);
    if (known !== undefined) return known;
    const { seq: reportedSeq, count: reportedCount } = this.#reported;
    let count = 0;
    const look = (atSeq: Seq, atCount: number) => {
      count = Math.max(count, atSeq <= seq ? atCount : atCount - (atSeq - seq));
    };
    look(lastSeq, lastCount);
    look(reportedSeq, reportedCount);
    for (const [atSeq, atCount] of this.#counts) look(atSeq, atCount);
    return count;
  }
}

const reportedOf = (fresh: Conversation): Reported => ({
  seq: fresh.last_seq,
  count: fresh.last_count,
  unread: fresh.unread,
  mentions: fresh.unread_mentions,
  start: fresh.read_seq,
});
