// The event-bus port: what core committed, on its way down to every gateway that has someone interested.

import type { Brand } from '@hongyan/base/brand';
import type { ConversationId, DeviceId, UserId } from '@hongyan/protocol/ids';

export type Topic = Brand<string, 'Topic'>;
export const userTopic = (userId: UserId): Topic => `u:${userId}` as Topic;
export const conversationTopic = (conversationId: ConversationId): Topic => `c:${conversationId}` as Topic;
/** Presence of one user, for those who asked. */
export const presenceTopic = (userId: UserId): Topic => `p:${userId}` as Topic;

export type BusEvent =
  /** A frame, encoded once: every subscriber of the topic gets these same bytes. */
  | { readonly type: 'frame'; readonly topic: Topic; readonly frame: string }
  /** Live connections of the user change their subscription (topic is the user's). */
  | {
      readonly type: 'membership';
      readonly topic: Topic;
      readonly conversationId: ConversationId;
      readonly isMember: boolean;
    }
  /** The device has a newer session: its other connections are closed, wherever they are (topic is the user's). */
  | { readonly type: 'replaced'; readonly topic: Topic; readonly deviceId: DeviceId; readonly sessionId: string };

/**
 * MUST: events of one topic arrive in the order published; a possible loss is reported through `onLoss`, after which
 * sessions catch up from the timeline.
 * MAY: lose events, deliver events of topics just unsubscribed. To subscribe again to a topic changes nothing: one unsubscribe ends it.
 */
export interface EventBus {
  publish(events: readonly BusEvent[]): void;
  /** `onLoss(topics)`: undefined = any topic. */
  attach(listener: { onEvent(event: BusEvent): void; onLoss(topics?: readonly Topic[]): void }): BusAttachment;
}

export interface BusAttachment {
  subscribe(topics: readonly Topic[]): void;
  unsubscribe(topics: readonly Topic[]): void;
  detach(): void;
}
