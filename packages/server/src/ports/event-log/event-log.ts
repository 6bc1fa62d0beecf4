// The event-log port: what happened, in one order with one position for all of it, for those outside the server. It is filled
// from the feed of the timeline, from receipts and from presence, and read by webhooks and GET /v1/events. [W1]

import { StoreFailure } from '@hongyan/base/result';
import type { EventType } from '@hongyan/protocol/events';
import type { ConversationId, Seq, UserId } from '@hongyan/protocol/ids';
import type { Position } from '../../domain/position.ts';
import type { Claims } from './claims.ts';
import type { Webhooks } from './webhooks.ts';

export type { Position };

/** One event to append. */
export interface NewEvent {
  /** The same for the same happening, also when it is appended again after a crash. */
  readonly id: string;
  readonly type: EventType;
  /** Unix ms: when it happened. */
  readonly atMs: number;
  /** Events of one lane are delivered in their order: the conversation, the user, the device. */
  readonly lane: string;
  /** Of an entry whose content is read from the timeline when the event is sent: no text of a message is stored here [E5]. */
  readonly seq?: Seq | undefined;
  /** The rest of `data`. */
  readonly dataJson: string;
}

export interface StoredEvent extends NewEvent {
  readonly position: number;
}

export interface EventPage {
  readonly events: readonly StoredEvent[];
  /** Everything up to it was looked at. */
  readonly position: number;
  readonly isAtEnd: boolean;
  /** Events after the position asked for were removed by retention before they were read [W2]. */
  readonly hasGap: boolean;
}

/** Positions of one member, as a device reported them. */
export interface ReportedPosition {
  readonly conversationId: ConversationId;
  readonly userId: UserId;
  readonly deliveredSeq: Seq;
  readonly readSeq: Seq;
}

export interface PresenceChange {
  readonly userId: UserId;
  readonly isOnline: boolean;
  readonly atMs: number;
}

export interface Ends {
  /** Events up to it were removed. */
  readonly removedThrough: number;
  readonly end: number;
  /** When the oldest kept event happened; undefined when there is none. */
  readonly oldestMs: number | undefined;
  /** Of the kept events, about. */
  readonly bytes: number;
}

/** Another process recorded what follows its last position of the feed: nothing was stored, and `feedPosition` says where to go on. */
export class FeedMoved extends StoreFailure {
  override readonly name = 'FeedMoved';
  constructor() {
    super('unavailable', 'another process records the events of the feed: its position was moved meanwhile');
  }
}

/**
 * Several processes may have it open, where its adapter says so.
 *
 * MUST: a resolved `append` survives kill -9 and loss of power, is atomic with the position of the feed that it names, and is in
 * no read before that; positions only grow, also after everything was removed, and none becomes visible after a higher one.
 * An append that names a position of the feed MUST reject with FeedMoved when another process moved it since this one read or
 * wrote it: a recorder that was paused stores nothing late. Rejects with StoreFailure for what the environment does; nothing
 * is stored then, unless it says unknown_outcome.
 */
export interface EventLog extends Webhooks, Claims {
  /** Of this store: positions of another one are void. */
  readonly epoch: string;
  append(batch: { readonly events: readonly NewEvent[]; readonly feedPosition?: Position | undefined }): Promise<void>;
  /** Something is recorded: there is a position of the feed. Asked by those who do not move it. */
  isRecording(): Promise<boolean>;
  /** Recording begins at this position of the feed; where something is recorded already, nothing changes. */
  beginRecording(feedPosition: Position): Promise<void>;
  /** Recording ends: what happens from now on is no event. Nothing changes while there is an endpoint. */
  endRecording(): Promise<void>;
  /** Up to where the feed was read; undefined while nothing is recorded. For the one who moves it on. */
  feedPosition(): Promise<Position | undefined>;
  /**
   * Keeps the maxima [D7]. MUST survive kill -9; loss of power MAY take back the newest ones, which devices report again.
   * What moved forward is appended by the next `tellPositions`.
   */
  notePositions(batch: readonly ReportedPosition[]): Promise<void>;
  /** Appends message.delivered and message.read for up to `limit` members whose positions moved; false when there were none. */
  tellPositions(request: { readonly atMs: number; readonly limit: number }): Promise<boolean>;
  /** Appends user.online and user.offline where they differ from what was told before. `run` names this life of the process. */
  notePresence(batch: readonly PresenceChange[], run: string): Promise<void>;
  /** Users who were told to be online, in the order of their ids. */
  toldOnline(request: { readonly after?: UserId | undefined; readonly limit: number }): Promise<readonly UserId[]>;
  /** Of events with one of these types, when any are given; looks at `scanMax` events at most. */
  read(request: {
    readonly after: number;
    readonly limit: number;
    readonly types?: readonly EventType[] | undefined;
  }): Promise<EventPage>;
  /** undefined when it was removed. */
  at(position: number): Promise<StoredEvent | undefined>;
  ends(): Promise<Ends>;
  /** Resolves when something was appended after `after`, or when `signal` aborts. */
  wait(request: { readonly after: number; readonly signal: AbortSignal }): Promise<void>;
  /** Removes events that happened before `beforeMs`, and the oldest ones beyond `bytesMax`, a bounded number at a time; true when there are more. */
  retain(request: { readonly beforeMs: number; readonly bytesMax: number }): Promise<boolean>;
  close(): Promise<void>;
}
