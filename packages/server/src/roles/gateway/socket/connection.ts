// The state of one WebSocket connection, and the frames that are queued for it.

import type { CloseReason } from '@hongyan/protocol/codes';
import type { ConversationId, UserId } from '@hongyan/protocol/ids';
import { fullSinceEver } from '../../../domain/rate.ts';
import type { DeviceCaller } from '../../../ports/core/core.ts';
import type { Topic } from '../../../ports/event-bus/event-bus.ts';
import type { ConnectionSender } from '../sender.ts';
import type { EarlyFrames } from './early-frames.ts';
import type { Interest } from './interest.ts';

export type ConnectionState =
  /** `token` is that of the upgrade request. Only a hello ends this state before the time-out. */
  | { readonly type: 'awaiting_hello'; readonly token: string | undefined; readonly sinceMs: number }
  /** The hello is being authenticated; frames that follow it wait in `early`. */
  | { readonly type: 'checking'; readonly early: EarlyFrames }
  /** The core is opening the session. Frames pushed meanwhile are queued, and sent after the welcome. */
  | {
      readonly type: 'opening';
      readonly early: EarlyFrames;
      readonly caller: DeviceCaller;
      /** Conversations joined (true) and left (false) since the request to the core. */
      readonly changes: Map<ConversationId, boolean>;
    }
  | { readonly type: 'open'; readonly caller: DeviceCaller; readonly expiresAtMs: number }
  /** A close frame was sent. `caller` is set when the core has the session open. */
  | {
      readonly type: 'closing';
      readonly sinceMs: number;
      readonly reason: CloseReason;
      readonly caller: DeviceCaller | undefined;
    }
  | { readonly type: 'closed' };

export interface Upgrade {
  readonly address: string;
  readonly limitKey: string | undefined;
  readonly token: string | undefined;
  readonly nowMs: number;
}

/** Few and small fields: a process may have a hundred thousand. Times are monotonic, so a step of the wall clock makes no peer idle. */
export class Connection implements ConnectionSender {
  readonly address: string;
  readonly limitKey: string | undefined;
  /** Counts the connections of the process, in the order of opening. Identifies this one in the log and in the operators' list. */
  number = 0;
  state: ConnectionState;
  lastHeardMs: number;
  /** Without what was published to topics: the heartbeat may send a needless ping, never one too few. */
  lastSentMs: number;
  /** Requests that are not answered yet. */
  inFlight = 0;
  /** The buckets of refused requests and of pings, see domain/rate.ts. */
  refusalsFullAtMs = fullSinceEver;
  pingsFullAtMs = fullSinceEver;
  /** The client accepts several frames in one message. */
  takesBundles = false;
  /** Queued frames are sent at the end of the event loop's turn. */
  isFlushPending = false;
  /** Events were lost: nothing more is pushed, until the connection is closed and its client reads the timeline. */
  isMuted = false;
  watched: Set<UserId> | undefined;
  /** Set while the session table contains the socket. */
  userTopic: Topic | undefined;
  /** Subscribed topics of conversations and of presence. */
  followed: Interest[] = [];
  /** Subscriptions that are not in force yet. Nothing is sent meanwhile, so that no client learns of a topic too early. */
  #pauses = 0;
  #pending: string[] | undefined;

  constructor({ address, limitKey, token, nowMs }: Upgrade) {
    this.address = address;
    this.limitKey = limitKey;
    this.state = { type: 'awaiting_hello', token, sinceMs: nowMs };
    this.lastHeardMs = nowMs;
    this.lastSentMs = nowMs;
  }

  /** A getter: a field would cost each connection its memory. */
  get type(): 'connection' {
    return 'connection';
  }

  get caller(): DeviceCaller | undefined {
    return this.state.type === 'open' ? this.state.caller : undefined;
  }

  get isOutputPaused(): boolean {
    return this.#pauses > 0 || this.state.type === 'opening';
  }

  /** Each call needs one of `resumeOutput`. */
  pauseOutput(): void {
    this.#pauses++;
  }

  resumeOutput(): void {
    this.#pauses--;
  }

  queue(frame: string): void {
    if (this.#pending) this.#pending.push(frame);
    else this.#pending = [frame];
  }

  get hasQueued(): boolean {
    return this.#pending !== undefined;
  }

  /** The queued frames in order; undefined when there are none. */
  take(): string[] | undefined {
    const frames = this.#pending;
    this.#pending = undefined;
    return frames;
  }
}
