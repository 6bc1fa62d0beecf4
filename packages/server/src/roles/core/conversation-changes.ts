// Changes of a conversation: each is written to the directory, then published to live connections, then recorded in the timeline.

import { unreachable } from '@hongyan/base/assert';
import { ok } from '@hongyan/base/result';
import type { StateContent } from '@hongyan/protocol/content';
import {
  type ClientMsgId,
  type ConversationId,
  isSystemUser,
  type MsgId,
  type Seq,
  type UserId,
} from '@hongyan/protocol/ids';
import { type Result, refusal } from '@hongyan/protocol/refusals';
import { Fenced } from '../../domain/fence.ts';
import { type MemberFacts, mayAdd, mayRemove, mayRename, maySetRole, maySetRules } from '../../domain/membership.ts';
import type { ChangeCommand } from '../../ports/command-log/command-log.ts';
import type { ConversationRecord } from '../../ports/directory/conversations.ts';
import { coresTopic } from '../../ports/event-bus/event-bus.ts';
import type { Outcome } from './command-outcome.ts';
import type { CommandPlace } from './command-place.ts';
import { ConversationReports } from './conversation-reports.ts';
import type { CoreDeps } from './deps.ts';
import { openDirect } from './direct-conversations.ts';
import { type Membership, type MembershipCache, memberFacts } from './membership-cache.ts';
import { publications } from './publications.ts';

type CommandOf<T extends ChangeCommand['type']> = Extract<ChangeCommand, { type: T }>;

const changed: Outcome = ok({ type: 'changed' });
/** Users that the entry of a creation lists, at most. */
const recordedUsersMax = 50;

/** The circumstances of one change. */
interface ChangeContext {
  readonly place: CommandPlace | undefined;
  /** The msg_id of the entry that records the change. */
  readonly recordId: MsgId;
}

/** The command handler calls it for one command of a conversation at a time, after all earlier commands are committed. */
export class ConversationChanges {
  readonly #deps: CoreDeps;
  readonly #memberships: MembershipCache;
  readonly #reports: ConversationReports;

  constructor(deps: CoreDeps, memberships: MembershipCache) {
    this.#deps = deps;
    this.#memberships = memberships;
    this.#reports = new ConversationReports(deps);
  }

  async apply(command: ChangeCommand, place?: CommandPlace): Promise<Outcome> {
    // The log may contain the command twice: a producer resends what a failed broker did not acknowledge.
    if (place && (await this.recover(command))) return changed;
    const context: ChangeContext = { place, recordId: command.recordId ?? this.#deps.newMsgId() };
    switch (command.type) {
      case 'create':
        return this.#create(command, context);
      case 'create_direct': {
        const opened = await openDirect(this.#deps, command.conversationId, place?.fence);
        return opened.type === 'ok' ? this.#unchanged(command.conversationId, [], context) : opened;
      }
      case 'update':
        return this.#update(command, context);
      case 'add_member':
        return this.#addMember(command, context);
      case 'remove_member':
        return this.#removeMember(command, context);
      case 'set_role':
        return this.#setRole(command, context);
      default:
        return unreachable(command);
    }
  }

  /** Whether the change took effect before. If so, subscribers receive a loss report: the change may not have been published. */
  async recover({ conversationId, recordId }: ChangeCommand): Promise<boolean> {
    const record = recordId && (await this.#deps.timeline.findByMsgId(recordId));
    if (!record) return false;
    const { user_ids = [] } = JSON.parse(record.contentJson) as { readonly user_ids?: readonly UserId[] };
    await this.#reportLoss(conversationId, user_ids);
    return true;
  }

  /** [K6] The conversation is in the requested state already. A core that stored a repeated command may not have published it. */
  async #unchanged(
    conversationId: ConversationId,
    userIds: readonly UserId[],
    { place }: ChangeContext,
  ): Promise<Outcome> {
    if (place?.mayBeRepeated) await this.#reportLoss(conversationId, userIds);
    return changed;
  }

  async #reportLoss(conversationId: ConversationId, userIds: readonly UserId[]): Promise<void> {
    this.#memberships.forget(conversationId, userIds);
    await this.#reports.possibleLoss(conversationId, userIds);
  }

  async #create(command: CommandOf<'create'>, context: ChangeContext): Promise<Outcome> {
    const { directory, clock, limits } = this.#deps;
    const { conversationId, from, kind, title, members, isHistoryVisible, rules } = command;
    const creation = await directory.createConversation({
      conversationId,
      kind,
      title,
      isHistoryVisible,
      rules,
      members: [{ userId: from, role: 'owner' }, ...members.map((userId) => ({ userId, role: 'member' as const }))],
      atMs: clock.nowMs(),
      conversationsPerUserMax: limits.conversationsPerUserMax,
      fence: context.place?.fence,
    });
    switch (creation.type) {
      case 'full':
        return refusal.tooMany(`conversations of ${creation.userId}`, limits.conversationsPerUserMax);
      case 'exists':
        return this.#unchanged(conversationId, [from, ...members], context);
      case 'created':
        await this.#reports.toNewMembers([from, ...members], { conversationId, change: 'created' });
        await this.#record(command, context, {
          type: 'hongyan.members',
          change: 'created',
          user_ids: members.slice(0, recordedUsersMax),
          user_count: members.length,
        });
        return changed;
      default:
        return unreachable(creation);
    }
  }

  async #update(command: CommandOf<'update'>, context: ChangeContext): Promise<Outcome> {
    const { conversationId, from, title, rules, isHistoryVisible } = command;
    const changesRules = rules !== undefined || isHistoryVisible !== undefined;
    for (const rule of [...(title === undefined ? [] : [mayRename]), ...(changesRules ? [maySetRules] : [])]) {
      const allowed = await this.#permitted(conversationId, from, rule);
      if (allowed.type !== 'ok') return allowed;
    }
    const before = (await this.#deps.directory.getConversations([conversationId])).get(conversationId);
    // The first execution of a repeated command may have updated the directory without recording an entry.
    if (before && changesNothing(before, command) && !context.place?.mayBeRepeated) return changed;
    await this.#deps.directory.updateConversation({
      ...{ conversationId, title, rules, isHistoryVisible },
      fence: context.place?.fence,
    });
    await this.#forget(conversationId, []);
    await this.#reports.toMembers({ conversationId, change: 'updated' });
    if (title !== undefined) await this.#record(command, context, { type: 'hongyan.title', title });
    if (changesRules)
      await this.#record(command, title === undefined ? context : { ...context, recordId: this.#deps.newMsgId() }, {
        type: 'hongyan.rules',
        ...(rules === undefined ? {} : { rules }),
        ...(isHistoryVisible === undefined ? {} : { history_visible: isHistoryVisible }),
      });
    return changed;
  }

  async #addMember(command: CommandOf<'add_member'>, context: ChangeContext): Promise<Outcome> {
    const { conversationId, from, userId: givenId } = command;
    const { directory, timeline, clock, limits } = this.#deps;
    const allowed = await this.#permitted(conversationId, from, mayAdd);
    // Checked first: a caller without permission must not learn which users exist.
    if (allowed.type !== 'ok') return allowed;
    const userId = await this.#canonicalId(givenId);
    if (userId === undefined) return refusal.noSuch(`user ${givenId}`);
    const { conversation } = allowed.value;
    const [head] = await timeline.heads([conversationId]);
    // Earlier messages are not unread for the new member, and their senders expect no receipts from it [D7].
    const readSeq = head?.lastSeq ?? (0 as Seq);
    const addition = await directory.addMember({
      conversationId,
      userId,
      role: 'member',
      visibleFromSeq: (conversation.isHistoryVisible ? 1 : readSeq + 1) as Seq,
      readSeq,
      atMs: clock.nowMs(),
      memberCountMax: limits.groupMembersMax,
      conversationsPerUserMax: limits.conversationsPerUserMax,
      fence: context.place?.fence,
    });
    switch (addition) {
      case 'exists':
        return this.#unchanged(conversationId, [userId], context);
      case 'no_conversation':
        return refusal.notMember();
      case 'conversation_full':
        return refusal.tooMany('members of a conversation', limits.groupMembersMax);
      case 'user_full':
        return refusal.tooMany(`conversations of ${userId}`, limits.conversationsPerUserMax);
      case 'added':
        await this.#forget(conversationId, [userId]);
        await this.#reports.toMembers({ conversationId, change: 'member_joined', userId });
        await this.#reports.toNewMembers([userId], { conversationId, change: 'member_joined', userId });
        await this.#record(command, context, { type: 'hongyan.members', change: 'joined', user_ids: [userId] });
        return changed;
      default:
        return unreachable(addition);
    }
  }

  async #removeMember(command: CommandOf<'remove_member'>, context: ChangeContext): Promise<Outcome> {
    const { conversationId, from, userId: givenId } = command;
    const { directory, clock } = this.#deps;
    const userId = (await this.#canonicalId(givenId)) ?? givenId;
    const target = (await this.#memberships.get(conversationId, userId))?.member.role;
    const allowed = await this.#permitted(conversationId, from, (facts) =>
      mayRemove({ ...facts, isSelf: from === userId, target }),
    );
    const hasLeft = context.place?.mayBeRepeated === true && from === userId && target === undefined;
    if (allowed.type !== 'ok') return hasLeft ? this.#unchanged(conversationId, [userId], context) : allowed;
    const { wasMember, newOwner } = await directory.removeMember({
      ...{ conversationId, userId, atMs: clock.nowMs() },
      fence: context.place?.fence,
    });
    if (!wasMember && context.place?.mayBeRepeated) return this.#unchanged(conversationId, [userId], context);
    if (!wasMember) return refusal.noSuch(`member ${userId}`);
    await this.#forget(conversationId, newOwner === undefined ? [userId] : [userId, newOwner]);
    await this.#reports.removal(conversationId, userId);
    await this.#record(command, context, {
      type: 'hongyan.members',
      change: 'left',
      user_ids: [userId],
      ...(newOwner === undefined ? {} : { new_owner: newOwner }),
    });
    return changed;
  }

  /** The role `owner` transfers the conversation: there is one owner, and the previous owner becomes an admin. */
  async #setRole(command: CommandOf<'set_role'>, context: ChangeContext): Promise<Outcome> {
    const { conversationId, from, userId: givenId, role } = command;
    const { directory, clock } = this.#deps;
    const userId = (await this.#canonicalId(givenId)) ?? givenId;
    const allowed = await this.#permitted(conversationId, from, (facts) =>
      maySetRole({ ...facts, isSelf: from === userId }),
    );
    const before = (await this.#memberships.get(conversationId, userId))?.member.role;
    // After the transfer the caller is no longer the owner, so a repeat would be refused.
    const isDone = context.place?.mayBeRepeated === true && before === role;
    if (allowed.type !== 'ok') return isDone ? this.#unchanged(conversationId, [userId], context) : allowed;
    const isStandIn = isSystemUser(userId) && (await this.#isStandIn(conversationId, userId));
    if (before === undefined || isStandIn) return refusal.noSuch(`member ${userId}`);
    if (before === role) return this.#unchanged(conversationId, [userId], context);
    // Only the owner, a member, can transfer the conversation.
    if (role === 'owner' && (await this.#isStandIn(conversationId, from)))
      return refusal.onlyOwners('hand a conversation over');
    await directory.setRole({
      ...{ conversationId, userId, role, atMs: clock.nowMs(), fence: context.place?.fence },
      ...(role === 'owner' ? { handedOverBy: from } : {}),
    });
    await this.#forget(conversationId, [userId, from]);
    await this.#reports.toMembers({ conversationId, change: 'role_changed', userId });
    await this.#record(command, context, { type: 'hongyan.role', user_id: userId, role });
    return changed;
  }

  /** Invalidates the caches of this core and of other cores, before the change is published to members. */
  async #forget(conversationId: ConversationId, userIds: readonly UserId[]): Promise<void> {
    this.#memberships.forget(conversationId, userIds);
    if (this.#deps.stores.type === 'sole') return;
    await this.#deps.bus.publish([{ type: 'members_changed', topic: coresTopic, conversationId, userIds }]);
  }

  /** [A26] Whether it is the system acting without a membership. */
  async #isStandIn(conversationId: ConversationId, userId: UserId): Promise<boolean> {
    const [member] = await this.#deps.directory.getMembers([{ conversationId, userId }]);
    return member === undefined;
  }

  /** The id in the spelling of the user's creation; undefined for an unknown user. Ids are case-insensitive. */
  async #canonicalId(userId: UserId): Promise<UserId | undefined> {
    return (await this.#deps.directory.getUsers([userId])).get(userId)?.userId;
  }

  async #permitted(
    conversationId: ConversationId,
    userId: UserId,
    rule: (facts: MemberFacts) => Result<undefined>,
  ): Promise<Result<Membership>> {
    const membership = await this.#memberships.get(conversationId, userId);
    if (!membership) return refusal.notMember();
    const allowed = rule(memberFacts(membership));
    return allowed.type === 'ok' ? ok(membership) : allowed;
  }

  /** Appends the change to the timeline: every member sees it at the same place among the messages. */
  async #record(
    { conversationId, from }: ChangeCommand,
    { place, recordId: msgId }: ChangeContext,
    content: StateContent,
  ): Promise<void> {
    const { timeline, bus, clock, log } = this.#deps;
    const entry = {
      msgId,
      conversationId,
      from,
      clientMsgId: msgId as string as ClientMsgId,
      timestampMs: clock.nowMs(),
      contentJson: JSON.stringify(content),
      isCounted: false,
    };
    try {
      await bus.publish(publications(await timeline.append([entry], place?.fence)));
    } catch (error) {
      if (error instanceof Fenced) throw error;
      // The change is stored and published already [D9]. A failure here would make the caller repeat it.
      log.error('entry of a change not stored', { conversationId, error });
    }
  }
}

const changesNothing = (
  before: ConversationRecord,
  { title = before.title, isHistoryVisible = before.isHistoryVisible, rules }: CommandOf<'update'>,
): boolean =>
  title === before.title &&
  isHistoryVisible === before.isHistoryVisible &&
  Bun.deepEquals({ ...before.rules, ...rules }, before.rules);
