// The rate limiter of several processes: buckets in Redis, and leases for frequent users, so that most of their draws take no round trip.
// While Redis is unavailable each process decides by its local knowledge.

import type { Clock, Timer } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import type { RedisClient } from '../../adapters/redis/redis-client.ts';
import { type Rate, type Taken, takeFrom } from '../../domain/rate.ts';
import type { Draw, RateLimiter } from './rate-limiter.ts';
import { drawScript } from './redis/draw-script.ts';
import { LocalBucket } from './redis/local-bucket.ts';

export interface RedisRateLimiterOptions {
  readonly client: RedisClient;
  readonly clock: Clock;
  readonly log: Log;
  /** Separates the keys of different limiters. */
  readonly name: string;
  /** Identifies this run of the process and its leases. */
  readonly holder: string;
  /**
   * The maximum number of buckets that this process caches. Beyond it each draw of another key is a round trip. A bucket takes about 300
   * bytes.
   */
  readonly bucketsMax: number;
  /** For tests. Default: the time of Redis, which all processes share. */
  readonly wallClock?: Pick<Clock, 'nowMs'>;
  /** For measurements: false makes every draw a round trip. */
  readonly hasLeases?: boolean;
}

/** The time in which a process uses a lease. The lease lives longer in Redis, so that it is returned before it expires there. */
const leaseMs = 1_000;
const leaseMsInRedis = 3_000;
const sweepMs = 200;
/** The maximum number of buckets that a sweep checks for eviction. */
const sweptMax = 500;
/** After this time without an answer the process decides by itself. */
const answerWithinMs = 250;
/** The maximum number of waiting draws per bucket. Further ones are rejected at once, before the waiting ones are decided. */
const waitingMax = 2_000;
const tooMany: Taken = { type: 'refused', retryAfterMs: answerWithinMs, remaining: 0, fullInMs: answerWithinMs };
/** The time for which the process decides alone before one draw tries Redis again. */
const aloneMs = 1_000;

export class RedisRateLimiter implements RateLimiter {
  readonly #options: RedisRateLimiterOptions;
  readonly #buckets = new Map<string, LocalBucket>();
  /** The buckets with a lease, in the order in which the leases end. */
  readonly #leased = new Map<string, LocalBucket>();
  readonly #timer: Timer;
  /** Set while Redis is unavailable. */
  #aloneUntilMs: number | undefined;
  #isProbing = false;
  questionCount = 0;

  constructor(options: RedisRateLimiterOptions) {
    this.#options = options;
    this.#timer = options.clock.every(sweepMs, () => this.#sweep());
  }

  draw(draw: Draw): Taken | Promise<Taken> {
    const nowMs = this.#options.clock.monotonicMs();
    const bucket = this.#buckets.get(draw.key) ?? this.#newBucket(draw.key);
    if (!bucket.isRequesting) {
      const decided = bucket.decide(draw, nowMs);
      if (decided !== undefined) return decided;
      if (this.#mustDecideAlone(nowMs)) return bucket.decideAlone(draw, nowMs);
    }
    if (bucket.waiting.length >= waitingMax) return tooMany;
    return new Promise((resolve) => {
      bucket.waiting.push({ draw, resolve });
      if (!bucket.isRequesting) void this.#request(draw.key, bucket);
    });
  }

  /** The number of buckets in memory. */
  get size(): number {
    return this.#buckets.size;
  }

  /** Redis is unavailable, and this process decides alone. */
  get isAlone(): boolean {
    return this.#aloneUntilMs !== undefined;
  }

  /** Stops without returning the leases. */
  stop(): void {
    this.#timer.cancel();
  }

  /** Returns all leases. */
  async close(): Promise<void> {
    this.stop();
    await Promise.all([...this.#leased].map(([key, bucket]) => this.#returnLease(key, bucket)));
  }

  #newBucket(key: string): LocalBucket {
    const bucket = new LocalBucket();
    if (this.#buckets.size < this.#options.bucketsMax) this.#buckets.set(key, bucket);
    return bucket;
  }

  /** true while Redis is unavailable, except for one draw from time to time, which tries Redis again. */
  #mustDecideAlone(nowMs: number): boolean {
    if (this.#aloneUntilMs === undefined) return false;
    if (nowMs < this.#aloneUntilMs || this.#isProbing) return true;
    this.#isProbing = true;
    return false;
  }

  /** Sends one request at a time per bucket. The draws that arrive meanwhile share the next one. */
  async #request(key: string, bucket: LocalBucket): Promise<void> {
    bucket.isRequesting = true;
    // Draws of one turn of the event loop share a request.
    await Promise.resolve();
    while (bucket.waiting.length > 0) {
      const batch = bucket.waiting.splice(0);
      const takens = await this.#decide(
        key,
        bucket,
        batch.map(({ draw }) => draw),
      );
      for (const [index, { resolve }] of batch.entries()) resolve(takens[index] as Taken);
    }
    bucket.isRequesting = false;
  }

  async #decide(key: string, bucket: LocalBucket, draws: readonly Draw[]): Promise<readonly Taken[]> {
    const { clock, log } = this.#options;
    const last = draws.at(-1)?.rate;
    const wanted = last && (this.#options.hasLeases ?? true) ? bucket.wantedUnits(last, clock.monotonicMs()) : 0;
    try {
      const answer = await this.#question(key, { bucket, draws, wanted });
      this.#isBack();
      return answer;
    } catch (error) {
      if (this.#aloneUntilMs === undefined) log.warn('redis unavailable: this process decides limits alone', { error });
      bucket.stopLeasing();
      this.#isProbing = false;
      this.#aloneUntilMs = clock.monotonicMs() + aloneMs;
      return draws.map((draw) => bucket.decideAlone(draw, clock.monotonicMs()));
    }
  }

  async #question(
    key: string,
    {
      bucket,
      draws,
      wanted,
    }: { readonly bucket: LocalBucket; readonly draws: readonly Draw[]; readonly wanted: number },
  ): Promise<readonly Taken[]> {
    const { client, clock, wallClock, holder, name } = this.#options;
    const requestedAtMs = clock.monotonicMs();
    const unusedMs = bucket.returnLease(requestedAtMs);
    this.#leased.delete(key);
    this.questionCount++;
    const answer = client.eval(drawScript, {
      keys: [client.key(`rate:${name}:${key}`)],
      args: [
        ...[wallClock?.nowMs() ?? '', holder, leaseMsInRedis, unusedMs, bucket.chargeMs(requestedAtMs), wanted],
        ...draws.flatMap(({ cost, rate: { perS, burst } }) => [cost, perS, burst]),
      ],
    });
    const [units, fullIn, leased, ...decided] = (await this.#inTime(answer)) as readonly [number, ...string[]];
    bucket.applyAnswer(
      { leasedUnits: units, fullInMs: Number(fullIn), leasedMs: Number(leased) },
      { rate: draws.at(-1)?.rate, nowMs: clock.monotonicMs(), untilMs: requestedAtMs + leaseMs },
    );
    if (units > 0) this.#leased.set(key, bucket);
    return draws.map(({ rate }, index) =>
      takenOf(rate, { waitMs: Number(decided[index * 2]), fullInMs: Number(decided[index * 2 + 1]) }),
    );
  }

  #inTime<T>(answer: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const late = this.#options.clock.after(answerWithinMs, () => reject(new Error('Redis did not answer in time')));
      answer.then(resolve, reject).finally(() => late.cancel());
    });
  }

  #isBack(): void {
    this.#isProbing = false;
    if (this.#aloneUntilMs === undefined) return;
    this.#aloneUntilMs = undefined;
    this.#options.log.info('redis available again: limits are shared');
  }

  #sweep(): void {
    const nowMs = this.#options.clock.monotonicMs();
    for (const [key, bucket] of this.#leased) {
      if (bucket.leaseUntilMs - sweepMs > nowMs) break;
      bucket.stopLeasing();
      void this.#returnLease(key, bucket);
    }
    let looked = 0;
    for (const [key, bucket] of this.#buckets) {
      if (looked++ >= sweptMax) break;
      this.#buckets.delete(key);
      if (!bucket.isIdle(nowMs)) this.#buckets.set(key, bucket);
    }
  }

  /** A lost return counts as used. */
  async #returnLease(key: string, bucket: LocalBucket): Promise<void> {
    this.#leased.delete(key);
    if (bucket.isRequesting || !bucket.hasLease) return;
    bucket.isRequesting = true;
    await this.#question(key, { bucket, draws: [], wanted: 0 }).catch(() => undefined);
    bucket.isRequesting = false;
    if (bucket.waiting.length > 0) void this.#request(key, bucket);
  }
}

/** Uses the arithmetic of domain/rate.ts. */
function takenOf(rate: Rate, { waitMs, fullInMs }: { readonly waitMs: number; readonly fullInMs: number }): Taken {
  const { remaining } = takeFrom(fullInMs, { rate, cost: 0, nowMs: 0 }).taken;
  if (waitMs > 0) return { type: 'refused', retryAfterMs: waitMs, remaining, fullInMs };
  return { type: 'taken', remaining, fullInMs };
}
