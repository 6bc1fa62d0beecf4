// This gateway's cache of revoked tokens: read from the core at the start and after a possible loss of events, updated by the bus.

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
  /** Closes the connections whose token was revoked; undefined: any token may have been. */
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
  /** The current attempt to read all; resolves with whether it succeeded. Callers wait for it, because the cache may be incomplete. */
  #attempt: Promise<boolean> | undefined;
  #isStale = true;
  #isRecovering = false;
  #losses = 0;

  constructor(options: RevocationsOptions) {
    this.#options = options;
  }

  /** Resolves when the cache is complete. Rejects when the core cannot be read. */
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
    // After a loss meanwhile, `#recover` clears the flag.
    if (losses === this.#losses) this.#isStale = false;
  }

  stop(): void {
    this.#closing.abort();
    this.#timer?.cancel();
    this.#bus?.detach();
  }

  /** Answers from memory. While the cache may be incomplete, the caller waits until it is read again. */
  check(token: TokenFacts): MaybePromise<Result<unknown>> {
    if (!this.#isStale) return this.#answer(token);
    if (this.#attempt === undefined) return failure.coreUnreachable();
    return this.#attempt.then(() => (this.#isStale ? failure.coreUnreachable() : this.#answer(token)));
  }

  /** Answers from memory alone. */
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

  /** Repeats the read until one succeeds that began after the last loss. */
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
      this.#options.log.warn('revocations not read: retrying', { error });
      return false;
    }
  }

  async #readAll(): Promise<void> {
    for (let after: number | undefined = 0; after !== undefined && !this.#closing.signal.aborted; ) {
      const page = await this.#options.core.revocations({ after, limit: pageSize });
      if (page.type !== 'ok') throw new Error(`the core did not return its revocations: ${page.message}`);
      for (const revocation of page.value.revocations) this.#set.add(revocation);
      after = page.value.next;
    }
  }
}
