// The private-states port: what each user has set for themselves, as the newest entries of their private timeline left it.

import type { Seq, UserId } from '@hongyan/protocol/ids';
import type { SentAdvance } from './receipts.ts';

/** What is set under a key; the JSON is the caller's. */
export interface PrivateRow {
  readonly key: string;
  /** Of the entry that set it. */
  readonly seq: Seq;
  readonly json: string;
}

export interface PrivateTotals {
  /** The rows contain the entries of the timeline up to here. */
  readonly asOfSeq: Seq;
  readonly keys: number;
  /** UTF-8 bytes of the keys and their JSON. */
  readonly bytes: number;
}

export interface PrivateUpdate {
  readonly userId: UserId;
  /** Nothing is changed where `asOfSeq` is another by now: someone else has applied these entries. */
  readonly afterSeq: Seq;
  readonly asOfSeq: Seq;
  /** In this order; without a JSON the key is removed. */
  readonly rows: readonly { readonly key: string; readonly seq: Seq; readonly json?: string }[];
  /** Own positions that no one else sees, and when they moved: other devices of the user find the conversation by it. */
  readonly reads: readonly (SentAdvance & { readonly atMs: number })[];
}

/** MUST apply an update as a whole, once. */
export interface PrivateStates {
  /** Of a user without a private timeline: zeros. */
  privateTotals(userId: UserId): Promise<PrivateTotals>;
  /** In the order asked; undefined: nothing is set. */
  privateRows(request: {
    readonly userId: UserId;
    readonly keys: readonly string[];
  }): Promise<readonly (PrivateRow | undefined)[]>;
  /** A page by key ascending (by code unit), after `after` (exclusive). */
  privatePage(request: {
    readonly userId: UserId;
    readonly after?: string;
    readonly limit: number;
  }): Promise<readonly PrivateRow[]>;
  /** false when nothing was changed. */
  putPrivate(update: PrivateUpdate): Promise<boolean>;
}
