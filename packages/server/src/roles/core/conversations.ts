// Conversations come, change and lose members: written to the directory first, then told in the timeline and to live connections.

import { directConversationId } from '@hongyan/protocol/direct';
import type { ConversationChange } from '@hongyan/protocol/down';
import type { Content, Conversation } from '@hongyan/protocol/entry';
import type { MemberList } from '@hongyan/protocol/http';
import type { ClientMsgId, ConversationId, Seq, UserId } from '@hongyan/protocol/ids';
import { mayChange, mayRead, mayRemove } from '../../domain/membership.ts';
import type { NewConversationCommand, Outcome, Refusal } from '../../ports/core/core.ts';
import type { ConversationRecord } from '../../ports/directory/directory.ts';
import { conversationTopic, userTopic } from '../../ports/event-bus/event-bus.ts';
import type { CoreDeps } from './deps.ts';
import { encode } from './frames.ts';
import type { Membership, MembershipCache } from './membership-cache.ts';
import { done, notMember, ok, refused } from './outcome.ts';
import { newEntry, openDirect, publications } from './send.ts';
import { Turns } from './turns.ts';
import type { createViews } from './views.ts';

export function createConversations(
  deps: CoreDeps,
  memberships: MembershipCache,
  views: ReturnType<typeof createViews>,
) {
  const { directory, timeline, bus, clock, log, limits } = deps;
  /**
   * A change is written, told to connections and put on the timeline before the next of its conversation begins: all three
   * have the same order, and who was removed last follows nothing any more.
   */
  const turns = new Turns<ConversationId>();

  async function create(command: NewConversationCommand): Promise<Outcome<Conversation>> {
    if (command.kind === 'direct') {
      const conversationId = directConversationId(command.creator, command.with);
      const opened = await openDirect(deps, conversationId);
      return opened.type === 'refused' ? opened : views.one(conversationId, command.creator);
    }
    const others = [...new Set(command.members)].filter((userId) => userId !== command.creator);
    if (others.length + 1 > limits.groupMembersMax) return tooManyMembers(limits.groupMembersMax);
    const missing = await firstMissing(others);
    if (missing !== undefined) return refused('not_found', `there is no user ${missing}`);
    const conversationId = `g:${deps.newMsgId()}` as ConversationId;
    await directory.createConversation({
      conversationId,
      kind: command.kind,
      title: command.title,
      members: [
        { userId: command.creator, role: 'owner' },
        ...others.map((userId) => ({ userId, role: 'member' as const })),
      ],
      atMs: clock.nowMs(),
    });
    await tell(conversationId, { change: 'created', userIds: [command.creator, ...others] });
    await record(conversationId, command.creator, {
      type: 'hongyan.members',
      change: 'created',
      user_ids: others.slice(0, 50),
      user_count: others.length,
    });
    return views.one(conversationId, command.creator);
  }

  async function firstMissing(userIds: readonly UserId[]): Promise<UserId | undefined> {
    const found = new Set((await directory.getUsers(userIds)).map((user) => user.userId));
    return userIds.find((userId) => !found.has(userId));
  }

  /** Live connections of these users follow the conversation from now on, and hear why. */
  async function tell(
    conversationId: ConversationId,
    news: { readonly change: ConversationChange; readonly userIds: readonly UserId[] },
  ): Promise<void> {
    const frame = await changeFrame(
      conversationId,
      news.change,
      news.change === 'member_joined' ? news.userIds[0] : undefined,
    );
    if (frame === undefined) return;
    bus.publish(
      news.userIds.flatMap((userId) => [
        { type: 'membership', topic: userTopic(userId), conversationId, isMember: true } as const,
        { type: 'frame', topic: userTopic(userId), frame } as const,
      ]),
    );
  }

  async function changeFrame(
    conversationId: ConversationId,
    change: ConversationChange,
    userId?: UserId,
  ): Promise<string | undefined> {
    const conversation = await directory.getConversation(conversationId);
    if (!conversation) return undefined;
    const members = await views.inlineMembers(conversation);
    return encode<'conversation'>({
      type: 'conversation',
      conversation_id: conversationId,
      change,
      ...(userId === undefined ? {} : { user_id: userId }),
      conversation: {
        kind: conversation.kind,
        ...(conversation.title === '' ? {} : { title: conversation.title }),
        ...(members ? { members } : {}),
        member_count: conversation.memberCount,
      },
    });
  }

  /** A change is an entry of the timeline too: everyone sees it at the same place among the messages. */
  async function record(conversationId: ConversationId, from: UserId, content: Content): Promise<void> {
    const clientMsgId = deps.newMsgId() as string as ClientMsgId;
    const entry = newEntry(deps, { conversationId, from, clientMsgId, contentJson: JSON.stringify(content) });
    try {
      bus.publish(publications(await timeline.append([entry])));
    } catch (error) {
      // The change is stored and told already [D9]: answered as a failure it would be made once more.
      log.error('entry of a change not stored', { conversationId, error });
    }
  }

  async function permitted(
    actor: UserId,
    conversationId: ConversationId,
    rule: (facts: { kind: ConversationRecord['kind']; role: Membership['member']['role'] }) => { type: 'ok' } | Refusal,
  ): Promise<Outcome<Membership>> {
    const membership = await memberships.get(conversationId, actor);
    if (!membership) return notMember;
    const allowed = rule({ kind: membership.conversation.kind, role: membership.member.role });
    return allowed.type === 'refused' ? allowed : ok(membership);
  }

  async function setTitle(
    actor: UserId,
    change: { conversationId: ConversationId; title: string },
  ): Promise<Outcome<Conversation>> {
    const { conversationId, title } = change;
    const allowed = await permitted(actor, conversationId, mayChange);
    if (allowed.type === 'refused') return allowed;
    await directory.setTitle({ conversationId, title, atMs: clock.nowMs() });
    memberships.forgetConversation(conversationId);
    const frame = await changeFrame(conversationId, 'updated');
    if (frame !== undefined) bus.publish([{ type: 'frame', topic: conversationTopic(conversationId), frame }]);
    await record(conversationId, actor, { type: 'hongyan.title', title });
    return views.one(conversationId, actor);
  }

  async function addMember(
    actor: UserId,
    change: { conversationId: ConversationId; userId: UserId },
  ): Promise<Outcome<void>> {
    const { conversationId, userId } = change;
    const allowed = await permitted(actor, conversationId, mayChange);
    if (allowed.type === 'refused') return allowed;
    if (!(await directory.getUser(userId))) return refused('not_found', `there is no user ${userId}`);
    const [head] = await timeline.heads([conversationId]);
    // What was written before one came is nothing one has yet to read, and nothing its senders wait for [D7].
    const readSeq = head?.lastSeq ?? (0 as Seq);
    const visibleFromSeq = (deps.areNewMembersShownHistory ? 1 : readSeq + 1) as Seq;
    const isNew = await directory.addMember({
      conversationId,
      userId,
      role: 'member',
      visibleFromSeq,
      readSeq,
      atMs: clock.nowMs(),
      memberCountMax: limits.groupMembersMax,
    });
    if (!isNew) return (await memberships.get(conversationId, userId)) ? done : tooManyMembers(limits.groupMembersMax);
    memberships.forgetMember(conversationId, userId);
    const frame = await changeFrame(conversationId, 'member_joined', userId);
    if (frame !== undefined) bus.publish([{ type: 'frame', topic: conversationTopic(conversationId), frame }]);
    await tell(conversationId, { change: 'member_joined', userIds: [userId] });
    await record(conversationId, actor, { type: 'hongyan.members', change: 'joined', user_ids: [userId] });
    return done;
  }

  async function removeMember(
    actor: UserId,
    change: { conversationId: ConversationId; userId: UserId },
  ): Promise<Outcome<void>> {
    const { conversationId, userId } = change;
    const allowed = await permitted(actor, conversationId, (facts) =>
      mayRemove({ ...facts, isSelf: actor === userId }),
    );
    if (allowed.type === 'refused') return allowed;
    if (!(await directory.removeMember({ conversationId, userId })))
      return refused('not_found', `${userId} is not a member`);
    memberships.forgetMember(conversationId, userId);
    const frame = await changeFrame(conversationId, 'member_left', userId);
    bus.publish([
      ...(frame === undefined ? [] : [{ type: 'frame', topic: userTopic(userId), frame } as const]),
      { type: 'membership', topic: userTopic(userId), conversationId, isMember: false },
      ...(frame === undefined ? [] : [{ type: 'frame', topic: conversationTopic(conversationId), frame } as const]),
    ]);
    await record(conversationId, actor, { type: 'hongyan.members', change: 'left', user_ids: [userId] });
    return done;
  }

  async function members(
    reader: UserId,
    request: { conversationId: ConversationId; after?: UserId; limit?: number },
  ): Promise<Outcome<MemberList>> {
    const allowed = await permitted(reader, request.conversationId, mayRead);
    if (allowed.type === 'refused') return allowed;
    const limit = Math.min(request.limit ?? 100, limits.pageMax);
    const rows = await directory.members({ ...request, limit: limit + 1 });
    const page = rows.slice(0, limit);
    const names = new Map(
      (await directory.getUsers(page.map((row) => row.userId))).map((user) => [user.userId, user.displayName]),
    );
    const next = rows.length > limit ? page.at(-1)?.userId : undefined;
    return ok({
      members: page.map((row) => ({
        user_id: row.userId,
        display_name: names.get(row.userId) ?? row.userId,
        role: row.role,
        delivered_seq: row.deliveredSeq,
        read_seq: row.readSeq,
      })),
      ...(next === undefined ? {} : { next }),
    });
  }

  type Change<C, T> = (actor: UserId, change: C) => Promise<Outcome<T>>;
  const inTurn =
    <C extends { conversationId: ConversationId }, T>(make: Change<C, T>): Change<C, T> =>
    (actor, change) =>
      turns.take(change.conversationId, () => make(actor, change));

  return {
    create,
    setTitle: inTurn(setTitle),
    addMember: inTurn(addMember),
    removeMember: inTurn(removeMember),
    members,
  };
}

const tooManyMembers = (membersMax: number): Refusal =>
  refused('too_large', `a conversation has at most ${membersMax} members`);
