// The core: orders messages, makes them durable, and answers what gateways ask. One per process.

import { directMembers } from '@hongyan/protocol/direct';
import type { Core } from '../../ports/core/core.ts';
import { conversationTopic, presenceTopic, userTopic } from '../../ports/event-bus/event-bus.ts';
import { createAccounts } from './accounts.ts';
import { createConversations } from './conversations.ts';
import type { CoreDeps } from './deps.ts';
import { encode } from './frames.ts';
import { MembershipCache } from './membership-cache.ts';
import { done, notMember } from './outcome.ts';
import { createReceipts } from './receipts.ts';
import { createSendHandler } from './send.ts';
import { createSync } from './sync.ts';
import { createViews } from './views.ts';
import { createWhereIs } from './where.ts';

export interface RunningCore extends Core {
  /** Refuses new sends and finishes the accepted ones. */
  drain(): Promise<void>;
}

export function createCore(deps: CoreDeps): RunningCore {
  const { bus, registry, directory, clock, log } = deps;
  const memberships = new MembershipCache(directory);
  const views = createViews(deps, memberships);
  const receipts = createReceipts(deps, memberships);
  const conversations = createConversations(deps, memberships, views);
  const commands = deps.openCommandLog(createSendHandler(deps, memberships).handle);

  return {
    ...createAccounts(deps),
    send: (command) => commands.submit(command),
    drain: () => commands.drain(),
    advance: (receipt) => receipts.advance(receipt),
    sync: createSync(deps, views),
    history: (request) => views.history(request),
    whereIs: createWhereIs(deps, memberships, views),
    createConversation: conversations.create,
    getConversation: (reader, conversationId) => views.one(conversationId, reader),
    setTitle: conversations.setTitle,
    addMember: conversations.addMember,
    removeMember: conversations.removeMember,
    members: conversations.members,

    async typing({ userId }, conversationId) {
      if (!(await memberships.get(conversationId, userId))) return notMember;
      const frame = encode<'typing'>({ type: 'typing', conversation_id: conversationId, user_id: userId });
      const pair = directMembers(conversationId);
      const topics = pair
        ? [...new Set(pair)].filter((member) => member !== userId).map(userTopic)
        : [conversationTopic(conversationId)];
      bus.publish(topics.map((topic) => ({ type: 'frame', topic, frame })));
      return done;
    },

    async open({ actor, sessionId, node }) {
      const { userId, deviceId } = actor;
      // When a device was last seen is worth less than its connection: a full disk keeps no reader out.
      await directory
        .touchDevice({ userId, deviceId, atMs: clock.nowMs() })
        .catch((error: unknown) => log.error('device not remembered', { userId, deviceId, error }));
      // Asked before the session is added: where this fails, nobody is left online.
      const all = await directory.memberships(userId);
      const { becameOnline } = await registry.add({ userId, deviceId, sessionId, node });
      // Another session of the user may be one of the same device, on any gateway.
      if (becameOnline) bus.publish([presenceEvent(userId, true)]);
      else bus.publish([{ type: 'replaced', topic: userTopic(userId), deviceId, sessionId }]);
      return {
        conversationIds: all
          .filter((item) => item.conversation.kind !== 'direct')
          .map((item) => item.conversation.conversationId),
      };
    },

    async close({ actor, sessionId, node }) {
      const { userId, deviceId } = actor;
      const atMs = clock.nowMs();
      const { becameOffline } = await registry.remove({ userId, deviceId, sessionId, node }, atMs);
      if (becameOffline) bus.publish([presenceEvent(userId, false, atMs)]);
    },

    async presence(userIds) {
      const states = await registry.presence(userIds);
      return states.map(({ userId, online, lastSeenMs }) => ({
        userId,
        online,
        ...(lastSeenMs === undefined ? {} : { lastSeenMs }),
      }));
    },
  };
}

function presenceEvent(userId: Parameters<typeof presenceTopic>[0], online: boolean, lastSeenMs?: number) {
  const frame = encode<'presence'>({
    type: 'presence',
    user_id: userId,
    online,
    ...(lastSeenMs === undefined ? {} : { last_seen: lastSeenMs }),
  });
  return { type: 'frame', topic: presenceTopic(userId), frame } as const;
}
