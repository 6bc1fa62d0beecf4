// Follows one send at a time from its arrival to the moment its message leaves to its receivers. Following each would cost more than
// the figure is worth: some fifty a second say the same.

import { Histogram, latencyBoundsS } from '../../../metrics/histogram.ts';

/** Between two sends that are followed. */
const pauseMs = 20;
/** A send whose message never comes by here, because it was refused or its sender is elsewhere, is given up. */
const patienceMs = 10_000;

export class SendTrace {
  readonly seconds = new Histogram(latencyBoundsS);
  /** What the pushed frame contains; undefined while no send is followed. */
  #mark: string | undefined;
  #isSeen = false;
  #sentMs = 0;
  #idleUntilMs = 0;

  sent(clientMsgId: string, nowMs: number): void {
    if (nowMs < this.#idleUntilMs) return;
    // Others are escaped in the frame, and so not found there.
    if (!/^[\w-]+$/.test(clientMsgId)) return;
    this.#mark = `"client_msg_id":"${clientMsgId}"`;
    this.#sentMs = nowMs;
    this.#isSeen = false;
    this.#idleUntilMs = nowMs + patienceMs;
  }

  /** A frame was queued to leave. */
  queued(frame: string): void {
    if (this.#mark === undefined || this.#isSeen) return;
    this.#isSeen = frame.includes(this.#mark);
  }

  get isSeen(): boolean {
    return this.#isSeen;
  }

  /** What was queued has left. */
  left(nowMs: number): void {
    if (!this.#isSeen) return;
    this.seconds.observe((nowMs - this.#sentMs) / 1000);
    this.#mark = undefined;
    this.#isSeen = false;
    this.#idleUntilMs = nowMs + pauseMs;
  }
}
