// Signatures that were used: a request that someone recorded is worth nothing a second time.

/** Signatures are kept and dropped by the time they were made, in steps of this. */
const stepMs = 5_000;
/** Hex digits of a signature that tell it from others: 52 bits, as much as a number holds. */
const digits = 13;

export interface SeenSignaturesOptions {
  /** A request may be so much older or newer than this server's clock. */
  readonly windowMs: number;
  /** Of more signatures within the window the oldest are forgotten, and requests as old as those are refused. */
  readonly rememberedMax: number;
}

export class SeenSignatures {
  readonly #options: SeenSignaturesOptions;
  /** By the step in which they were made, oldest first as far as requests came in order. */
  readonly #steps = new Map<number, Set<number>>();
  #count = 0;
  /** Steps up to this one are forgotten. */
  #forgottenStep = -1;

  constructor(options: SeenSignaturesOptions) {
    this.#options = options;
  }

  get count(): number {
    return this.#count;
  }

  /** [T10] Remembers a signature that is right. `late`: it was made too long ago, or in the future. */
  use(
    signature: string,
    { madeAtMs, nowMs }: { readonly madeAtMs: number; readonly nowMs: number },
  ): 'new' | 'used' | 'late' {
    const { windowMs } = this.#options;
    this.#forgetThrough(Math.floor((nowMs - windowMs) / stepMs) - 1);
    const step = Math.floor(madeAtMs / stepMs);
    if (Math.abs(nowMs - madeAtMs) > windowMs || step <= this.#forgottenStep) return 'late';
    const seen = this.#steps.get(step) ?? new Set();
    const key = Number.parseInt(signature.slice(0, digits), 16);
    if (seen.has(key)) return 'used';
    this.#steps.set(step, seen.add(key));
    if (++this.#count > this.#options.rememberedMax) this.#forgetThrough(Math.min(...this.#steps.keys()));
    return 'new';
  }

  #forgetThrough(last: number): void {
    if (last <= this.#forgottenStep) return;
    this.#forgottenStep = last;
    for (const [step, seen] of this.#steps) {
      if (step > last) continue;
      this.#count -= seen.size;
      this.#steps.delete(step);
    }
  }
}
