// Converts between values of the Core and EventBus interfaces and messages of the link.

import { unreachable } from '@hongyan/base/assert';
import type { ConversationId, DeviceId, UserId } from '@hongyan/protocol/ids';
import { bug, type FailureCode, type Problem, type RefusalCode } from '@hongyan/protocol/refusals';
import type { Revocation } from '../../domain/revocation.ts';
import type { BusEvent, Topic } from '../../ports/event-bus/event-bus.ts';
import type { LinkEvent, LinkProblem } from './wire.ts';

export function toProblem({ type, code, message, retryAfterMs, quota }: LinkProblem): Problem {
  const retry = typeof retryAfterMs === 'number' ? { retryAfterMs } : {};
  switch (type) {
    case 'refused':
      return { type, code: code as RefusalCode, message, ...retry, ...(quota ? { quota: { ...quota } } : {}) };
    case 'failed':
      return { type, code: code as FailureCode, message, ...retry };
    default:
      return bug;
  }
}

export function toEvent(event: BusEvent): LinkEvent {
  const topics = [event.topic];
  switch (event.type) {
    case 'frame':
      return { topics, what: 'frame', frame: event.frame, traceparent: event.trace, mayWait: event.mayWait };
    case 'membership':
      return { topics, what: 'membership', membership: event };
    case 'replaced':
      return { topics, what: 'replaced', replaced: event };
    case 'revoked':
      return { topics, what: 'revocationsJson', revocationsJson: JSON.stringify(event.revocations) };
    case 'outcomes':
      return { topics, what: 'outcomes', outcomes: event.outcomes };
    case 'members_changed':
      return { topics, what: 'membersChanged', membersChanged: event };
    case 'lost':
      return { topics, what: 'lost', lost: true };
    case 'changed':
      return { topics, what: 'changedJson', changedJson: JSON.stringify(event.keys) };
    default:
      return unreachable(event);
  }
}

/** Returns one event for each topic. */
export function fromEvent(event: LinkEvent): BusEvent[] {
  return event.topics.map((topic) => eventFor(topic as Topic, event));
}

function eventFor(topic: Topic, event: LinkEvent): BusEvent {
  switch (event.what) {
    case 'frame':
      return {
        type: 'frame',
        topic,
        frame: event.frame,
        ...(event.traceparent ? { trace: event.traceparent } : {}),
        ...(event.mayWait ? { mayWait: true } : {}),
      };
    case 'membership': {
      const { conversationId, isMember } = event.membership;
      return { type: 'membership', topic, conversationId: conversationId as ConversationId, isMember };
    }
    case 'replaced': {
      const { deviceId, sessionId } = event.replaced;
      return { type: 'replaced', topic, deviceId: deviceId as DeviceId, sessionId };
    }
    case 'revocationsJson':
      return { type: 'revoked', topic, revocations: JSON.parse(event.revocationsJson) as readonly Revocation[] };
    case 'outcomes':
      return { type: 'outcomes', topic, outcomes: event.outcomes };
    case 'membersChanged': {
      const { conversationId, userIds } = event.membersChanged;
      return {
        ...{ type: 'members_changed', topic },
        conversationId: conversationId as ConversationId,
        userIds: userIds as readonly UserId[],
      };
    }
    case 'lost':
      return { type: 'lost', topic };
    case 'changedJson':
      return { type: 'changed', topic, keys: JSON.parse(event.changedJson) as readonly string[] };
    default:
      return unreachable(event);
  }
}
