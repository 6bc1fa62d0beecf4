// Measures the time from the arrival of a send until its message is sent to its receivers, for one send at a time. A sample of at most
// fifty a second costs little, and gives the same distribution as all sends.

import { Histogram, latencyBoundsS } from '../../../metrics/histogram.ts';

/** Between two measured sends. */
const pauseMs = 20;
/** Then a send is abandoned: it was refused, or its message has no receiver on this gateway. */
const abandonMs = 10_000;

export class SendTrace {
  readonly seconds = new Histogram(latencyBoundsS);
  /** Text that the pushed frame contains; undefined while no send is measured. */
  #mark: string | undefined;
  #isSeen = false;
  #sentMs = 0;
  #idleUntilMs = 0;

  sent(clientMsgId: string, nowMs: number): void {
    if (nowMs < this.#idleUntilMs) return;
    // Other keys are escaped in the frame, so the mark would not match.
    if (!/^[\w-]+$/.test(clientMsgId)) return;
    this.#mark = `"client_msg_id":"${clientMsgId}"`;
    this.#sentMs = nowMs;
    this.#isSeen = false;
    this.#idleUntilMs = nowMs + abandonMs;
  }

  /** A frame was queued for its receivers. */
  queued(frame: string): void {
    if (this.#mark === undefined || this.#isSeen) return;
    this.#isSeen = frame.includes(this.#mark);
  }

  get isSeen(): boolean {
    return this.#isSeen;
  }

  /** The queued frames were sent. */
  flushed(nowMs: number): void {
    if (!this.#isSeen) return;
    this.seconds.observe((nowMs - this.#sentMs) / 1000);
    this.#mark = undefined;
    this.#isSeen = false;
    this.#idleUntilMs = nowMs + pauseMs;
  }
}
