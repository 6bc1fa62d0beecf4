// The status of a message, derived from positions. Shared by the server, the client library and applications, so that all show the
// same. No dependency at run time: the client library imports it.

import type { MessageStatus } from './entry.ts';
import type { Seq } from './ids.ts';

/** Up to which seq a member, or a device, has received and read. */
export interface Position {
  readonly deliveredSeq: Seq;
  readonly readSeq: Seq;
}

/** `sent` is not derived: a message with a seq is committed, which is `ack`. */
export type DerivedStatus = Exclude<MessageStatus, 'sent'>;

/** [D7] The status that one position gives to the message at `seq`. */
export function statusAt(seq: Seq, { deliveredSeq, readSeq }: Position): DerivedStatus {
  if (readSeq >= seq) return 'read';
  return deliveredSeq >= seq ? 'delivered' : 'ack';
}

/**
 * The status that the sender sees: the one that all other members have reached. `others` are their positions. If there are fewer than
 * `memberCount - 1`, the missing members count as having received nothing.
 */
export function statusForSender(seq: Seq, others: Iterable<Position>, memberCount: number): DerivedStatus {
  let status: DerivedStatus = 'read';
  let count = 0;
  for (const position of others) {
    count++;
    status = earlierStatus(status, statusAt(seq, position));
    if (status === 'ack') return status;
  }
  // In a note to self there is no one to deliver to.
  return count === 0 || count < memberCount - 1 ? 'ack' : status;
}

const rank = { sent: 0, ack: 1, delivered: 2, read: 3 } as const satisfies Record<MessageStatus, number>;

export const earlierStatus = <S extends MessageStatus>(a: S, b: S): S => (rank[a] <= rank[b] ? a : b);
export const laterStatus = <S extends MessageStatus>(a: S, b: S): S => (rank[a] >= rank[b] ? a : b);

/** The status from counts, for conversations too large to check each member. */
export function statusFromCounts(counts: {
  /** Members other than the sender. */
  readonly recipients: number;
  readonly delivered: number;
  readonly read: number;
}): DerivedStatus {
  if (counts.recipients <= 0) return 'ack';
  if (counts.read >= counts.recipients) return 'read';
  return counts.delivered >= counts.recipients ? 'delivered' : 'ack';
}
