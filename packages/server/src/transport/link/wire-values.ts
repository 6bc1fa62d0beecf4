// Between the values of the Core and EventBus interfaces and the messages of the link.

import type { ErrorCode } from '@hongyan/protocol/codes';
import type { ClientMsgId, ConversationId, DeviceId, MsgId, Seq, UserId } from '@hongyan/protocol/ids';
import type { Committed, Core, Refusal, SendCommand } from '../../ports/core/core.ts';
import type { BusEvent, Topic } from '../../ports/event-bus/event-bus.ts';
import type * as link from './wire.ts';

/** Methods of the core that travel as a Question. A new method of Core does not compile until it has its line here. */
export const questions = {
  typing: { gives: 'outcome', changes: false },
  sync: { gives: 'outcome', changes: false },
  history: { gives: 'outcome', changes: false },
  whereIs: { gives: 'outcome', changes: false },
  createConversation: { gives: 'outcome', changes: true },
  getConversation: { gives: 'outcome', changes: false },
  setTitle: { gives: 'outcome', changes: true },
  addMember: { gives: 'outcome', changes: true },
  removeMember: { gives: 'outcome', changes: true },
  members: { gives: 'outcome', changes: false },
  presence: { gives: 'value', changes: false },
  signup: { gives: 'outcome', changes: true },
  login: { gives: 'outcome', changes: false },
  getUser: { gives: 'outcome', changes: false },
  searchUsers: { gives: 'value', changes: false },
} as const satisfies Record<Exclude<keyof Core, 'send' | 'advance' | 'open' | 'close'>, QuestionKind>;

export type QuestionMethod = keyof typeof questions;

export interface QuestionKind {
  /** An Outcome can say that the link failed; a bare value cannot, so the call rejects. */
  readonly gives: 'outcome' | 'value';
  /** Whether something may have been stored when the answer does not come. */
  readonly changes: boolean;
}

export function toSend({ from, to, conversationId, clientMsgId, content }: SendCommand): link.Send {
  return { from, to, conversationId, clientMsgId, contentJson: JSON.stringify(content) };
}

/** The gateway checked the fields against the schemas of the wire: the cast restores what it knew. */
export function fromSend({ from, to, conversationId, clientMsgId, contentJson }: link.Send): SendCommand {
  return {
    from: from as UserId,
    ...(typeof to === 'string' ? { to: to as UserId } : {}),
    ...(typeof conversationId === 'string' ? { conversationId: conversationId as ConversationId } : {}),
    clientMsgId: clientMsgId as ClientMsgId,
    content: JSON.parse(contentJson) as SendCommand['content'],
  };
}

export function fromCommitted(committed: link.Committed): Committed {
  return {
    msgId: committed.msgId as MsgId,
    conversationId: committed.conversationId as ConversationId,
    seq: committed.seq as Seq,
    timestampMs: committed.timestampMs,
    isDuplicate: committed.isDuplicate,
  };
}

export function fromRefusal({ code, message, retryAfterMs }: link.Refusal): Refusal {
  return {
    type: 'refused',
    code: code as ErrorCode,
    message,
    ...(typeof retryAfterMs === 'number' ? { retryAfterMs } : {}),
  };
}

export const toActor = ({ userId, deviceId }: { readonly userId: string; readonly deviceId: string }) => ({
  userId: userId as UserId,
  deviceId: deviceId as DeviceId,
});

export function toEvent(event: BusEvent): link.Event {
  const topics = [event.topic];
  switch (event.type) {
    case 'frame':
      return { topics, what: 'frame', frame: event.frame };
    case 'membership':
      return { topics, what: 'membership', membership: event };
    case 'replaced':
      return { topics, what: 'replaced', replaced: event };
  }
}

/** One for each topic. */
export function fromEvent(event: link.Event): BusEvent[] {
  return event.topics.map((topic) => eventFor(topic as Topic, event));
}

function eventFor(topic: Topic, event: link.Event): BusEvent {
  switch (event.what) {
    case 'frame':
      return { type: 'frame', topic, frame: event.frame };
    case 'membership': {
      const { conversationId, isMember } = event.membership;
      return { type: 'membership', topic, conversationId: conversationId as ConversationId, isMember };
    }
    case 'replaced': {
      const { deviceId, sessionId } = event.replaced;
      return { type: 'replaced', topic, deviceId: deviceId as DeviceId, sessionId };
    }
  }
}
