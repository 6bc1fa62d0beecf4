// Changes of a conversation: written to the directory first, then reported to live connections and recorded in the timeline.

import { assert, unreachable } from '@hongyan/base/assert';
import { ok } from '@hongyan/base/result';
import type { StateContent } from '@hongyan/protocol/content';
import type { ConversationChange } from '@hongyan/protocol/conversation';
import { directMembers } from '@hongyan/protocol/direct';
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
import type { ChangeCommand, CommandOutcome } from '../../ports/command-log/command-log.ts';
import type { ConversationRecord } from '../../ports/directory/conversations.ts';
import {
  type BusEvent,
  conversationTopic,
  coresTopic,
  type Topic,
  userTopic,
} from '../../ports/event-bus/event-bus.ts';
import { frameEvents } from './audience.ts';
import { type CommandPlace, type ConversationChanges, publications } from './command-handler.ts';
import { changeFrame } from './conversation-frame.ts';
import type { CoreDeps } from './deps.ts';
import { openDirect } from './direct-conversations.ts';
import { type Membership, type MembershipCache, memberFacts } from './membership-cache.ts';

type Outcome = Result<CommandOutcome>;
type CommandOf<T extends ChangeCommand['type']> = Extract<ChangeCommand, { type: T }>;

const changed: Outcome = ok({ type: 'changed' });
/** The entry of a creation lists at most so many users. */
const recordedUsersMax = 50;

/** Of one change: under what it is made, and the id of the entry that records it. */
interface Making {
  readonly place: CommandPlace | undefined;
  readonly recordId: MsgId;
}

/** What members are told of. */
interface Change {
  readonly conversationId: ConversationId;
  readonly change: ConversationChange;
  /** Whom it is about. */
  readonly userId: UserId | undefined;
}

/** The command handler calls it for one change of a conversation at a time, with everything before it committed. */
export class DirectoryChanges implements ConversationChanges {
  readonly #deps: CoreDeps;
  readonly #memberships: MembershipCache;

  constructor(deps: CoreDeps, memberships: MembershipCache) {
    this.#deps = deps;
    this.#memberships = memberships;
  }

  async apply(command: ChangeCommand, place?: CommandPlace): Promise<Outcome> {
    // A log may also hold it twice: its producer repeats what a broker that died did not acknowledge.
    if (place && (await this.recover(command))) return changed;
    const making: Making = { place, recordId: command.recordId ?? this.#deps.newMsgId() };
    switch (command.type) {
      case 'create':
        return this.#create(command, making);
      case 'create_direct': {
        const opened = await openDirect(this.#deps, command.conversationId, place?.fence);
        return opened.type === 'ok' ? this.#isSoAlready(command.conversationId, [], making) : opened;
      }
      case 'update':
        return this.#update(command, making);
      case 'add_member':
        return this.#addMember(command, making);
      case 'remove_member':
        return this.#removeMember(command, making);
      case 'set_role':
        return this.#setRole(command, making);
      default:
        return unreachable(command);
    }
  }

  /** Whether the change took effect before. Who follows the conversation may not have heard of it, and is told to catch up. */
  async recover({ conversationId, recordId }: ChangeCommand): Promise<boolean> {
    const record = recordId && (await this.#deps.timeline.findByMsgId(recordId));
    if (!record) return false;
    const { user_ids = [] } = JSON.parse(record.contentJson) as { readonly user_ids?: readonly UserId[] };
    await this.#reportLost(conversationId, user_ids);
    return true;
  }

  /** [K6] Of what may be a repeat: it was stored before, and whoever stored it may have told nobody. */
  async #isSoAlready(conversationId: ConversationId, userIds: readonly UserId[], { place }: Making): Promise<Outcome> {
    if (place?.mayBeRepeated) await this.#reportLost(conversationId, userIds);
    return changed;
  }

  async #reportLost(conversationId: ConversationId, userIds: readonly UserId[]): Promise<void> {
    const { directory, limits } = this.#deps;
    this.#memberships.forget(conversationId, userIds);
    // Those who left, or whose subscriptions are to change, are told on their own topics.
    const members = await directory.members({ conversationId, limit: limits.membersInlineMax });
    const topics = new Set([
      conversationTopic(conversationId),
      ...[...members.map(({ userId }) => userId), ...userIds].map(userTopic),
    ]);
    await this.#deps.bus.publish([...topics, coresTopic].map((topic) => ({ type: 'lost', topic })));
  }

  async #create(command: CommandOf<'create'>, making: Making): Promise<Outcome> {
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
      fence: making.place?.fence,
    });
    switch (creation.type) {
      case 'full':
        return refusal.tooMany(`conversations of ${creation.userId}`, limits.conversationsPerUserMax);
      case 'exists':
        return this.#isSoAlready(conversationId, [from, ...members], making);
      case 'created':
        await this.#reportTo([from, ...members], conversationId, 'created');
        await this.#record(command, making, {
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

  async #update(command: CommandOf<'update'>, making: Making): Promise<Outcome> {
    const { conversationId, from, title, rules, isHistoryVisible } = command;
    const changesRules = rules !== undefined || isHistoryVisible !== undefined;
    for (const rule of [...(title === undefined ? [] : [mayRename]), ...(changesRules ? [maySetRules] : [])]) {
      const allowed = await this.#permitted(conversationId, from, rule);
      if (allowed.type !== 'ok') return allowed;
    }
    const before = (await this.#deps.directory.getConversations([conversationId])).get(conversationId);
    // Of what may be a repeat it may be the first that made it so, and left no entry.
    if (before && isSo(before, command) && !making.place?.mayBeRepeated) return changed;
    await this.#deps.directory.updateConversation({
      ...{ conversationId, title, rules, isHistoryVisible },
      fence: making.place?.fence,
    });
    await this.#forget(conversationId, []);
    await this.#reportToMembers(conversationId, 'updated');
    if (title !== undefined) await this.#record(command, making, { type: 'hongyan.title', title });
    if (changesRules)
      await this.#record(command, title === undefined ? making : { ...making, recordId: this.#deps.newMsgId() }, {
        type: 'hongyan.rules',
        ...(rules === undefined ? {} : { rules }),
        ...(isHistoryVisible === undefined ? {} : { history_visible: isHistoryVisible }),
      });
    return changed;
  }

  async #addMember(command: CommandOf<'add_member'>, making: Making): Promise<Outcome> {
    const { conversationId, from, userId: asWritten } = command;
    const { directory, timeline, clock, limits } = this.#deps;
    const allowed = await this.#permitted(conversationId, from, mayAdd);
    // A caller who may not change the conversation learns nothing about users through it.
    if (allowed.type !== 'ok') return allowed;
    const userId = await this.#canonicalId(asWritten);
    if (userId === undefined) return refusal.noSuch(`user ${asWritten}`);
    const { conversation } = allowed.value;
    const [head] = await timeline.heads([conversationId]);
    // What was written before is nothing the new member has yet to read, and nothing its senders wait for [D7].
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
      fence: making.place?.fence,
    });
    switch (addition) {
      case 'exists':
        return this.#isSoAlready(conversationId, [userId], making);
      case 'no_conversation':
        return refusal.notMember();
      case 'conversation_full':
        return refusal.tooMany('members of a conversation', limits.groupMembersMax);
      case 'user_full':
        return refusal.tooMany(`conversations of ${userId}`, limits.conversationsPerUserMax);
      case 'added':
        await this.#forget(conversationId, [userId]);
        await this.#reportToMembers(conversationId, 'member_joined', userId);
        await this.#reportTo([userId], conversationId, 'member_joined', userId);
        await this.#record(command, making, { type: 'hongyan.members', change: 'joined', user_ids: [userId] });
        return changed;
      default:
        return unreachable(addition);
    }
  }

  async #removeMember(command: CommandOf<'remove_member'>, making: Making): Promise<Outcome> {
    const { conversationId, from, userId: asWritten } = command;
    const { directory, clock } = this.#deps;
    const userId = (await this.#canonicalId(asWritten)) ?? asWritten;
    const target = (await this.#memberships.get(conversationId, userId))?.member.role;
    const allowed = await this.#permitted(conversationId, from, (facts) =>
      mayRemove({ ...facts, isSelf: from === userId, target }),
    );
    const hasLeft = making.place?.mayBeRepeated === true && from === userId && target === undefined;
    if (allowed.type !== 'ok') return hasLeft ? this.#isSoAlready(conversationId, [userId], making) : allowed;
    const { wasMember, newOwner } = await directory.removeMember({
      ...{ conversationId, userId, atMs: clock.nowMs() },
      fence: making.place?.fence,
    });
    if (!wasMember && making.place?.mayBeRepeated) return this.#isSoAlready(conversationId, [userId], making);
    if (!wasMember) return refusal.noSuch(`member ${userId}`);
    await this.#forget(conversationId, newOwner === undefined ? [userId] : [userId, newOwner]);
    const topic = userTopic(userId);
    // Before anything is read: a store that fails must not leave a former member following.
    void this.#deps.bus.publish([{ type: 'membership', topic, conversationId, isMember: false }]);
    await this.#report([topic, conversationTopic(conversationId)], { conversationId, change: 'member_left', userId });
    await this.#record(command, making, {
      type: 'hongyan.members',
      change: 'left',
      user_ids: [userId],
      ...(newOwner === undefined ? {} : { new_owner: newOwner }),
    });
    return changed;
  }

  /** With the role owner the conversation is handed over: there is one owner, and the former one becomes an admin. */
  async #setRole(command: CommandOf<'set_role'>, making: Making): Promise<Outcome> {
    const { conversationId, from, userId: asWritten, role } = command;
    const { directory, clock } = this.#deps;
    const userId = (await this.#canonicalId(asWritten)) ?? asWritten;
    const allowed = await this.#permitted(conversationId, from, (facts) =>
      maySetRole({ ...facts, isSelf: from === userId }),
    );
    const before = (await this.#memberships.get(conversationId, userId))?.member.role;
    // Who has handed a conversation over may not do it again.
    const isDone = making.place?.mayBeRepeated === true && before === role;
    if (allowed.type !== 'ok') return isDone ? this.#isSoAlready(conversationId, [userId], making) : allowed;
    const isStandIn = isSystemUser(userId) && (await this.#isStandIn(conversationId, userId));
    if (before === undefined || isStandIn) return refusal.noSuch(`member ${userId}`);
    if (before === role) return this.#isSoAlready(conversationId, [userId], making);
    // There is one owner, and it is a member who hands over.
    if (role === 'owner' && (await this.#isStandIn(conversationId, from)))
      return refusal.onlyOwners('hand a conversation over');
    await directory.setRole({
      ...{ conversationId, userId, role, atMs: clock.nowMs(), fence: making.place?.fence },
      ...(role === 'owner' ? { handedOverBy: from } : {}),
    });
    await this.#forget(conversationId, [userId, from]);
    await this.#reportToMembers(conversationId, 'role_changed', userId);
    await this.#record(command, making, { type: 'hongyan.role', user_id: userId, role });
    return changed;
  }

  /** Here, and in the other cores where there are some, before anyone is told of the change. */
  async #forget(conversationId: ConversationId, userIds: readonly UserId[]): Promise<void> {
    this.#memberships.forget(conversationId, userIds);
    if (this.#deps.shared === undefined) return;
    await this.#deps.bus.publish([{ type: 'members_changed', topic: coresTopic, conversationId, userIds }]);
  }

  /** [A26] The system where it is no member. */
  async #isStandIn(conversationId: ConversationId, userId: UserId): Promise<boolean> {
    const [member] = await this.#deps.directory.getMembers([{ conversationId, userId }]);
    return member === undefined;
  }

  /** The id as its user was created with, in whatever case it is written; undefined for an unknown user. */
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

  #reportToMembers(conversationId: ConversationId, change: ConversationChange, userId?: UserId): Promise<void> {
    return this.#report([conversationTopic(conversationId)], { conversationId, change, userId });
  }

  /** Live connections of these users follow the conversation from now on, and hear why. */
  #reportTo(
    userIds: readonly UserId[],
    conversationId: ConversationId,
    change: ConversationChange,
    userId?: UserId,
  ): Promise<void> {
    const topics = userIds.map(userTopic);
    void this.#deps.bus.publish(topics.map((topic) => ({ type: 'membership', topic, conversationId, isMember: true })));
    return this.#report(topics, { conversationId, change, userId });
  }

  /** The change is stored [D9]: where it cannot be described, who follows these topics is told to catch up. */
  async #report(topics: readonly Topic[], change: Change): Promise<void> {
    const { bus, log } = this.#deps;
    let events: readonly BusEvent[];
    try {
      events = frameEvents(topics, await this.#changeFrame(change));
    } catch (error) {
      log.error('change of a conversation not described', { conversationId: change.conversationId, error });
      events = topics.map((topic) => ({ type: 'lost', topic }));
    }
    await bus.publish(events);
  }

  async #changeFrame({ conversationId, change, userId }: Change): Promise<string> {
    const { directory, limits } = this.#deps;
    const record = (await directory.getConversations([conversationId])).get(conversationId);
    assert(record, 'a conversation that was changed exists');
    const isListed = record.memberCount <= limits.membersInlineMax;
    const members = isListed
      ? (await directory.members({ conversationId, limit: limits.membersInlineMax })).map((member) => member.userId)
      : undefined;
    return changeFrame({
      conversationId,
      change,
      record,
      members: directMembers(conversationId) ?? members,
      ...(userId === undefined ? {} : { userId }),
    });
  }

  /** A change is an entry of the timeline too: every member sees it at the same place among the messages. */
  async #record(
    { conversationId, from }: ChangeCommand,
    { place, recordId: msgId }: Making,
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
      // The change is stored and reported already [D9]: answered as a failure it would be made once more.
      log.error('entry of a change not stored', { conversationId, error });
    }
  }
}

/** Whether the update changes nothing. */
const isSo = (
  before: ConversationRecord,
  { title = before.title, isHistoryVisible = before.isHistoryVisible, rules }: CommandOf<'update'>,
): boolean =>
  title === before.title &&
  isHistoryVisible === before.isHistoryVisible &&
  Bun.deepEquals({ ...before.rules, ...rules }, before.rules);
