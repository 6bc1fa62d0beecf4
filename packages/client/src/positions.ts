// Tells the server how far this device has received and read: the newest position only, a few times a second at most.

import type { Clock, Timer } from '@hongyan/base/clock';
import type { ConversationId, Seq } from '@hongyan/protocol/ids';
import type { UpOf } from '@hongyan/protocol/up';
import type { ConversationState } from './conversation-state.ts';

export interface PositionsOptions {
  readonly clock: Clock;
  /** false when it could not leave. */
  readonly post: (frame: UpOf<'delivered'> | UpOf<'read'>) => boolean;
}

/** What comes in between leaves as one frame. */
const delayMs = 40;
/** Frames of one turn: below what a server takes from one connection at once. */
const burstMax = 32;

/** [C5] Receipts have no answer: those told on a connection that was lost are told again on the next. */
export class Positions {
  readonly #options: PositionsOptions;
  readonly #waiting = new Set<ConversationState>();
  readonly #told = new Map<ConversationId, { deliveredSeq: Seq; readSeq: Seq }>();
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
    for (const state of states) if (this.#told.has(state.id)) this.#waiting.add(state);
    this.#told.clear();
    this.#schedule();
  }

  /** After catching up: what the server does not know though it was shown or read here, perhaps in an earlier run. */
  review(states: Iterable<ConversationState>): void {
    for (const state of states) if (state.isReadUntold || state.isDeliveredUntold) this.#waiting.add(state);
    this.#schedule();
  }

  /** Before a connection is closed on purpose: what waits leaves first. */
  flush(): void {
    for (const state of this.#waiting) if (this.#tell(state)) this.#waiting.delete(state);
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
      if (!this.#tell(state)) return;
      this.#waiting.delete(state);
    }
    this.#schedule();
  }

  #tell(state: ConversationState): boolean {
    const told = this.#told.get(state.id) ?? { deliveredSeq: 0 as Seq, readSeq: 0 as Seq };
    const { id: conversation_id, shownSeq, readSeq } = state;
    if (state.isReadUntold && readSeq > told.readSeq) {
      if (!this.#options.post({ type: 'read', conversation_id, seq: readSeq })) return false;
      told.readSeq = readSeq;
      told.deliveredSeq = readSeq > told.deliveredSeq ? readSeq : told.deliveredSeq;
    }
    if (shownSeq > told.deliveredSeq) {
      if (!this.#options.post({ type: 'delivered', conversation_id, seq: shownSeq })) return false;
      told.deliveredSeq = shownSeq;
    }
    this.#told.set(state.id, told);
    return true;
  }
}
