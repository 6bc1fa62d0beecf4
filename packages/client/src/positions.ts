// Reports to the server how far this device has received and read: the newest position only, a few times a second at most.

import type { Clock, Timer } from '@hongyan/base/clock';
import type { ConversationId, Seq } from '@hongyan/protocol/ids';
import type { Position } from '@hongyan/protocol/status';
import type { UpOf } from '@hongyan/protocol/up';
import type { ConversationState } from './conversation-state.ts';
import { later } from './member-positions.ts';

export interface PositionsOptions {
  readonly clock: Clock;
  /** false when it could not leave. */
  readonly post: (frame: UpOf<'delivered'> | UpOf<'read'>) => boolean;
}

/** Positions that change within this time leave together. */
const delayMs = 40;
/** Frames of one turn: below what a server takes from one connection at once. */
const burstMax = 32;
const nothing: Position = { deliveredSeq: 0 as Seq, readSeq: 0 as Seq };

/** [C5] Receipts have no answer: those of a connection that was lost are reported again on the next. */
export class Positions {
  readonly #options: PositionsOptions;
  readonly #waiting = new Set<ConversationState>();
  /** On this connection. */
  readonly #reported = new Map<ConversationId, Position>();
  /** Read positions of an earlier connection: the server may have lost them with its power [D9]. */
  readonly #unsure = new Set<ConversationId>();
  #timer: Timer | undefined;
  #isConnected = false;

  constructor(options: PositionsOptions) {
    this.#options = options;
  }

  moved(state: ConversationState): void {
    this.#waiting.add(state);
    this.#schedule();
  }

  connected(states: Iterable<ConversationState>): void {
    this.#isConnected = true;
    for (const state of states) {
      const before = this.#reported.get(state.id);
      if (!before) continue;
      this.#waiting.add(state);
      if (before.readSeq > 0) this.#unsure.add(state.id);
    }
    this.#reported.clear();
    this.#schedule();
  }

  /** After catching up: positions of this device that the server does not have, from an earlier run or lost by the server [D9]. */
  review(states: Iterable<ConversationState>): void {
    for (const state of states) {
      if (!state.isReadUnreported && !state.isDeliveredUnreported) continue;
      // What sync answered is newer than what this connection reported before it.
      this.#reported.delete(state.id);
      this.#waiting.add(state);
    }
    this.#schedule();
  }

  /** Before the client closes the connection: what waits leaves first. */
  flush(): void {
    for (const state of this.#waiting) if (this.#report(state)) this.#waiting.delete(state);
  }

  disconnected(): void {
    this.#isConnected = false;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #schedule(): void {
    if (!this.#isConnected || this.#timer || this.#waiting.size === 0) return;
    this.#timer = this.#options.clock.after(delayMs, () => {
      this.#timer = undefined;
      this.#burst();
    });
  }

  #burst(): void {
    let count = 0;
    for (const state of this.#waiting) {
      if (count++ >= burstMax) break;
      if (!this.#report(state)) return;
      this.#waiting.delete(state);
    }
    this.#schedule();
  }

  /** Nothing leaves while it is in doubt that the seqs are those of the server's store. */
  #report(state: ConversationState): boolean {
    if (state.isDoubted) return true;
    const { post } = this.#options;
    const { id: conversation_id, shownSeq, readSeq } = state;
    let { deliveredSeq, readSeq: reportedReadSeq } = this.#reported.get(conversation_id) ?? nothing;
    const isReadDue = state.isReadUnreported || this.#unsure.has(conversation_id);
    if (isReadDue && readSeq > reportedReadSeq) {
      if (!post({ type: 'read', conversation_id, seq: readSeq })) return false;
      this.#unsure.delete(conversation_id);
      reportedReadSeq = readSeq;
      deliveredSeq = later(deliveredSeq, readSeq);
    }
    if (shownSeq > deliveredSeq) {
      if (!post({ type: 'delivered', conversation_id, seq: shownSeq })) return false;
      deliveredSeq = shownSeq;
    }
    this.#reported.set(conversation_id, { deliveredSeq, readSeq: reportedReadSeq });
    return true;
  }
}
