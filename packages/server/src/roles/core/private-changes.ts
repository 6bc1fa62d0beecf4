// Changes of a user's private timeline: decided from its present state, appended, and published to the user's devices only [E20–E25].

import { assert } from '@hongyan/base/assert';
import { ok } from '@hongyan/base/result';
import type { PrivateContent } from '@hongyan/protocol/content';
import type { ConversationId, Seq, UserId } from '@hongyan/protocol/ids';
import { privateKey } from '@hongyan/protocol/private';
import { refusal } from '@hongyan/protocol/refusals';
import { unchanged } from '../../domain/message-state.ts';
import {
  type ConversationFacts,
  decidePrivate,
  type PrivateDecision,
  type StoredItem,
} from '../../domain/private-change.ts';
import { recalledJson } from '../../domain/send.ts';
import { encodeState } from '../../domain/stored-state.ts';
import type { PrivateChangeCommand } from '../../ports/command-log/command-log.ts';
import type { PrivateTotals } from '../../ports/directory/private-states.ts';
import type { NewEntry, StoredEntry } from '../../ports/timeline/timeline.ts';
import { committedOutcome, duplicateOutcome, type Outcome } from './command-outcome.ts';
import type { CommandPlace } from './command-place.ts';
import type { CoreDeps } from './deps.ts';
import type { MembershipCache } from './membership-cache.ts';
import { contentOfRow, type PrivateStates } from './private-states.ts';
import { losses, publications } from './publications.ts';

/** The command handler calls it for one command of a private timeline at a time, after all earlier commands are committed. */
export class PrivateChanges {
  readonly #deps: CoreDeps;
  readonly #memberships: MembershipCache;
  readonly #states: PrivateStates;

  constructor(deps: CoreDeps, memberships: MembershipCache, states: PrivateStates) {
    this.#deps = deps;
    this.#memberships = memberships;
    this.#states = states;
  }

  async apply(command: PrivateChangeCommand, place?: CommandPlace): Promise<Outcome> {
    const { from, clientMsgId } = command;
    const earlier = await this.#deps.timeline.findByClientMsgId({ from, clientMsgId });
    if (earlier) {
      if (place?.mayBeRepeated) void this.#deps.bus.publish(losses([command.conversationId]));
      return repeatedPrivateOutcome(command, earlier);
    }
    const totals = await this.#states.upToDate(from);
    const current = await this.#current(command);
    const decision = await this.#decide(command, current, totals);
    switch (decision.type) {
      case 'entry':
        return this.#append(command, { content: decision.content, afterSeq: totals.asOfSeq, current, place });
      case 'unchanged':
        return this.#unchangedOutcome(current, totals);
      default:
        return decision;
    }
  }

  async #current({ from, change }: PrivateChangeCommand): Promise<StoredItem | undefined> {
    const [row] = await this.#deps.directory.privateRows({ userId: from, keys: [privateKey(change)] });
    return row && { seq: row.seq, content: contentOfRow(row) };
  }

  async #decide(
    { from, change, deviceId }: PrivateChangeCommand,
    current: StoredItem | undefined,
    totals: PrivateTotals,
  ): Promise<PrivateDecision> {
    const conversation = change.type === 'setting' ? undefined : await this.#conversation(from, change.conversation_id);
    const draftBytesMax = this.#deps.limits.contentBytesMax;
    return decidePrivate(change, { current, conversation, deviceId, totals, draftBytesMax });
  }

  async #conversation(userId: UserId, conversationId: ConversationId): Promise<ConversationFacts | undefined> {
    const { directory, timeline } = this.#deps;
    if (!(await this.#memberships.get(conversationId, userId))) return undefined;
    const [[member], [head]] = await Promise.all([
      directory.getMembers([{ conversationId, userId }]),
      timeline.heads([conversationId]),
    ]);
    return member && head && { lastSeq: head.lastSeq, readSeq: Math.max(member.readSeq, member.sentSeq) as Seq };
  }

  async #append(
    command: PrivateChangeCommand,
    {
      content,
      afterSeq,
      current,
      place,
    }: {
      readonly content: PrivateContent;
      readonly afterSeq: Seq;
      readonly current: StoredItem | undefined;
      readonly place: CommandPlace | undefined;
    },
  ): Promise<Outcome> {
    const { timeline, clock, newMsgId } = this.#deps;
    const { conversationId, from, clientMsgId } = command;
    const entry: NewEntry = {
      ...{ msgId: newMsgId(), conversationId, from, clientMsgId },
      ...{ timestampMs: clock.nowMs(), contentJson: JSON.stringify(content), isCounted: false },
      // [E5] The text of a draft may have been sent and may be recalled later: superseded drafts are erased.
      ...(content.change.type === 'draft' && current ? { target: superseding(current) } : {}),
    };
    const results = await timeline.append([entry], place?.fence);
    const [result] = results;
    // [D3] A concurrent command of a conversation has used the same key since the look-up.
    if (result?.type === 'duplicate') return repeatedPrivateOutcome(command, result.entry);
    assert(result?.entry.seq === afterSeq + 1, 'changes of one private timeline run one at a time');
    await this.#states.apply(from, result.entry, afterSeq);
    void this.#deps.bus.publish(publications(results));
    return committedOutcome(result.entry);
  }

  /** With the seq of the entry that set the present value, or of the newest entry if nothing is set. */
  #unchangedOutcome(current: StoredItem | undefined, { asOfSeq }: PrivateTotals): Outcome {
    const { newMsgId, clock } = this.#deps;
    return ok({
      ...{ type: 'message', msgId: newMsgId(), seq: current?.seq ?? asOfSeq, timestampMs: clock.nowMs() },
      ...{ isDuplicate: false, isUnchanged: true },
    });
  }
}

const superseding = ({ seq }: StoredItem) => ({ seq, stateJson: encodeState(unchanged), erasedJson: recalledJson });

/**
 * [D3] The outcome of a change whose key already has an entry. Only `change` is compared: the server adds the other fields of a draft.
 * The text of a superseded draft is erased, so any draft counts as equal to it.
 */
export function repeatedPrivateOutcome(
  { conversationId, change }: PrivateChangeCommand,
  earlier: StoredEntry,
): Outcome {
  const isSame =
    earlier.conversationId === conversationId &&
    (earlier.contentJson === recalledJson
      ? change.type === 'draft'
      : Bun.deepEquals((JSON.parse(earlier.contentJson) as PrivateContent).change, change));
  return isSame ? duplicateOutcome(earlier) : refusal.keyReused();
}
