// The outcomes of commands that append an entry.

import { ok } from '@hongyan/base/result';
import { type Result, refusal } from '@hongyan/protocol/refusals';
import { isSameMessage } from '../../domain/send.ts';
import type { CommandOutcome } from '../../ports/command-log/command-log.ts';
import type { StoredEntry } from '../../ports/timeline/timeline.ts';

export type Outcome = Result<CommandOutcome>;
export type Problem = Exclude<Outcome, { type: 'ok' }>;

export const committedOutcome = ({ msgId, seq, timestampMs }: StoredEntry): Outcome =>
  ok({ type: 'message', msgId, seq, timestampMs, isDuplicate: false });

/** [D3] The outcome of a repeated command: that of its first execution. */
export const duplicateOutcome = ({ msgId, seq, timestampMs }: StoredEntry): Outcome =>
  ok({ type: 'message', msgId, seq, timestampMs, isDuplicate: true });

/** [D3] The outcome of a message whose key already has an entry. */
export function repeatedSendOutcome(message: Parameters<typeof isSameMessage>[1], earlier: StoredEntry): Outcome {
  return isSameMessage(earlier, message) ? duplicateOutcome(earlier) : refusal.keyReused();
}
