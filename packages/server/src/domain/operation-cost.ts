// What each operation takes from its caller's buckets.

import type { OperationName } from '@hongyan/protocol/operations/operations';

/**
 * `requests` is the tier's own rate. `reads` is what devices ask to come up to date: a bucket of its own, so that coming back after
 * a long absence takes nothing from what the user sends. `signals` have one too, so that a busy group does not starve its readers.
 */
export type Bucket = 'requests' | 'reads' | 'signals';

/** Rate and burst of each bucket, in those of the tier. */
export const bucketShare: Readonly<Record<Bucket, number>> = { requests: 1, reads: 10, signals: 10 };

export interface Cost {
  readonly bucket: Bucket;
  readonly units: number;
}

const request: Cost = { bucket: 'requests', units: 1 };
const read: Cost = { bucket: 'reads', units: 1 };
const signal: Cost = { bucket: 'signals', units: 1 };

/** A new operation is a request of one unit until it is listed here. */
const costs: Partial<Readonly<Record<OperationName | 'hello', Cost>>> = {
  // A connection costs the core as much as several reads, and is followed by a sync.
  hello: { bucket: 'reads', units: 10 },
  sync: read,
  history: read,
  catchUp: read,
  privateState: read,
  presence: read,
  getUser: read,
  getConversation: read,
  listConversations: read,
  listMembers: read,
  listPinned: read,
  listReactions: read,
  listReaders: read,
  // How the outcome of a send is learned [D6].
  findMessage: read,
  delivered: signal,
  read: signal,
  typing: signal,
  // Up to a thousand members are looked up, written and notified.
  createConversation: { bucket: 'requests', units: 3 },
};

export const costOf = (name: OperationName | 'hello'): Cost => costs[name] ?? request;
