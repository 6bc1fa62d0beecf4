// What a device has to catch up with after an absence: the choice of conversations, their order, and the cursor.

import { unreachable } from '@hongyan/base/assert';
import type { ConversationId, Seq } from '@hongyan/protocol/ids';
import type { Position } from './position.ts';

/** The facts about one conversation of the user who syncs. */
export interface SyncCandidate {
  readonly conversationId: ConversationId;
  readonly lastSeq: Seq;
  /** Server time of the last message, or of the creation where there is none. */
  readonly activityMs: number;
  /** When the user's own membership or read position last changed. */
  readonly updatedAtMs: number;
  /** Entries may have been committed since the cursor's position. */
  readonly isChanged: boolean;
  /** What this very device has acknowledged. */
  readonly deviceDeliveredSeq: Seq;
}

export type SyncMode = 'since_cursor' | 'from_receipts' | 'full';

/** A cursor says what the device knew when a sync began; while there are more pages, also how far they got. */
export interface Cursor {
  /** Of the timeline; opaque. */
  readonly since: Position;
  readonly sinceMs: number;
  readonly paging?: {
    readonly mode: SyncMode;
    /** What the last page's cursor will say. */
    readonly next: Position;
    readonly nextMs: number;
    readonly afterActivityMs: number;
    readonly afterId: ConversationId;
  };
}

const separator = '~'; // in no id's alphabet, nor in that of positions
const modes: readonly SyncMode[] = ['since_cursor', 'from_receipts', 'full'];

export function encodeCursor({ since, sinceMs, paging }: Cursor): string {
  const parts: (string | number)[] = [since, sinceMs];
  if (paging)
    parts.push(modes.indexOf(paging.mode), paging.next, paging.nextMs, paging.afterActivityMs, paging.afterId);
  return parts.join(separator);
}

/** undefined for text that no encodeCursor made. */
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
  /** Lies a little before the reads of the candidates, so that a change made meanwhile is reported again rather than missed. */
  readonly nowMs: number;
}

export function modeOf({ cursor, full }: Pick<SyncRequest, 'cursor' | 'full'>): SyncMode {
  if (cursor?.paging) return cursor.paging.mode;
  if (full) return 'full';
  return cursor === undefined ? 'from_receipts' : 'since_cursor';
}

/** The conversations still to report, newest activity first; those of earlier pages are left out. */
export function conversationsAhead<T extends SyncCandidate>(candidates: readonly T[], request: SyncRequest): T[] {
  const { cursor, nowMs } = request;
  const mode = modeOf(request);
  // A cursor from the future means that the clock stepped back: rather report everything again than miss a change.
  const sinceMs = cursor && cursor.sinceMs <= nowMs ? cursor.sinceMs : 0;
  const paging = cursor?.paging;
  return candidates.filter((one) => isAhead(one, mode, sinceMs) && (!paging || isAfter(one, paging))).sort(byNewest);
}

/** The cursor to hand out with the first `count` of `ahead`. */
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

/** Ties by id, so that the order is total. */
function byNewest(a: SyncCandidate, b: SyncCandidate): number {
  return b.activityMs - a.activityMs || (a.conversationId < b.conversationId ? -1 : 1);
}

function isAhead(one: SyncCandidate, mode: SyncMode, sinceMs: number): boolean {
  switch (mode) {
    case 'full':
      return true;
    case 'from_receipts':
      return one.lastSeq > one.deviceDeliveredSeq;
    case 'since_cursor':
      return one.isChanged || one.updatedAtMs >= sinceMs;
    default:
      return unreachable(mode);
  }
}

/** Activity since the page before moved a conversation up, out of the pages: the next sync reports it. */
function isAfter(one: SyncCandidate, after: { readonly afterActivityMs: number; readonly afterId: ConversationId }) {
  return (
    one.activityMs < after.afterActivityMs ||
    (one.activityMs === after.afterActivityMs && one.conversationId > after.afterId)
  );
}
