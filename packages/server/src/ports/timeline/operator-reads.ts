// Reads of a timeline that only operators need, to search for one message.

import type { ClientMsgId } from '@hongyan/protocol/ids';
import type { StoredEntry, TimelineReads } from './timeline.ts';

export interface OperatorReads extends TimelineReads {
  /**
   * The entries of all senders that used the key, because an operator may know the key without its sender. Unlike
   * `findByClientMsgId` it MAY scan all retained keys, and rejects with `unavailable` when that takes too long.
   */
  findAllByClientMsgId(clientMsgId: ClientMsgId): Promise<readonly StoredEntry[]>;
  /** The message was erased, and a file of the store may still contain bytes of it [E5]. false from a store that cannot know. */
  isBeingErased(message: Pick<StoredEntry, 'conversationId' | 'seq'>): Promise<boolean>;
}
