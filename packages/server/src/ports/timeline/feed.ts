// The feed port: all committed entries in one order, readable from any position, for workers such as webhooks, search, push
// and replication. Each reader stores its own position.

import type { Position, StoredEntry } from './timeline.ts';

export interface FeedPage {
  /** Ascending by seq within each conversation. */
  readonly entries: readonly StoredEntry[];
  /** The `after` of the next page. It is valid as long as the store keeps its epoch. */
  readonly position: Position;
  /** No entry was committed after this page when it was read. */
  readonly isAtEnd: boolean;
  /** Retention removed entries after the requested position before they were read [D5]. */
  readonly hasGap: boolean;
}

/**
 * A reader that passes the position of each page to the next read MUST receive every committed entry exactly once, except those
 * that retention removed first. The feed MUST NOT return an entry that is not durable. The cost of a page MUST NOT depend on
 * the length of the feed.
 *
 * A position that is not of this store (unreadable, of another epoch, or beyond the end) rejects with UnknownPosition. The reader then
 * starts again at `start`.
 */
export interface Feed {
  /** The position before the oldest retained entry. */
  start(): Promise<Position>;
  read(request: { readonly after: Position; readonly limit: number }): Promise<FeedPage>;
  /** Resolves when an entry is committed after `after`, or when `signal` aborts. */
  wait(request: { readonly after: Position; readonly signal: AbortSignal }): Promise<void>;
}

/** The position does not belong to this generation of the store. What the reader derived from it may no longer match the store. */
export class UnknownPosition extends Error {
  override readonly name = 'UnknownPosition';
  constructor(readonly position: string) {
    super(`the feed has no position ${position}: read again from the start`);
  }
}
