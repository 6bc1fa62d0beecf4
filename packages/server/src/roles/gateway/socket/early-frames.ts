// What a client sends between its hello and the welcome: it waits here, in its order.

export interface EarlyFramesLimits {
  readonly inFlightMax: number;
  readonly frameBytesMax: number;
}

/** Frames of the greatest length: nobody knows yet who sends them, so that all together take no more than these. */
const greatestMax = 4;

export class EarlyFrames {
  readonly #limits: EarlyFramesLimits;
  readonly #texts: string[] = [];
  #length = 0;

  constructor(limits: EarlyFramesLimits) {
    this.#limits = limits;
  }

  get texts(): readonly string[] {
    return this.#texts;
  }

  /** false: there is no room for it. */
  add(text: string): boolean {
    const { inFlightMax, frameBytesMax } = this.#limits;
    if (this.#texts.length >= inFlightMax || this.#length + text.length > greatestMax * frameBytesMax) return false;
    this.#texts.push(text);
    this.#length += text.length;
    return true;
  }
}
