// Changes of a user's private timeline: decided against what is set now, appended, published to the user's devices alone [E20–E25].

import { assert } from '@hongyan/base/assert';
import { ok } from '@hongyan/base/result';
import type { PrivateContent } from '@hongyan/protocol/content';
import type { ConversationId, Seq, UserId } from '@hongyan/protocol/ids';
import { privateKey } from '@hongyan/protocol/private';
import { type Result, refusal } from '@hongyan/protocol/refusals';
import { unchanged } from '../../domain/message-state.ts';
import {
  type ConversationFacts,
  decidePrivate,
  type PrivateDecision,
  type StoredItem,
} from '../../domain/private-change.ts';
import { recalledJson } from '../../domain/send.ts';
import { encodeState } from '../../domain/stored-state.ts';
import type { CommandOutcome, PrivateChangeCommand } from '../../ports/command-log/command-log.ts';
import type { PrivateTotals } from '../../ports/directory/private-states.ts';
import type { NewEntry, StoredEntry } from '../../ports/timeline/timeline.ts';
import { type CommandPlace, losses, type PrivateChanges, publications } from './command-handler.ts';
import type { CoreDeps } from './deps.ts';
import type { MembershipCache } from './membership-cache.ts';
import { contentOfRow, type PrivateStates } from './private-states.ts';

type Outcome = Result<CommandOutcome>;

/** The command handler calls it for one command of a user at a time, with everything before it committed. */
export class TimelinePrivateChanges implements PrivateChanges {
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
      return setBefore(command, earlier);
    }
    const totals = await this.#states.upToDate(from);
    const current = await this.#current(command);
    const decision = await this.#decide(command, current, totals);
    switch (decision.type) {
      case 'entry':
        return this.#append(command, { content: decision.content, afterSeq: totals.asOfSeq, current, place });
      case 'unchanged':
        return this.#nothingNew(current, totals);
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
      // [E5] A draft may be a message by now, and recalled one day: no copy of it stays behind.
      ...(content.change.type === 'draft' && current ? { target: superseding(current) } : {}),
    };
    const results = await timeline.append([entry], place?.fence);
    const [result] = results;
    // [D3] Commands of conversations do not wait for this one: one of them took the key since it was looked up.
    if (result?.type === 'duplicate') return setBefore(command, result.entry);
    assert(result?.entry.seq === afterSeq + 1, 'changes of one private timeline come one at a time');
    await this.#states.apply(from, result.entry, afterSeq);
    void this.#deps.bus.publish(publications(results));
    const { msgId, seq, timestampMs } = result.entry;
    return ok({ type: 'message', msgId, seq, timestampMs, isDuplicate: false });
  }

  /** As of the entry that made it so, or of the newest where nothing is set. */
  #nothingNew(current: StoredItem | undefined, { asOfSeq }: PrivateTotals): Outcome {
    const { newMsgId, clock } = this.#deps;
    return ok({
      ...{ type: 'message', msgId: newMsgId(), seq: current?.seq ?? asOfSeq, timestampMs: clock.nowMs() },
      ...{ isDuplicate: false, isUnchanged: true },
    });
  }
}

const superseding = ({ seq }: StoredItem) => ({ seq, stateJson: encodeState(unchanged), erasedJson: recalledJson });

/** [D3] What the server added to a draft is not what was asked; a draft that was superseded can no longer be compared. */
export function setBefore({ conversationId, change }: PrivateChangeCommand, earlier: StoredEntry): Outcome {
  const isSame =
    earlier.conversationId === conversationId &&
    (earlier.contentJson === recalledJson
      ? change.type === 'draft'
      : Bun.deepEquals((JSON.parse(earlier.contentJson) as PrivateContent).change, change));
  if (!isSame) return refusal.keyReused();
  const { msgId, seq, timestampMs } = earlier;
  return ok({ type: 'message', msgId, seq, timestampMs, isDuplicate: true });
}
