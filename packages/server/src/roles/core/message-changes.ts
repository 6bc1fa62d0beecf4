// Edits, recalls, reactions and pins: decided from the present state of a message, and appended with its next state [E4–E6, E9].

import { assert } from '@hongyan/base/assert';
import { ok } from '@hongyan/base/result';
import type { Seq } from '@hongyan/protocol/ids';
import { refusal } from '@hongyan/protocol/refusals';
import { contentOf, type Decision, decide, type MessageChange } from '../../domain/message-change.ts';
import { type MessageState as DecodedState, unchanged } from '../../domain/message-state.ts';
import { isSameMessage, recalledJson } from '../../domain/send.ts';
import { decodeState, encodeState } from '../../domain/stored-state.ts';
import type { CommandOutcome, MessageChangeCommand } from '../../ports/command-log/command-log.ts';
import type { ConversationRecord } from '../../ports/directory/conversations.ts';
import type { NewEntry, StoredEntry } from '../../ports/timeline/timeline.ts';
import { duplicateOutcome, type Outcome } from './command-outcome.ts';
import type { CommandPlace } from './command-place.ts';
import type { ConversationDraft, Found } from './conversation-draft.ts';
import type { Decided, DecidedEntry, DecidedNote } from './decided.ts';
import type { CoreDeps } from './deps.ts';
import type { Members, Membership, MembershipCache } from './membership-cache.ts';
import type { ReactionSummaries } from './reaction-summaries.ts';

/** Everything before a command is committed or in the draft. */
export class MessageChanges {
  readonly #deps: CoreDeps;
  readonly #memberships: MembershipCache;
  readonly #summaries: ReactionSummaries;

  constructor(deps: CoreDeps, memberships: MembershipCache, summaries: ReactionSummaries) {
    this.#deps = deps;
    this.#memberships = memberships;
    this.#summaries = summaries;
  }

  /** Changes nothing. Rejects with StoreFailure. */
  async decide(command: MessageChangeCommand, draft: ConversationDraft): Promise<Decided> {
    const { conversationId, from, targetSeq, change } = command;
    if (change.type === 'sum_up') return this.#sumUp(command, draft);
    const membership = await this.#memberships.get(conversationId, from);
    if (!membership) return refusal.notMember();
    const found = draft.find(targetSeq);
    if (!found || targetSeq < membership.member.visibleFromSeq) return refusal.noSuch(`message ${targetSeq}`);
    const decision = this.#apply(command, change, { membership, found, draft });
    switch (decision.type) {
      case 'entry': {
        if (this.#joinsSummary(command)) return noteOf(command, found, decision.state);
        const isLarge = membership.conversation.memberCount > this.#deps.limits.receiptsPushMax;
        return {
          ...this.#entry(command, decision, draft),
          startsSummary: change.type === 'react' && isLarge,
          audience: await this.#audience(membership.conversation, targetSeq),
        };
      }
      case 'unchanged':
        return ok(unchangedOutcome(found));
      default:
        return decision;
    }
  }

  /** Stores the notes: their reactions are durable then, and wait for their summaries. Outcomes in the same order. */
  async note(notes: readonly DecidedNote[], place: CommandPlace | undefined): Promise<readonly Outcome[]> {
    // The last state of each message has the reactions of all its notes.
    const newest = new Map(notes.map((note) => [note.command.targetSeq, note]));
    for (const { command, state, isPinned } of newest.values())
      await this.#deps.timeline.setState(
        { conversationId: command.conversationId, seq: command.targetSeq, ...state, isPinned },
        place?.fence,
      );
    return notes.map(({ command: { conversationId, from, targetSeq, change }, message, state }) => {
      assert(change.type === 'react', 'only reactions are summarized');
      this.#summaries.add({ conversationId, seq: targetSeq }, { user_id: from, key: change.key, op: change.op });
      const { msgId, timestampMs } = message;
      return ok({ type: 'message', msgId, seq: state.asOfSeq, timestampMs, isDuplicate: false, isNoted: true });
    });
  }

  /** Whether the reaction joins the pending summary of the message, also if the conversation has become small since. */
  #joinsSummary({ conversationId, targetSeq, change }: MessageChangeCommand): boolean {
    return change.type === 'react' && this.#summaries.isWaiting({ conversationId, seq: targetSeq });
  }

  /** The server's own command: its `from` may have left the conversation. */
  #sumUp(command: MessageChangeCommand, draft: ConversationDraft): Decided {
    const found = draft.find(command.targetSeq);
    const state = found?.state && decodeState(found.state.stateJson);
    if (!state || state.recalled) return refusal.noSuch(`message ${command.targetSeq} to sum up`);
    return this.#entry(command, { type: 'entry', state, erases: false }, draft);
  }

  #apply(
    { from }: MessageChangeCommand,
    change: MessageChange,
    {
      membership: { conversation, member },
      found: { message, state },
      draft,
    }: { readonly membership: Membership; readonly found: Found; readonly draft: ConversationDraft },
  ): Decision {
    return decide(change, {
      actor: { userId: from, role: member.role },
      kind: conversation.kind,
      message,
      state: state ? decodeState(state.stateJson) : unchanged,
      pinnedCount: draft.pinnedCount,
      nextSeq: draft.nextSeq,
      nowMs: this.#deps.clock.nowMs(),
      limits: this.#deps.limits.changes,
    });
  }

  /** [E10] The members, if some of them may not see the message. undefined: all members see the same, or there are too many of them. */
  async #audience({ kind, memberCount, conversationId }: ConversationRecord, seq: Seq): Promise<Members | undefined> {
    const { receiptsPushMax } = this.#deps.limits;
    if (kind === 'direct' || memberCount > receiptsPushMax) return undefined;
    return this.#memberships.membersIfHidden({ conversationId, seq }, receiptsPushMax);
  }

  #entry(
    command: MessageChangeCommand,
    { state, erases }: Extract<Decision, { type: 'entry' }>,
    { nextSeq: seq }: ConversationDraft,
  ): DecidedEntry {
    const { clock, newMsgId } = this.#deps;
    const { conversationId, from, clientMsgId, targetSeq, change } = command;
    const entry: NewEntry = {
      msgId: newMsgId(),
      conversationId,
      from,
      clientMsgId,
      timestampMs: clock.nowMs(),
      contentJson: JSON.stringify(contentOf(change, targetSeq, state)),
      isCounted: false,
      target: {
        seq: targetSeq,
        stateJson: encodeState(state),
        isPinned: state.pinned === true,
        ...(erases ? { erasedJson: recalledJson } : {}),
      },
    };
    return { type: 'entry', entry, change: { command, seq } };
  }
}

function noteOf(command: MessageChangeCommand, { message, state: before }: Found, state: DecodedState): DecidedNote {
  const asOfSeq = before?.asOfSeq ?? command.targetSeq;
  const isPinned = state.pinned === true;
  return { type: 'note', command, message, state: { asOfSeq, stateJson: encodeState(state) }, isPinned };
}

/** [D3] The outcome of a change whose key already has an entry. */
export function repeatedChangeOutcome(
  { conversationId, change, targetSeq }: MessageChangeCommand,
  earlier: StoredEntry,
): Outcome {
  // The server gives each summary a new key: the entry cannot be another one.
  if (change.type === 'sum_up') return duplicateOutcome(earlier);
  const contentJson = JSON.stringify(contentOf(change, targetSeq, unchanged));
  return isSameMessage(earlier, { conversationId, targetSeq, contentJson })
    ? duplicateOutcome(earlier)
    : refusal.keyReused();
}

function unchangedOutcome({ message, state }: Found): CommandOutcome {
  const { msgId, seq, timestampMs } = message;
  return { type: 'message', msgId, seq: state?.asOfSeq ?? seq, timestampMs, isDuplicate: false, isUnchanged: true };
}
