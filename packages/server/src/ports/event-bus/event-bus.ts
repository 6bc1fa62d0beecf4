// The event-bus port: carries what the core committed down to every gateway with subscribers.

import type { Brand } from '@hongyan/base/brand';
import type { ConversationId, DeviceId, UserId } from '@hongyan/protocol/ids';
import type { Revocation } from '../../domain/revocation.ts';

export type Topic = Brand<string, 'Topic'>;
export const userTopic = (userId: UserId): Topic => `u:${userId}` as Topic;
/** Frames of a user go to the user's own sockets; those of the other topics to every subscriber alike. */
export const isUserTopic = (topic: Topic): boolean => topic.startsWith('u:');
export const conversationTopic = (conversationId: ConversationId): Topic => `c:${conversationId}` as Topic;
/** Revocations of tokens, for every gateway. */
export const revocationsTopic = 'revocations' as Topic;
/** Notices to everyone: every gateway follows it. */
export const everyoneTopic = 'everyone' as Topic;
/** What one process of the cluster alone is told. `node` is new with every start of the process. */
export const nodeTopic = (node: string): Topic => `n:${node}` as Topic;
/** What cores tell each other: every core follows it. */
export const coresTopic = 'cores' as Topic;
/** Presence of one user, for those who watch it. */
export const presenceTopic = (userId: UserId): Topic => `p:${userId}` as Topic;

export type BusEvent =
  /** A frame, encoded once: every subscriber of the topic receives these same bytes. */
  | {
      readonly type: 'frame';
      readonly topic: Topic;
      readonly frame: string;
      /** The traceparent of a traced send. */
      readonly trace?: string | undefined;
      /** Of a user's topic: nobody misses it for a while, so it may leave together with a later frame. */
      readonly mayWait?: boolean;
    }
  /** Live connections of the user change their subscription (topic is the user's). */
  | {
      readonly type: 'membership';
      readonly topic: Topic;
      readonly conversationId: ConversationId;
      readonly isMember: boolean;
    }
  /** The device has a newer session: its other connections are closed on every node (topic is the user's). */
  | { readonly type: 'replaced'; readonly topic: Topic; readonly deviceId: DeviceId; readonly sessionId: string }
  /** These tokens may no longer be used (topic is revocationsTopic). */
  | { readonly type: 'revoked'; readonly topic: Topic; readonly revocations: readonly Revocation[] }
  /** What became of commands that the node submitted; the text is the command log's (topic is the node's). */
  | { readonly type: 'outcomes'; readonly topic: Topic; readonly outcomes: string }
  /** What is remembered of these members of the conversation is old (topic is coresTopic). */
  | {
      readonly type: 'members_changed';
      readonly topic: Topic;
      readonly conversationId: ConversationId;
      readonly userIds: readonly UserId[];
    }
  /** What caches keep of these keys may be old (topic is coresTopic). */
  | { readonly type: 'changed'; readonly topic: Topic; readonly keys: readonly string[] }
  /** The publisher before may have died with events of the topic unpublished: subscribers hear it as `onLoss`. */
  | { readonly type: 'lost'; readonly topic: Topic };

export interface BusListener {
  onEvent(event: BusEvent): void;
  /** Events of these topics may be lost; undefined = of any topic. */
  onLoss(topics?: readonly Topic[]): void;
}

/**
 * MUST: events of one topic arrive in the order published, also by calls that were not awaited. MUST: a possible loss is
 * reported through `onLoss`, after which sessions catch up from the timeline.
 * MAY: lose events; deliver an event twice; deliver events of topics just unsubscribed.
 */
export interface EventBus {
  /**
   * Resolves when the bus has accepted the events. Rejects with StoreFailure when it could not accept all of them: subscribers
   * of these topics then receive `onLoss` as soon as the bus reaches them.
   */
  publish(events: readonly BusEvent[]): Promise<void>;
  attach(listener: BusListener): BusAttachment;
}

export interface BusAttachment {
  /**
   * Resolves when the subscription is in force: every event accepted after that arrives. Rejects with StoreFailure when it could
   * not be made; the topics are not subscribed then. Takes effect in the order of calls with `unsubscribe`. Subscribing again to
   * a topic changes nothing: one `unsubscribe` ends it. After `detach` it changes nothing.
   */
  subscribe(topics: readonly Topic[]): Promise<void>;
  unsubscribe(topics: readonly Topic[]): void;
  /** Ends all subscriptions. Detaching twice is harmless. */
  detach(): void;
}
