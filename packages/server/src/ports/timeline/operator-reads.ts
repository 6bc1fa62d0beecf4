// What operators ask of a timeline beside what the server itself reads: for the search for one message.

import type { ClientMsgId } from '@hongyan/protocol/ids';
import type { StoredEntry, TimelineReads } from './timeline.ts';

export interface OperatorReads extends TimelineReads {
  /**
   * The entries of every sender who used the key: an operator has the key and not always its sender. MAY look through all keys that
   * are kept, and reject as `unavailable` when that takes too long: `findByClientMsgId` does not.
   */
  findAllByClientMsgId(clientMsgId: ClientMsgId): Promise<readonly StoredEntry[]>;
  /** It was erased, and some byte of the store's files may still hold it [E5]. A store that cannot know says no. */
  isBeingErased(message: Pick<StoredEntry, 'conversationId' | 'seq'>): Promise<boolean>;
}
