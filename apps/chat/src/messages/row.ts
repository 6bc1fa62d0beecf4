// What a message looks like depends on its neighbours: pure rules over three messages.

import type { ClientMessage, UserId } from '@hongyan/client/api';
import { dayOf } from '../ui/time.ts';
import { isSystem } from './message-words.ts';

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
  readonly self: UserId;
  /** The read position when the conversation was opened; undefined when all was read. */
  readonly readAtOpen: number | undefined;
}): Decoration {
  const { message, previous, next, readAtOpen } = at;
  const seq = message.seq ?? Number.MAX_SAFE_INTEGER;
  const hasUnreadLine =
    readAtOpen !== undefined && message.from !== at.self && seq > readAtOpen && (previous?.seq ?? 0) <= readAtOpen;
  const hasDay = !previous || dayOf(previous.timestampMs) !== dayOf(message.timestampMs);
  const hasGap = previous?.seq !== undefined && message.seq !== undefined && previous.seq + 1 < message.seq;
  return {
    hasDay,
    hasUnreadLine,
    hasGap,
    isFirst: hasDay || hasUnreadLine || hasGap || !isOneGroup(previous, message),
    isLast: !isOneGroup(message, next),
  };
}

function isOneGroup(a: ClientMessage | undefined, b: ClientMessage | undefined): boolean {
  if (!a || !b || a.from !== b.from || isSystem(a) || isSystem(b)) return false;
  return b.timestampMs - a.timestampMs < groupMs && dayOf(a.timestampMs) === dayOf(b.timestampMs);
}

/** A guess until the row is measured; close, so that the scroll bar hardly moves. */
export function estimateHeightPx(message: ClientMessage | undefined): number {
  const text = message?.content.text ?? '';
  const lines = text.split('\n').reduce((sum, line) => sum + 1 + Math.floor(line.length / 64), 0);
  return 19 + 21 * lines;
}
