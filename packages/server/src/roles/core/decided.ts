// What commands that may share a transaction with others of their conversation become.

import type { Reply } from '@hongyan/protocol/entry';
import type { Seq } from '@hongyan/protocol/ids';
import type { MessageChangeCommand, MessageCommand } from '../../ports/command-log/command-log.ts';
import type { MessageState, NewEntry, StoredEntry } from '../../ports/timeline/timeline.ts';
import type { Outcome } from './command-outcome.ts';
import type { Members } from './membership-cache.ts';

export type JointCommand = MessageCommand | MessageChangeCommand;

/** An outcome is decided without an entry: a refusal, a failure, a repeat, or a change that is so already. */
export type Decided = DecidedEntry | DecidedNote | Outcome;

/** An entry to append. */
export interface DecidedEntry {
  readonly type: 'entry';
  readonly entry: NewEntry;
  /** The message that a reply answers. */
  readonly quote?: Reply | undefined;
  /** The members, if some of them may not see the message that the entry changes. */
  readonly audience?: Members | undefined;
  /** The command of an entry that changes a message, and the seq that the entry gets. */
  readonly change?: { readonly command: MessageChangeCommand; readonly seq: Seq } | undefined;
  /** In a large conversation further reactions to the message within a second are noted [E6]. */
  readonly startsSummary?: boolean | undefined;
}

/** A reaction that becomes a part of its message's state, and gets its entry later, together with others [E6]. */
export interface DecidedNote {
  readonly type: 'note';
  readonly command: MessageChangeCommand;
  readonly message: StoredEntry;
  readonly state: MessageState;
  readonly isPinned: boolean;
}
