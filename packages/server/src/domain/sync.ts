// What a device has to be told after an absence: the choice of conversations, their order, and the cursor.

import type { ConversationId, Seq } from '@hongyan/protocol/ids';

/** What is known of one conversation of the user who syncs. */
export interface SyncCandidate {
  readonly conversationId: ConversationId;
  readonly lastSeq: Seq;
  readonly lastPosition: number;
  /** When the user's own membership or read position last changed. */
  readonly updatedAtMs: number;
  /** What this very device has acknowledged. */
  readonly deviceDeliveredSeq: Seq;
}

/** A cursor says what the device knew when a sync began; while has_more, also how far the pages got. */
export interface Cursor {
  readonly sincePosition: number;
  readonly sinceMs: number;
  readonly paging?: {
    readonly nextPosition: number;
    readonly nextMs: number;
    readonly afterPosition: number;
    readonly afterId: ConversationId;
    readonly full: boolean;
    readonly fromReceipts: boolean;
  };
}

export type SyncMode = 'since_cursor' | 'from_receipts' | 'full';

const separator = '~'; // in no id's alphabet

export function encodeCursor({ sincePosition, sinceMs, paging }: Cursor): string {
  const parts: (string | number)[] = [sincePosition, sinceMs];
  if (paging) {
    const flags = (paging.full ? 'f' : '') + (paging.fromReceipts ? 'r' : '');
    parts.push(paging.nextPosition, paging.nextMs, paging.afterPosition, flags, paging.afterId);
  }
  return parts.join(separator);
}

/** undefined for text that no encodeCursor made. */
export function decodeCursor(text: string): Cursor | undefined {
  const parts = text.split(separator);
  if (parts.length !== 2 && parts.length !== 7) return undefined;
  const digits = parts.slice(0, parts.length === 2 ? 2 : 5);
  const numbers = digits.map(Number);
  if (!digits.every((text) => /^\d+$/.test(text)) || !numbers.every(Number.isSafeInteger)) return undefined;
  const [sincePosition = 0, sinceMs = 0, nextPosition = 0, nextMs = 0, afterPosition = 0] = numbers;
  if (parts.length === 2) return { sincePosition, sinceMs };
  const [flags = '', afterId = ''] = parts.slice(5);
  return {
    sincePosition,
    sinceMs,
    paging: {
      nextPosition,
      nextMs,
      afterPosition,
      afterId: afterId as ConversationId,
      full: flags.includes('f'),
      fromReceipts: flags.includes('r'),
    },
  };
}

/** Newest activity first; ties (conversations without entries) by id, so that paging is total. */
function byNewest(a: SyncCandidate, b: SyncCandidate): number {
  return b.lastPosition - a.lastPosition || (a.conversationId < b.conversationId ? -1 : 1);
}

/**
 * The page of conversations to tell. `nowMs` should lie a little before the reads of the candidates, so that a change
 * made meanwhile is told again rather than missed.
 */
export function selectPage<T extends SyncCandidate>(
  candidates: readonly T[],
  request: {
    readonly cursor: Cursor | undefined;
    readonly full: boolean;
    readonly limit: number;
    readonly nowMs: number;
  },
): { readonly page: readonly T[]; readonly cursor: Cursor; readonly hasMore: boolean } {
  const { cursor, limit, nowMs } = request;
  const paging = cursor?.paging;
  const mode: SyncMode =
    (paging?.full ?? request.full)
      ? 'full'
      : (paging?.fromReceipts ?? cursor === undefined)
        ? 'from_receipts'
        : 'since_cursor';
  const sincePosition = cursor?.sincePosition ?? 0;
  // A cursor from the future means that the clock stepped back: rather tell everything again than miss a change.
  const sinceMs = cursor && cursor.sinceMs <= nowMs ? cursor.sinceMs : 0;
  const nextPosition =
    paging?.nextPosition ?? candidates.reduce((max, c) => Math.max(max, c.lastPosition), sincePosition);
  const nextMs = paging?.nextMs ?? nowMs;

  const ahead = candidates
    .filter((c) => isAhead(c, { mode, sincePosition, sinceMs }))
    .filter((c) => !paging || isAfter(c, paging))
    .sort(byNewest);
  const page = ahead.slice(0, limit);
  const last = page.at(-1);
  if (ahead.length <= limit || !last)
    return { page, cursor: { sincePosition: nextPosition, sinceMs: nextMs }, hasMore: false };
  return {
    page,
    hasMore: true,
    cursor: {
      sincePosition,
      sinceMs,
      paging: {
        nextPosition,
        nextMs,
        afterPosition: last.lastPosition,
        afterId: last.conversationId,
        full: mode === 'full',
        fromReceipts: mode === 'from_receipts',
      },
    },
  };
}

function isAhead(c: SyncCandidate, since: { mode: SyncMode; sincePosition: number; sinceMs: number }): boolean {
  if (since.mode === 'full') return true;
  if (since.mode === 'from_receipts') return c.lastSeq > c.deviceDeliveredSeq;
  return c.lastPosition > since.sincePosition || c.updatedAtMs >= since.sinceMs;
}

/** Behind the last one told: activity since then moved a conversation up, out of the pages; the next sync tells it. */
function isAfter(
  c: SyncCandidate,
  { afterPosition, afterId }: { afterPosition: number; afterId: ConversationId },
): boolean {
  return c.lastPosition < afterPosition || (c.lastPosition === afterPosition && c.conversationId > afterId);
}
