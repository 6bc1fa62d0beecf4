// One WebSocket on the server's side: its state, and the frames waiting to leave together.

import type { CloseReason } from '@hongyan/protocol/codes';
import type { ConversationId, UserId } from '@hongyan/protocol/ids';
import { fullSinceEver } from '../../../domain/rate.ts';
import type { DeviceCaller } from '../../../ports/core/core.ts';
import type { Topic } from '../../../ports/event-bus/event-bus.ts';
import type { Sender } from '../pipeline.ts';
import type { EarlyFrames } from './early-frames.ts';
import type { Interest } from './interest.ts';

export type ConnectionState =
  /** `token` came with the upgrade request. Nothing but a hello ends this state in time. */
  | { readonly type: 'awaiting_hello'; readonly token: string | undefined; readonly sinceMs: number }
  /** The hello's token is being verified; frames that closely follow the hello wait in `early`. */
  | { readonly type: 'checking'; readonly early: EarlyFrames }
  /** The core is asked to open the session. Frames pushed meanwhile are queued, and leave after the welcome. */
  | {
      readonly type: 'opening';
      readonly early: EarlyFrames;
      readonly caller: DeviceCaller;
      /** Conversations joined (true) and left (false) since the core was asked. */
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
  readonly limitKey?: string | undefined;
  readonly token: string | undefined;
  readonly nowMs: number;
}

/** Kept small: there may be a hundred thousand. Times are monotonic: a step of the wall clock makes no peer silent. */
export class Connection implements Sender {
  readonly address: string;
  readonly limitKey: string | undefined;
  /** Of its process, in the order of opening: names it in the log, and where operators list connections. */
  number = 0;
  state: ConnectionState;
  lastHeardMs: number;
  /** Topic publishes do not count: the heartbeat may then send a ping that was not needed, never one too few. */
  lastSentMs: number;
  /** Requests whose answer has not left yet. */
  inFlight = 0;
  /** Buckets of what the connection was refused and of its pings, see domain/rate.ts. */
  refusalsFullAtMs = fullSinceEver;
  pingsFullAtMs = fullSinceEver;
  /** Several frames may leave as one message. */
  takesBundles = false;
  /** What is queued leaves at the end of the turn. */
  isLeaving = false;
  /** Something is missing: nothing is pushed to it until it is closed and comes back. */
  isMuted = false;
  watched: Set<UserId> | undefined;
  /** Set while the session table has the socket. */
  userTopic: Topic | undefined;
  /** Topics of conversations and of presence that the socket is subscribed to. */
  followed: Interest[] = [];
  /** Subscriptions that are not in force yet: until then nothing leaves, so that no client learns of a topic too early. */
  #holds = 0;
  #pending: string[] | undefined;

  constructor({ address, limitKey, token, nowMs }: Upgrade) {
    this.address = address;
    this.limitKey = limitKey;
    this.state = { type: 'awaiting_hello', token, sinceMs: nowMs };
    this.lastHeardMs = nowMs;
    this.lastSentMs = nowMs;
  }

  get flight(): this {
    return this;
  }

  get caller(): DeviceCaller | undefined {
    return this.state.type === 'open' ? this.state.caller : undefined;
  }

  get isHeld(): boolean {
    return this.#holds > 0 || this.state.type === 'opening';
  }

  hold(): void {
    this.#holds++;
  }

  unhold(): void {
    this.#holds--;
  }

  queue(frame: string): void {
    if (this.#pending) this.#pending.push(frame);
    else this.#pending = [frame];
  }

  get hasQueued(): boolean {
    return this.#pending !== undefined;
  }

  /** Everything queued, in order, or undefined. */
  take(): string[] | undefined {
    const frames = this.#pending;
    this.#pending = undefined;
    return frames;
  }
}
