// Edits, recalls, reactions and pins: decided from the present state of a message, and appended with its next state [E4–E6, E9].

import { assert } from '@hongyan/base/assert';
import { ok } from '@hongyan/base/result';
import type { ConversationId, Seq } from '@hongyan/protocol/ids';
import { refusal } from '@hongyan/protocol/refusals';
import { contentOf, type Decision, decide, type MessageChange } from '../../domain/message-change.ts';
import { type MessageState as DecodedState, unchanged } from '../../domain/message-state.ts';
import { isSameMessage, recalledJson } from '../../domain/send.ts';
import { decodeState, encodeState } from '../../domain/stored-state.ts';
import type { CommandOutcome, MessageChangeCommand } from '../../ports/command-log/command-log.ts';
import type { ConversationRecord } from '../../ports/directory/conversations.ts';
import { type BusEvent, userTopic } from '../../ports/event-bus/event-bus.ts';
import type { MessageState, NewEntry, StoredEntry } from '../../ports/timeline/timeline.ts';
import { committedOutcome, duplicateOutcome, type Outcome } from './command-outcome.ts';
import type { CommandPlace } from './command-place.ts';
import type { CoreDeps } from './deps.ts';
import { entryFrame } from './entry-frame.ts';
import { seenFrom } from './entry-view.ts';
import type { Members, Membership, MembershipCache } from './membership-cache.ts';
import { frameEvents, losses, publications } from './publications.ts';
import type { ReactionSummaries } from './reaction-summaries.ts';

interface Found {
  readonly message: StoredEntry;
  readonly state: MessageState | undefined;
  /** The seq that the next entry of the conversation gets. */
  readonly nextSeq: Seq;
}

/** The command handler calls it for one command of a conversation at a time, after all earlier commands are committed. */
export class MessageChanges {
  readonly #deps: CoreDeps;
  readonly #memberships: MembershipCache;
  readonly #summaries: ReactionSummaries;

  constructor(deps: CoreDeps, memberships: MembershipCache, summaries: ReactionSummaries) {
    this.#deps = deps;
    this.#memberships = memberships;
    this.#summaries = summaries;
  }

  async apply(command: MessageChangeCommand, place?: CommandPlace): Promise<Outcome> {
    const { conversationId, from, clientMsgId, targetSeq, change } = command;
    if (change.type === 'sum_up') return this.#sumUp(command, place);
    // [D3] Checked before the rules, which may refuse a command that took effect already.
    const earlier = await this.#deps.timeline.findByClientMsgId({ from, clientMsgId });
    if (earlier) {
      if (place?.mayBeRepeated) void this.#deps.bus.publish(losses([earlier.conversationId]));
      return repeatedChangeOutcome(command, earlier);
    }
    const membership = await this.#memberships.get(conversationId, from);
    if (!membership) return refusal.notMember();
    const found = await this.#find(conversationId, targetSeq);
    if (!found || targetSeq < membership.member.visibleFromSeq) return refusal.noSuch(`message ${targetSeq}`);
    const decision = await this.#decide(command, change, { membership, found });
    switch (decision.type) {
      case 'entry':
        if (this.#joinsSummary(command)) return this.#note(command, decision.state, { found, place });
        if (change.type === 'react' && membership.conversation.memberCount > this.#deps.limits.receiptsPushMax)
          this.#summaries.appended({ conversationId, seq: targetSeq });
        return this.#append(command, decision, {
          ...{ nextSeq: found.nextSeq, place },
          audience: await this.#audience(membership.conversation, targetSeq),
        });
      case 'unchanged':
        return ok(unchangedOutcome(found));
      default:
        return decision;
    }
  }

  /** Whether the reaction joins the pending summary of the message, also if the conversation has become small since. */
  #joinsSummary({ conversationId, targetSeq, change }: MessageChangeCommand): boolean {
    return change.type === 'react' && this.#summaries.isWaiting({ conversationId, seq: targetSeq });
  }

  /** The server's own command: its `from` may have left the conversation. */
  async #sumUp(command: MessageChangeCommand, place: CommandPlace | undefined): Promise<Outcome> {
    const { conversationId, from, clientMsgId, targetSeq } = command;
    const earlier = place?.mayBeRepeated && (await this.#deps.timeline.findByClientMsgId({ from, clientMsgId }));
    if (earlier) {
      void this.#deps.bus.publish(losses([conversationId]));
      return duplicateOutcome(earlier);
    }
    const found = await this.#find(conversationId, targetSeq);
    const state = found?.state && decodeState(found.state.stateJson);
    if (!found || !state || state.recalled) return refusal.noSuch(`message ${targetSeq} to sum up`);
    return this.#append(command, { type: 'entry', state, erases: false }, { nextSeq: found.nextSeq, place });
  }

  async #note(
    { conversationId, from, targetSeq, change }: MessageChangeCommand,
    state: DecodedState,
    { found: { message, state: before }, place }: { readonly found: Found; readonly place: CommandPlace | undefined },
  ): Promise<Outcome> {
    assert(change.type === 'react', 'only reactions are summarized');
    const asOfSeq = before?.asOfSeq ?? targetSeq;
    const isPinned = state.pinned === true;
    await this.#deps.timeline.setState(
      { conversationId, seq: targetSeq, asOfSeq, stateJson: encodeState(state), isPinned },
      place?.fence,
    );
    this.#summaries.add({ conversationId, seq: targetSeq }, { user_id: from, key: change.key, op: change.op });
    const { msgId, timestampMs } = message;
    return ok({ type: 'message', msgId, seq: asOfSeq, timestampMs, isDuplicate: false, isNoted: true });
  }

  async #find(conversationId: ConversationId, seq: Seq): Promise<Found | undefined> {
    const { timeline } = this.#deps;
    const [[message], [head], [states]] = await Promise.all([
      timeline.messagesAt([{ conversationId, seq }]),
      timeline.heads([conversationId]),
      timeline.states([{ conversationId, fromSeq: seq, throughSeq: seq }]),
    ]);
    return message && head && { message, state: states?.get(seq), nextSeq: (head.lastSeq + 1) as Seq };
  }

  async #decide(
    { from, conversationId }: MessageChangeCommand,
    change: MessageChange,
    { membership: { conversation, member }, found }: { readonly membership: Membership; readonly found: Found },
  ): Promise<Decision> {
    const { clock, limits, timeline } = this.#deps;
    const isPinning = change.type === 'pin' && change.pinned;
    return decide(change, {
      actor: { userId: from, role: member.role },
      kind: conversation.kind,
      message: found.message,
      state: found.state ? decodeState(found.state.stateJson) : unchanged,
      pinnedCount: isPinning ? (await timeline.pinned(conversationId)).length : 0,
      nextSeq: found.nextSeq,
      nowMs: clock.nowMs(),
      limits: limits.changes,
    });
  }

  /** [E10] The members, if some of them may not see the message. undefined: all members see the same, or there are too many of them. */
  async #audience({ kind, memberCount, conversationId }: ConversationRecord, seq: Seq): Promise<Members | undefined> {
    const { receiptsPushMax } = this.#deps.limits;
    if (kind === 'direct' || memberCount > receiptsPushMax) return undefined;
    return this.#memberships.membersIfHidden({ conversationId, seq }, receiptsPushMax);
  }

  async #append(
    command: MessageChangeCommand,
    { state, erases }: Extract<Decision, { type: 'entry' }>,
    {
      nextSeq,
      place,
      audience,
    }: { readonly nextSeq: Seq; readonly place: CommandPlace | undefined; readonly audience?: Members | undefined },
  ): Promise<Outcome> {
    const { timeline, clock, newMsgId } = this.#deps;
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
    const results = await timeline.append([entry], place?.fence);
    const [result] = results;
    // [D3] A concurrent command of another conversation has used the same key since the look-up.
    if (result?.type === 'duplicate') return repeatedChangeOutcome(command, result.entry);
    assert(result?.entry.seq === nextSeq, 'message changes of one conversation run one at a time');
    void this.#deps.bus.publish(audience ? publicationsTo(audience, result.entry) : publications(results));
    return committedOutcome(result.entry);
  }
}

/** Publishes the entry on the user topic of each member, as that member may see it. */
function publicationsTo(members: Members, entry: StoredEntry): BusEvent[] {
  const whole = entryFrame(entry);
  return members.flatMap(({ userId, visibleFromSeq }) => {
    const seen = seenFrom(visibleFromSeq, entry);
    return frameEvents([userTopic(userId)], seen === entry ? whole : entryFrame(seen));
  });
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
