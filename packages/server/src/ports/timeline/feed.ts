// The feed port: what was committed, in order, readable again from any position: for workers such as webhooks, search, push
// and replication. Each reader keeps its own position.

import type { Position, StoredEntry } from './timeline.ts';

export interface FeedPage {
  /** In an order that keeps the order of seq within each conversation. */
  readonly entries: readonly StoredEntry[];
  /** Pass it on as `after`; durable, valid as long as the store's epoch. */
  readonly position: Position;
  /** No entry was committed after this page when it was read. */
  readonly isAtEnd: boolean;
  /** Entries after the position asked for were removed by retention before they were read [D5]. */
  readonly hasGap: boolean;
}

/**
 * MUST: show every committed entry exactly once to a reader that passes each page's position on; show nothing that is not
 * durable. MUST NOT cost more the longer the feed is. A position that is not of this store (unreadable, another epoch, beyond its
 * end) rejects with UnknownPosition; the reader starts again from `start`.
 */
export interface Feed {
  /** Before the oldest entry kept. */
  start(): Promise<Position>;
  read(request: { readonly after: Position; readonly limit: number }): Promise<FeedPage>;
  /** Resolves when something was committed after `after`, or when `signal` aborts. */
  wait(request: { readonly after: Position; readonly signal: AbortSignal }): Promise<void>;
}

/** The position is not of this life of the store: what the reader derived from it may not match the store any more. */
export class UnknownPosition extends Error {
  override readonly name = 'UnknownPosition';
  constructor(readonly position: string) {
    super(`the feed has no position ${position}: read again from the start`);
  }
}
