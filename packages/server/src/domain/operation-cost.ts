// The cost of each operation: which bucket of the caller it draws on, and how many units.

import type { OperationName } from '@hongyan/protocol/operations/operations';

/**
 * `requests` has the rate of the tier. `reads` is for catching up, and separate, so that a return after a long absence does not limit what
 * the user can send. `signals` (receipts, typing) are separate, so that a busy group does not use up the reads.
 */
export type Bucket = 'requests' | 'reads' | 'signals';

/** Rate and burst of each bucket, as multiples of those of the tier. */
export const bucketShare: Readonly<Record<Bucket, number>> = { requests: 1, reads: 10, signals: 10 };

export interface Cost {
  readonly bucket: Bucket;
  readonly units: number;
}

const request: Cost = { bucket: 'requests', units: 1 };
const read: Cost = { bucket: 'reads', units: 1 };
const signal: Cost = { bucket: 'signals', units: 1 };

/** Operations that are not listed cost one unit of `requests`. */
const costs: Partial<Readonly<Record<OperationName | 'hello', Cost>>> = {
  // A connection costs the core as much as several reads, and a sync follows.
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
  // Clients query the outcome of a send with it [D6].
  findMessage: read,
  delivered: signal,
  read: signal,
  typing: signal,
  // Up to a thousand members are looked up, written and notified.
  createConversation: { bucket: 'requests', units: 3 },
};

export const costOf = (name: OperationName | 'hello'): Cost => costs[name] ?? request;
