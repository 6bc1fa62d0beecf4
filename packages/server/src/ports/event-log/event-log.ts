// The event-log port: all events for consumers outside the server, in one order with one position [W1]. It is written from the
// feed of the timeline, from receipts and from presence, and read by webhooks and GET /v1/events.

import { StoreFailure } from '@hongyan/base/result';
import type { EventType } from '@hongyan/protocol/events';
import type { ConversationId, Seq, UserId } from '@hongyan/protocol/ids';
import type { Position } from '../../domain/position.ts';
import type { Claims } from './claims.ts';
import type { Webhooks } from './webhooks.ts';

export type { Position };

/** One event to append. */
export interface NewEvent {
  /** Deterministic: an event that is appended again after a crash has the same id. */
  readonly id: string;
  readonly type: EventType;
  /** When the event happened, Unix ms. */
  readonly atMs: number;
  /** The ordering key: the conversation, the user or the device. Events of one lane are delivered in their order. */
  readonly lane: string;
  /** The seq of the entry whose content is read from the timeline when the event is sent. The log stores no message text [E5]. */
  readonly seq?: Seq | undefined;
  /** The remaining fields of `data`. */
  readonly dataJson: string;
}

export interface StoredEvent extends NewEvent {
  readonly position: number;
}

export interface EventPage {
  readonly events: readonly StoredEvent[];
  /** The read scanned all events up to this position. */
  readonly position: number;
  readonly isAtEnd: boolean;
  /** Retention removed events after the requested position before they were read [W2]. */
  readonly hasGap: boolean;
}

/** The positions of a member, as a device reported them. */
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
  /** Events up to this position were removed. */
  readonly removedThrough: number;
  readonly end: number;
  /** When the oldest retained event happened, Unix ms; undefined when there is none. */
  readonly oldestMs: number | undefined;
  /** The approximate size of the retained events. */
  readonly bytes: number;
}

/** Another process moved the feed position. Nothing was stored. The recorder continues at `feedPosition`. */
export class FeedMoved extends StoreFailure {
  override readonly name = 'FeedMoved';
  constructor() {
    super('unavailable', 'another process records the events of the feed: it moved the feed position');
  }
}

/**
 * An append-only log with retention. Several processes may have it open if the adapter says so.
 *
 * Durability: a resolved `append` MUST survive kill -9 and a loss of power, and no read may return its events earlier.
 *
 * Atomicity: an append stores its events and its `feedPosition` together or not at all. A rejected write stored nothing, unless its
 * StoreFailure has the code unknown_outcome.
 *
 * Order: positions MUST only grow, also after all events were removed. An event MUST NOT become visible after one with a higher
 * position.
 *
 * Fencing: an append with a `feedPosition` MUST reject with FeedMoved when another process moved the feed position after this
 * process last read or wrote it. So a recorder that was paused stores nothing late.
 *
 * Failure: failures of the environment reject with StoreFailure. The log does not retry. A caller that appends again may repeat
 * events, with the same ids.
 */
export interface EventLog extends Webhooks, Claims {
  /** Identifies the store. Positions of another store are void. */
  readonly epoch: string;
  append(batch: { readonly events: readonly NewEvent[]; readonly feedPosition?: Position | undefined }): Promise<void>;
  /** Whether there is a feed position. For processes that do not move it. */
  isRecording(): Promise<boolean>;
  /** Starts recording at this position of the feed. Changes nothing when recording has begun before. */
  beginRecording(feedPosition: Position): Promise<void>;
  /** Stops recording: later changes do not become events. Changes nothing while an endpoint exists. */
  endRecording(): Promise<void>;
  /** The position through which the feed was recorded; undefined while not recording. For the process that moves it. */
  feedPosition(): Promise<Position | undefined>;
  /**
   * Stores the maxima of the stored and the reported positions [D7]. MUST survive kill -9. A loss of power MAY undo the newest
   * ones, which devices report again. The next `appendPositionEvents` appends events for the positions that moved.
   */
  recordPositions(batch: readonly ReportedPosition[]): Promise<void>;
  /** Appends message.delivered and message.read for up to `limit` members whose positions moved. false when there were none. */
  appendPositionEvents(request: { readonly atMs: number; readonly limit: number }): Promise<boolean>;
  /** Appends user.online and user.offline for users whose last appended presence differs. `run` identifies this run of the process. */
  recordPresence(batch: readonly PresenceChange[], run: string): Promise<void>;
  /** Users whose last appended presence is online, ascending by id. */
  reportedOnline(request: { readonly after?: UserId | undefined; readonly limit: number }): Promise<readonly UserId[]>;
  /** Events after `after`, only of the given types if any. Scans a bounded number of events, so a page may be empty before the end. */
  read(request: {
    readonly after: number;
    readonly limit: number;
    readonly types?: readonly EventType[] | undefined;
  }): Promise<EventPage>;
  /** undefined when the event was removed. */
  at(position: number): Promise<StoredEvent | undefined>;
  ends(): Promise<Ends>;
  /** Resolves when an event is appended after `after`, or when `signal` aborts. */
  wait(request: { readonly after: number; readonly signal: AbortSignal }): Promise<void>;
  /**
   * Removes events that happened before `beforeMs`, and the oldest events beyond `bytesMax`. Each call removes a bounded number; true
   * when more are to be removed.
   */
  retain(request: { readonly beforeMs: number; readonly bytesMax: number }): Promise<boolean>;
  close(): Promise<void>;
}
