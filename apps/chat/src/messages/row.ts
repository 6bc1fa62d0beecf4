// What a message looks like depends on its neighbours: pure rules over three messages.

import type { ClientMessage, UserId } from '@hongyan/client/api';
import { dayOf } from '../browser/today.ts';
import { isSystem, shownText } from './message-words.ts';

/** Messages of one sender within this are one group. */
const groupMs = 5 * 60_000;

export interface Decoration {
  /** A line with the day stands above. */
  readonly hasDay: boolean;
  /** The line "new messages" stands above. */
  readonly hasUnreadLine: boolean;
  /** [D5] Messages are missing between this and the one above. */
  readonly hasGap: boolean;
  readonly isFirst: boolean;
  readonly isLast: boolean;
}

export function decorationOf(at: {
  readonly message: ClientMessage;
  readonly previous: ClientMessage | undefined;
  readonly next: ClientMessage | undefined;
  /** Seq of the first unread message; undefined when all was read, or while it is not loaded. */
  readonly firstUnread: number | undefined;
}): Decoration {
  const { message, previous, next, firstUnread } = at;
  const hasUnreadLine = firstUnread !== undefined && message.seq === firstUnread;
  const hasDay = !previous || dayOf(previous.timestampMs) !== dayOf(message.timestampMs);
  const hasGap = isMissingBetween(previous, message);
  return {
    hasDay,
    hasUnreadLine,
    hasGap,
    isFirst: hasDay || hasUnreadLine || hasGap || !isOneGroup(previous, message),
    isLast: !isOneGroup(message, next),
  };
}

/** Edits and reactions have seqs between those of messages; the count says whether a message is missing. */
function isMissingBetween(previous: ClientMessage | undefined, message: ClientMessage): boolean {
  if (previous?.count === undefined || message.count === undefined) return false;
  return message.count - previous.count > (isSystem(message) ? 0 : 1);
}

/**
 * Seq of the first message of others after `afterSeq`, also when that is the first row. undefined when there is none, and
 * when it lies before what is loaded.
 */
export function firstUnreadOf(at: {
  readonly rows: readonly ClientMessage[];
  readonly afterSeq: number;
  readonly self: UserId;
  readonly hasOlder: boolean;
}): number | undefined {
  const { rows, afterSeq, self, hasOlder } = at;
  const lastRead = rows.findLastIndex((row) => row.seq !== undefined && row.seq <= afterSeq);
  if (lastRead < 0 && hasOlder && rows[0]?.seq !== afterSeq + 1) return undefined;
  return rows.slice(lastRead + 1).find((row) => isOfOther(row, self))?.seq;
}

/** Whether no message of others stands between what was shown, up to `afterSeq`, and `firstSeq`; where that is not loaded, one may. */
export function isContinued(at: {
  readonly rows: readonly ClientMessage[];
  readonly afterSeq: number;
  readonly firstSeq: number;
  readonly self: UserId;
  readonly hasOlder: boolean;
}): boolean {
  const { rows, afterSeq, firstSeq, self, hasOlder } = at;
  if (firstSeq <= afterSeq + 1) return true;
  if (hasOlder && (rows[0]?.seq ?? firstSeq) > afterSeq + 1) return false;
  return !rows.some((row) => row.seq !== undefined && row.seq > afterSeq && row.seq < firstSeq && isOfOther(row, self));
}

const isOfOther = (row: ClientMessage, self: UserId): boolean => row.from !== self && !isSystem(row) && !row.isRecalled;

function isOneGroup(a: ClientMessage | undefined, b: ClientMessage | undefined): boolean {
  if (!a || !b || a.from !== b.from || isSystem(a) || isSystem(b)) return false;
  return b.timestampMs - a.timestampMs < groupMs && dayOf(a.timestampMs) === dayOf(b.timestampMs);
}

/** A guess until the row is measured; close, so that the scroll bar hardly moves. */
export function estimateHeightPx(message: ClientMessage | undefined): number {
  return 19 + 21 * Math.min(linesOf((message && shownText(message.content)) ?? ''), foldedLines);
}

/** Lines of a folded message; the style sheet gives the same number in pixels. */
const foldedLines = 16;
/** Well above `foldedLines`: a press must show more than a line or two. */
const longLines = 24;

/** Whether a text is folded until the reader opens it. */
export const isLong = (text: string): boolean => linesOf(text) > longLines;

const linesOf = (text: string): number =>
  text.split('\n').reduce((sum, line) => sum + 1 + Math.floor(line.length / 64), 0);
