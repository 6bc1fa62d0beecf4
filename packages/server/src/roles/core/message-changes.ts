// Edits, recalls, reactions and pins: decided against the message as it is, and appended with what the message becomes [E4–E6, E9].

import { assert } from '@hongyan/base/assert';
import { ok } from '@hongyan/base/result';
import type { ConversationId, Seq } from '@hongyan/protocol/ids';
import { type Result, refusal } from '@hongyan/protocol/refusals';
import { contentOf, type Decision, decide } from '../../domain/message-change.ts';
import { decodeState, encodeState, unchanged } from '../../domain/message-state.ts';
import { isSameMessage, recalledJson } from '../../domain/send.ts';
import type { CommandOutcome, MessageChangeCommand } from '../../ports/command-log/command-log.ts';
import type { MessageState, NewEntry, StoredEntry } from '../../ports/timeline/timeline.ts';
import { type MessageChanges, publications } from './command-handler.ts';
import type { CoreDeps } from './deps.ts';
import type { Membership, MembershipCache } from './membership-cache.ts';

type Outcome = Result<CommandOutcome>;

interface Found {
  readonly message: StoredEntry;
  readonly state: MessageState | undefined;
  /** Of the conversation. */
  readonly nextSeq: Seq;
}

/** The command handler calls it for one command of a conversation at a time, with everything before it committed. */
export class TimelineMessageChanges implements MessageChanges {
  readonly #deps: CoreDeps;
  readonly #memberships: MembershipCache;

  constructor(deps: CoreDeps, memberships: MembershipCache) {
    this.#deps = deps;
    this.#memberships = memberships;
  }

  async apply(command: MessageChangeCommand): Promise<Outcome> {
    const { conversationId, from, clientMsgId, targetSeq } = command;
    const membership = await this.#memberships.get(conversationId, from);
    if (!membership) return refusal.notMember();
    // [D3] Before the rules are asked: they may say something else of a command that took effect already.
    const earlier = await this.#deps.timeline.findByClientMsgId({ from, clientMsgId });
    if (earlier) return this.#again(command, earlier);
    const found = await this.#find(conversationId, targetSeq);
    if (!found || targetSeq < membership.member.visibleFromSeq) return refusal.noSuch(`message ${targetSeq}`);
    const decision = await this.#decide(command, membership, found);
    switch (decision.type) {
      case 'entry':
        return this.#append(command, decision, found.nextSeq);
      case 'unchanged':
        return ok(nothingNew(found));
      default:
        return decision;
    }
  }

  #again({ conversationId, change, targetSeq }: MessageChangeCommand, earlier: StoredEntry): Outcome {
    const again = { conversationId, contentJson: JSON.stringify(contentOf(change, targetSeq)) };
    if (!isSameMessage(earlier, again)) return refusal.keyReused();
    const { msgId, seq, timestampMs } = earlier;
    return ok({ type: 'message', msgId, seq, timestampMs, isDuplicate: true });
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
    { change, from, conversationId }: MessageChangeCommand,
    { conversation, member }: Membership,
    found: Found,
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

  async #append(
    { conversationId, from, clientMsgId, targetSeq, change }: MessageChangeCommand,
    { state, erases }: Extract<Decision, { type: 'entry' }>,
    nextSeq: Seq,
  ): Promise<Outcome> {
    const { timeline, clock, newMsgId, bus, log } = this.#deps;
    const entry: NewEntry = {
      msgId: newMsgId(),
      conversationId,
      from,
      clientMsgId,
      timestampMs: clock.nowMs(),
      contentJson: JSON.stringify(contentOf(change, targetSeq)),
      isCounted: false,
      target: {
        seq: targetSeq,
        stateJson: encodeState(state),
        isPinned: state.pinned === true,
        ...(erases ? { erasedJson: recalledJson } : {}),
      },
    };
    const results = await timeline.append([entry]);
    const [result] = results;
    assert(result?.entry.seq === nextSeq, 'commands of a conversation that change messages come one at a time');
    bus.publish(publications(results)).catch((error: unknown) => log.error('events not published', { error }));
    const { msgId, seq, timestampMs } = result.entry;
    return ok({ type: 'message', msgId, seq, timestampMs, isDuplicate: false });
  }
}

function nothingNew({ message, state }: Found): CommandOutcome {
  const { msgId, seq, timestampMs } = message;
  return { type: 'message', msgId, seq: state?.asOfSeq ?? seq, timestampMs, isDuplicate: false, isUnchanged: true };
}
