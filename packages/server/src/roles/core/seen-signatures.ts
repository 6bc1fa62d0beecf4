// Remembers used signatures, so that recorded requests cannot be replayed.

/** Signatures are grouped by the time of their creation in steps of this length, and forgotten step by step. */
const stepMs = 5_000;
/** Hex digits that identify a signature: 52 bits, which a number represents exactly. */
const digits = 13;

export interface SeenSignaturesOptions {
  /** How much a request may be older or newer than the clock of this server. */
  readonly windowMs: number;
  /** With more signatures in the window, the oldest are forgotten, and requests of their age are refused. */
  readonly rememberedMax: number;
}

export class SeenSignatures {
  readonly #options: SeenSignaturesOptions;
  /** By step of creation, roughly oldest first. */
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

  /** [T10] Remembers a valid signature. `late`: it was created too long ago or in the future. */
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
