// The private-states port: the present private settings of each user, as a projection of the user's private timeline.

import type { Seq, UserId } from '@hongyan/protocol/ids';
import type { SentAdvance } from './receipts.ts';

/** The value of a key. The store does not parse the JSON. */
export interface PrivateRow {
  readonly key: string;
  /** The seq of the entry that set it. */
  readonly seq: Seq;
  readonly json: string;
}

export interface PrivateTotals {
  /** The rows reflect the entries of the private timeline up to this seq. */
  readonly asOfSeq: Seq;
  readonly keys: number;
  /** The size of the keys and their JSON, in UTF-8 bytes. */
  readonly bytes: number;
}

export interface PrivateUpdate {
  readonly userId: UserId;
  /** The expected `asOfSeq` of the stored rows. When it differs, another writer has applied these entries, and nothing is changed. */
  readonly afterSeq: Seq;
  /** The new `asOfSeq`. */
  readonly asOfSeq: Seq;
  /** Applied in this order. A row without JSON removes the key. */
  readonly rows: readonly { readonly key: string; readonly seq: Seq; readonly json?: string }[];
  /** Read positions that only the user sees, stored as `sentSeq`. Other devices of the user find the conversation by `atMs`. */
  readonly reads: readonly (SentAdvance & { readonly atMs: number })[];
}

/** MUST apply each update atomically and at most once: `afterSeq` makes repeated updates idempotent. */
export interface PrivateStates {
  /** Zeros for a user without a private timeline. */
  privateTotals(userId: UserId): Promise<PrivateTotals>;
  /** In the order of the keys; undefined for a key that is not set. */
  privateRows(request: {
    readonly userId: UserId;
    readonly keys: readonly string[];
  }): Promise<readonly (PrivateRow | undefined)[]>;
  /** A page of the rows, ascending by key (by code unit), after `after` (exclusive). */
  privatePage(request: {
    readonly userId: UserId;
    readonly after?: string;
    readonly limit: number;
  }): Promise<readonly PrivateRow[]>;
  /** false when nothing was changed. */
  putPrivate(update: PrivateUpdate): Promise<boolean>;
}
