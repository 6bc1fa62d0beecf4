// Sync: selects and orders the conversations that a device has to catch up with, and encodes the cursor. Pure.

import { unreachable } from '@hongyan/base/assert';
import type { ConversationId, Seq } from '@hongyan/protocol/ids';
import type { Position } from './position.ts';

/** One conversation of the user who syncs. */
export interface SyncCandidate {
  readonly conversationId: ConversationId;
  readonly lastSeq: Seq;
  /** Server time of the last message, or of the creation if there is none. */
  readonly activityMs: number;
  /** When the user's own membership or read position last changed. */
  readonly updatedAtMs: number;
  /** Whether entries may have been committed since the position of the cursor. */
  readonly isChanged: boolean;
  /** The delivered position of the syncing device. */
  readonly deviceDeliveredSeq: Seq;
}

export type SyncMode = 'since_cursor' | 'from_receipts' | 'full';

/** The position and time at which the last completed sync began; between pages, also the progress of the current sync. */
export interface Cursor {
  /** Opaque position of the timeline. */
  readonly since: Position;
  readonly sinceMs: number;
  readonly paging?: {
    readonly mode: SyncMode;
    /** The position that the cursor of the last page will contain. */
    readonly next: Position;
    readonly nextMs: number;
    readonly afterActivityMs: number;
    readonly afterId: ConversationId;
  };
}

const separator = '~'; // occurs neither in ids nor in positions
const modes: readonly SyncMode[] = ['since_cursor', 'from_receipts', 'full'];

export function encodeCursor({ since, sinceMs, paging }: Cursor): string {
  const parts: (string | number)[] = [since, sinceMs];
  if (paging)
    parts.push(modes.indexOf(paging.mode), paging.next, paging.nextMs, paging.afterActivityMs, paging.afterId);
  return parts.join(separator);
}

/** undefined: the text was not created by encodeCursor. */
export function decodeCursor(text: string): Cursor | undefined {
  const parts = text.split(separator);
  const [since = '', sinceMs = '', mode = '', next = '', nextMs = '', afterActivityMs = '', afterId = ''] = parts;
  if (!isPosition(since) || !isTime(sinceMs)) return undefined;
  const cursor = { since, sinceMs: Number(sinceMs) };
  if (parts.length === 2) return cursor;
  const pagingMode = modes[Number(mode)];
  if (parts.length !== 7 || pagingMode === undefined || !isPosition(next)) return undefined;
  if (!isTime(nextMs) || !isTime(afterActivityMs)) return undefined;
  const paging = { mode: pagingMode, next, nextMs: Number(nextMs), afterActivityMs: Number(afterActivityMs) };
  return { ...cursor, paging: { ...paging, afterId: afterId as ConversationId } };
}

const isPosition = (text: string): text is Position => /^[\w.-]{1,128}$/.test(text);
const isTime = (text: string): boolean => /^\d{1,15}$/.test(text);

export interface SyncRequest {
  readonly cursor: Cursor | undefined;
  readonly full: boolean;
  /** The end of the timeline's feed, read before the candidates were. */
  readonly position: Position;
  /** A time slightly before the reads of the candidates: concurrent changes are reported twice instead of missed. */
  readonly nowMs: number;
}

export function modeOf({ cursor, full }: Pick<SyncRequest, 'cursor' | 'full'>): SyncMode {
  if (cursor?.paging) return cursor.paging.mode;
  if (full) return 'full';
  return cursor === undefined ? 'from_receipts' : 'since_cursor';
}

/** The conversations to report, newest activity first, without those of earlier pages. */
export function conversationsAhead<T extends SyncCandidate>(candidates: readonly T[], request: SyncRequest): T[] {
  const { cursor, nowMs } = request;
  const mode = modeOf(request);
  // A cursor from the future means that the clock was set back: report everything again instead of missing a change.
  const sinceMs = cursor && cursor.sinceMs <= nowMs ? cursor.sinceMs : 0;
  const paging = cursor?.paging;
  return candidates
    .filter((candidate) => isAhead(candidate, mode, sinceMs) && (!paging || isAfter(candidate, paging)))
    .sort(byNewest);
}

/** The cursor to return with the first `count` conversations of `ahead`. */
export function cursorAfter(ahead: readonly SyncCandidate[], count: number, request: SyncRequest): Cursor {
  const { cursor, position, nowMs } = request;
  const [next, nextMs] = [cursor?.paging?.next ?? position, cursor?.paging?.nextMs ?? nowMs];
  const last = ahead[count - 1];
  if (count >= ahead.length || last === undefined) return { since: next, sinceMs: nextMs };
  const paging = {
    mode: modeOf(request),
    next,
    nextMs,
    afterActivityMs: last.activityMs,
    afterId: last.conversationId,
  };
  return { since: cursor?.since ?? position, sinceMs: cursor?.sinceMs ?? 0, paging };
}

/** Ties are ordered by id, so that the order is total. */
function byNewest(a: SyncCandidate, b: SyncCandidate): number {
  return b.activityMs - a.activityMs || (a.conversationId < b.conversationId ? -1 : 1);
}

function isAhead(candidate: SyncCandidate, mode: SyncMode, sinceMs: number): boolean {
  switch (mode) {
    case 'full':
      return true;
    case 'from_receipts':
      return candidate.lastSeq > candidate.deviceDeliveredSeq;
    case 'since_cursor':
      return candidate.isChanged || candidate.updatedAtMs >= sinceMs;
    default:
      return unreachable(mode);
  }
}

/** New activity since the previous page moves a conversation before the remaining pages: the next sync reports it. */
function isAfter(
  candidate: SyncCandidate,
  after: { readonly afterActivityMs: number; readonly afterId: ConversationId },
) {
  return (
    candidate.activityMs < after.afterActivityMs ||
    (candidate.activityMs === after.afterActivityMs && candidate.conversationId > after.afterId)
  );
}
