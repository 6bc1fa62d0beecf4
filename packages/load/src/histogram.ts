// A latency histogram in constant memory: log-linear buckets, at most 3.1 % wide, so that recording costs a few nanoseconds.

const subBits = 6;
const subCount = 1 << subBits;
/** Microseconds up to 2^36 (19 hours); longer ones count in the last bucket. */
const bucketCount = (36 - subBits + 1) * subCount;

export interface HistogramData {
  readonly counts: readonly (readonly [bucket: number, count: number])[];
  readonly maxUs: number;
}

export interface Quantiles {
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
}

export class Histogram {
  readonly #counts = new Float64Array(bucketCount);
  #count = 0;
  #maxUs = 0;

  recordMs(ms: number): void {
    const us = Math.max(0, Math.round(ms * 1000));
    const bucket = Math.min(bucketOf(us), bucketCount - 1);
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#count++;
    if (us > this.#maxUs) this.#maxUs = us;
  }

  add({ counts, maxUs }: HistogramData): void {
    for (const [bucket, count] of counts) {
      this.#counts[bucket] = (this.#counts[bucket] ?? 0) + count;
      this.#count += count;
    }
    this.#maxUs = Math.max(this.#maxUs, maxUs);
  }

  /** Sparse, for the way between processes. */
  data(): HistogramData {
    return { counts: [...this.#counts.entries()].filter(([, count]) => count > 0), maxUs: this.#maxUs };
  }

  quantiles(): Quantiles {
    return {
      count: this.#count,
      p50Ms: this.#at(0.5),
      p99Ms: this.#at(0.99),
      p999Ms: this.#at(0.999),
      maxMs: this.#maxUs / 1000,
    };
  }

  #at(quantile: number): number {
    let left = Math.ceil(this.#count * quantile);
    if (left === 0) return 0;
    for (const [bucket, count] of this.#counts.entries()) {
      left -= count;
      if (left <= 0) return Math.min(upperUs(bucket), this.#maxUs) / 1000;
    }
    return this.#maxUs / 1000;
  }
}

/** Below 64 µs a bucket is one microsecond; above, each doubling has 64 / 2 buckets of equal width. */
function bucketOf(us: number): number {
  if (us < subCount) return us;
  const shift = 31 - Math.clz32(Math.min(us, 0x7fffffff)) - subBits + 1;
  return shift * (subCount / 2) + Math.floor(us / 2 ** shift);
}

function upperUs(bucket: number): number {
  if (bucket < subCount) return bucket;
  const shift = Math.floor((bucket - subCount / 2) / (subCount / 2));
  const within = bucket - shift * (subCount / 2);
  return (within + 1) * 2 ** shift - 1;
}
