// Which tokens may no longer be used, as this gateway knows it: read from the core at the start and after any possible loss, kept
// current by the bus.

import type { Clock, Timer } from '@hongyan/base/clock';
import { sleep } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import type { MaybePromise } from '@hongyan/base/maybe-promise';
import { done } from '@hongyan/base/result';
import { failure, type Result, refusal } from '@hongyan/protocol/refusals';
import { type Revocation, RevocationSet, type TokenFacts } from '../../domain/revocation.ts';
import type { GatewayQuestions } from '../../ports/core/core.ts';
import { type BusAttachment, type EventBus, revocationsTopic } from '../../ports/event-bus/event-bus.ts';

export interface RevocationsOptions {
  readonly core: Pick<GatewayQuestions, 'revocations'>;
  readonly bus: EventBus;
  readonly clock: Clock;
  readonly log: Log;
  /** Closes the connections whose token was revoked; undefined = any may have been. */
  readonly onRevoked: (revocations?: readonly Revocation[]) => void;
}

const pageSize = 5_000;
const forgetEveryMs = 60_000;
const retryMs = 500;

export class Revocations {
  readonly #options: RevocationsOptions;
  readonly #set = new RevocationSet();
  readonly #closing = new AbortController();
  #bus: BusAttachment | undefined;
  #timer: Timer | undefined;
  /** The present try to read them all, whether it succeeds; callers wait for it, because an answer from what is known may be wrong. */
  #attempt: Promise<boolean> | undefined;
  #isStale = true;
  #isRecovering = false;
  #losses = 0;

  constructor(options: RevocationsOptions) {
    this.#options = options;
  }

  /** Resolves when all are known. Rejects when the core cannot tell. */
  async start(): Promise<void> {
    const { bus, clock } = this.#options;
    this.#timer = clock.every(forgetEveryMs, () => this.#set.forget(clock.nowMs()));
    this.#bus = bus.attach({
      onEvent: (event) => {
        if (event.type === 'revoked') this.#learn(event.revocations);
      },
      onLoss: (topics) => {
        if (topics === undefined || topics.includes(revocationsTopic)) this.#lost();
      },
    });
    await this.#bus.subscribe([revocationsTopic]);
    const losses = this.#losses;
    await this.#readAll();
    // A loss meanwhile has begun a read of its own, which says when all are known.
    if (losses === this.#losses) this.#isStale = false;
  }

  stop(): void {
    this.#closing.abort();
    this.#timer?.cancel();
    this.#bus?.detach();
  }

  /** From memory, unless some may have been missed: then the caller waits for the core to tell. */
  check(token: TokenFacts): MaybePromise<Result<unknown>> {
    if (!this.#isStale) return this.#answer(token);
    if (this.#attempt === undefined) return failure.coreUnreachable();
    return this.#attempt.then(() => (this.#isStale ? failure.coreUnreachable() : this.#answer(token)));
  }

  /** From memory alone. */
  isKnown(token: TokenFacts): boolean {
    return this.#set.has(token);
  }

  #answer(token: TokenFacts): Result<unknown> {
    return this.#set.has(token) ? refusal.revokedToken() : done;
  }

  #learn(revocations: readonly Revocation[]): void {
    for (const revocation of revocations) this.#set.add(revocation);
    this.#options.onRevoked(revocations);
  }

  #lost(): void {
    this.#losses++;
    this.#isStale = true;
    if (!this.#isRecovering) void this.#recover();
  }

  /** A read that began before the newest loss is not enough. */
  async #recover(): Promise<void> {
    const { clock, onRevoked } = this.#options;
    const { signal } = this.#closing;
    this.#isRecovering = true;
    while (this.#isStale && !signal.aborted) {
      const losses = this.#losses;
      this.#attempt = this.#tryRead();
      const isRead = await this.#attempt;
      this.#attempt = undefined;
      if (isRead) this.#isStale = losses !== this.#losses;
      else await sleep(clock, { delayMs: retryMs, signal });
    }
    this.#isRecovering = false;
    if (!signal.aborted) onRevoked();
  }

  async #tryRead(): Promise<boolean> {
    try {
      await this.#readAll();
      return true;
    } catch (error) {
      this.#options.log.warn('revocations not read: asking again', { error });
      return false;
    }
  }

  async #readAll(): Promise<void> {
    for (let after: number | undefined = 0; after !== undefined && !this.#closing.signal.aborted; ) {
      const page = await this.#options.core.revocations({ after, limit: pageSize });
      if (page.type !== 'ok') throw new Error(`the core did not tell its revocations: ${page.message}`);
      for (const revocation of page.value.revocations) this.#set.add(revocation);
      after = page.value.next;
    }
  }
}
