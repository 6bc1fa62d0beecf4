// Buffers the frames that a client sends between its hello and the welcome, in order.

export interface EarlyFramesLimits {
  readonly inFlightMax: number;
  readonly frameBytesMax: number;
}

/** Bounds the buffer, in frames of maximum size: its sender may not be authenticated yet. */
const maximumSizeFramesMax = 4;

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

  /** Returns false, and drops the frame, when the buffer is full. */
  add(text: string): boolean {
    const { inFlightMax, frameBytesMax } = this.#limits;
    if (this.#texts.length >= inFlightMax || this.#length + text.length > maximumSizeFramesMax * frameBytesMax)
      return false;
    this.#texts.push(text);
    this.#length += text.length;
    return true;
  }
}
