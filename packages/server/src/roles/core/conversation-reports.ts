// Publishes changes of a conversation to live connections. The changes are stored already, so failures here never fail a command [D9].

import { assert } from '@hongyan/base/assert';
import type { ConversationChange } from '@hongyan/protocol/conversation';
import { directMembers } from '@hongyan/protocol/direct';
import type { ConversationId, UserId } from '@hongyan/protocol/ids';
import {
  type BusEvent,
  conversationTopic,
  coresTopic,
  type Topic,
  userTopic,
} from '../../ports/event-bus/event-bus.ts';
import { changeFrame } from './conversation-frame.ts';
import type { CoreDeps } from './deps.ts';
import { frameEvents } from './publications.ts';

type Deps = Pick<CoreDeps, 'directory' | 'bus' | 'limits' | 'log'>;

export interface ReportedChange {
  readonly conversationId: ConversationId;
  readonly change: ConversationChange;
  /** The member who joined, left or got another role. */
  readonly userId?: UserId | undefined;
}

export class ConversationReports {
  readonly #deps: Deps;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  toMembers(change: ReportedChange): Promise<void> {
    return this.#report([conversationTopic(change.conversationId)], change);
  }

  /** Subscribes the live connections of these users to the conversation, and publishes the reason to them. */
  toNewMembers(userIds: readonly UserId[], change: ReportedChange): Promise<void> {
    const { conversationId } = change;
    const topics = userIds.map(userTopic);
    void this.#deps.bus.publish(topics.map((topic) => ({ type: 'membership', topic, conversationId, isMember: true })));
    return this.#report(topics, change);
  }

  /** Unsubscribes the live connections of the user, then publishes the reason to them and to the members. */
  removal(conversationId: ConversationId, userId: UserId): Promise<void> {
    const topic = userTopic(userId);
    // Published before any read: a failing store must not leave a former member subscribed.
    void this.#deps.bus.publish([{ type: 'membership', topic, conversationId, isMember: false }]);
    return this.#report([topic, conversationTopic(conversationId)], { conversationId, change: 'member_left', userId });
  }

  /** Reports that a change may not have been published. `userIds`: those whom it affects. */
  async possibleLoss(conversationId: ConversationId, userIds: readonly UserId[]): Promise<void> {
    const { directory, limits, bus } = this.#deps;
    // Former members, and members whose subscriptions change, receive the report on their user topics.
    const members = await directory.members({ conversationId, limit: limits.membersInlineMax });
    const topics = new Set([
      conversationTopic(conversationId),
      ...[...members.map(({ userId }) => userId), ...userIds].map(userTopic),
    ]);
    await bus.publish([...topics, coresTopic].map((topic) => ({ type: 'lost', topic })));
  }

  /** If the frame cannot be built, the subscribers of these topics receive a loss report instead. */
  async #report(topics: readonly Topic[], change: ReportedChange): Promise<void> {
    const { bus, log } = this.#deps;
    let events: readonly BusEvent[];
    try {
      events = frameEvents(topics, await this.#frameOf(change));
    } catch (error) {
      log.error('change of a conversation not published', { conversationId: change.conversationId, error });
      events = topics.map((topic) => ({ type: 'lost', topic }));
    }
    await bus.publish(events);
  }

  async #frameOf({ conversationId, change, userId }: ReportedChange): Promise<string> {
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
}
