// The event-bus port: delivers events of the cores to every process with subscribers.

import type { Brand } from '@hongyan/base/brand';
import type { ConversationId, DeviceId, UserId } from '@hongyan/protocol/ids';
import type { Revocation } from '../../domain/revocation.ts';

export type Topic = Brand<string, 'Topic'>;
const userPrefix = 'u:';
/** Events for one user. */
export const userTopic = (userId: UserId): Topic => `${userPrefix}${userId}` as Topic;
/** Frames on a user topic are for the sockets of that user. Frames on other topics are the same for every subscriber. */
export const isUserTopic = (topic: Topic): boolean => topic.startsWith(userPrefix);
export const conversationTopic = (conversationId: ConversationId): Topic => `c:${conversationId}` as Topic;
/** Revocations of tokens, for every gateway. */
export const revocationsTopic = 'revocations' as Topic;
/** Notices to all clients, for every gateway. */
export const everyoneTopic = 'everyone' as Topic;
/** Events for one process of the cluster. `node` is new at each start of the process. */
export const nodeTopic = (node: string): Topic => `n:${node}` as Topic;
/** Events between cores, for every core. */
export const coresTopic = 'cores' as Topic;
/** Presence of one user, for its watchers. */
export const presenceTopic = (userId: UserId): Topic => `p:${userId}` as Topic;

export type BusEvent =
  /** A frame, encoded once: every subscriber of the topic receives the same text. */
  | {
      readonly type: 'frame';
      readonly topic: Topic;
      readonly frame: string;
      /** The W3C traceparent, if the send is traced. */
      readonly trace?: string | undefined;
      /** Only on user topics: the frame is not urgent, and may be sent together with a later one. */
      readonly mayWait?: boolean;
    }
  /** Live connections of the user subscribe to the conversation, or unsubscribe. Topic: that of the user. */
  | {
      readonly type: 'membership';
      readonly topic: Topic;
      readonly conversationId: ConversationId;
      readonly isMember: boolean;
    }
  /** The device has a newer session: every node closes its other connections. Topic: that of the user. */
  | { readonly type: 'replaced'; readonly topic: Topic; readonly deviceId: DeviceId; readonly sessionId: string }
  /** These tokens are revoked. Topic: revocationsTopic. */
  | { readonly type: 'revoked'; readonly topic: Topic; readonly revocations: readonly Revocation[] }
  /** Outcomes of commands that the node submitted, encoded by the command log. Topic: that of the node. */
  | { readonly type: 'outcomes'; readonly topic: Topic; readonly outcomes: string }
  /** Cached memberships of these users in the conversation are stale. Topic: coresTopic. */
  | {
      readonly type: 'members_changed';
      readonly topic: Topic;
      readonly conversationId: ConversationId;
      readonly userIds: readonly UserId[];
    }
  /** Cached values of these keys may be stale. Topic: coresTopic. */
  | { readonly type: 'changed'; readonly topic: Topic; readonly keys: readonly string[] }
  /** Events of the topic may never have been published. Listeners receive it as `onLoss`. */
  | { readonly type: 'lost'; readonly topic: Topic };

export interface BusListener {
  onEvent(event: BusEvent): void;
  /** Events of these topics may be lost; undefined: events of any topic. */
  onLoss(topics?: readonly Topic[]): void;
}

/**
 * MUST deliver the events of one topic in the order of the calls of `publish`, even if these are not awaited.
 * MUST report every possible loss through `onLoss`; sessions then catch up from the timeline.
 * MAY lose events, deliver an event twice, and deliver events of topics that were just unsubscribed.
 */
export interface EventBus {
  /**
   * Resolves when the bus has accepted the events. Rejects with StoreFailure if it has not accepted all of them; subscribers of these
   * topics then receive `onLoss` as soon as the bus can reach them.
   */
  publish(events: readonly BusEvent[]): Promise<void>;
  attach(listener: BusListener): BusAttachment;
}

export interface BusAttachment {
  /**
   * Resolves when the subscription is in force: every event accepted later arrives. Rejects with StoreFailure, without subscribing to
   * any of the topics. Calls of `subscribe` and `unsubscribe` take effect in their order. Subscribing twice to a topic has no effect:
   * one `unsubscribe` ends it. Has no effect after `detach`.
   */
  subscribe(topics: readonly Topic[]): Promise<void>;
  unsubscribe(topics: readonly Topic[]): void;
  /** Ends all subscriptions. Idempotent. */
  detach(): void;
}
