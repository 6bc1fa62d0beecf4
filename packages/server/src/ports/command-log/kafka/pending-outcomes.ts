// Commands that were submitted here and are not answered yet: bounded, in all and per user, and each with a deadline.

import type { Clock, Timer } from '@hongyan/base/clock';
import { TransientMap } from '@hongyan/base/transient-map';
import type { ClientMsgId, ConversationId, UserId } from '@hongyan/protocol/ids';
import { failure, type Result } from '@hongyan/protocol/refusals';
import type { CommandOutcome } from '../command-log.ts';

type Outcome = Result<CommandOutcome>;

export interface PendingOutcomesOptions {
  /** Commands not answered yet; further ones are refused. */
  readonly max: number;
  readonly perUserMax: number;
  /** A command without an outcome for so long is answered: as one whose outcome is unknown, or, when it has not left yet, as unavailable. */
  readonly timeoutMs: number;
  /** Each once: the log has accepted them, and their outcomes take longer than a moment. */
  readonly onLate: (commands: readonly SubmittedKey[]) => void;
  readonly clock: Clock;
}

export interface SubmittedKey {
  readonly conversationId: ConversationId;
  readonly from: UserId;
  /** A change of a conversation has none. */
  readonly clientMsgId?: ClientMsgId;
}

interface Pending extends SubmittedKey {
  readonly dueMs: number;
  readonly resolve: (outcome: Outcome) => void;
  /** late: the log has it, and its sender was told so. */
  stage: 'waiting' | 'left' | 'accepted' | 'late';
  /** Its outcome may have been lost: it is answered soon. */
  isDoubtful: boolean;
}

/** Where a commit takes no longer nobody has to be told that the log holds the command. */
const lateMs = 300;
/** Outcomes that are on their way when a loss is reported still come within that. */
const doubtMs = 1_000;

export class PendingOutcomes {
  readonly #options: PendingOutcomesOptions;
  /** In the order submitted, which is that of the deadlines. */
  readonly #pending = new TransientMap<string, Pending>();
  readonly #ofUsers = new TransientMap<UserId, { count: number }>();
  #timer: Timer | undefined;
  #lateTimer: Timer | undefined;
  #drained: PromiseWithResolvers<void> | undefined;

  constructor(options: PendingOutcomesOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#pending.size;
  }

  /** undefined at the bounds. */
  open(id: string, { conversationId, from, clientMsgId }: SubmittedKey): Promise<Outcome> | undefined {
    const { max, perUserMax, timeoutMs, clock } = this.#options;
    const ofUser = this.#ofUsers.get(from) ?? { count: 0 };
    if (this.#pending.size >= max || ofUser.count >= perUserMax) return undefined;
    if (ofUser.count++ === 0) this.#ofUsers.set(from, ofUser);
    return new Promise((resolve) => {
      const dueMs = clock.monotonicMs() + timeoutMs;
      this.#pending.set(id, { conversationId, from, clientMsgId, dueMs, resolve, stage: 'waiting', isDoubtful: false });
      this.#timer ??= clock.after(timeoutMs, () => this.#expire());
    });
  }

  /** Called right before it leaves for the log. false: it was answered already, and must not leave. */
  leaves(id: string): boolean {
    const pending = this.#pending.get(id);
    // Its timer may be late, as this process may be.
    if (pending === undefined || pending.dueMs <= this.#options.clock.monotonicMs()) return false;
    pending.stage = 'left';
    return true;
  }

  /** The log has it. */
  accepted(id: string): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    pending.stage = 'accepted';
    this.#lateTimer ??= this.#options.clock.after(lateMs, () => this.#look());
  }

  /**
   * [K11] Outcomes may have been lost on their way here. The commands that have left by now are answered a moment later, so that they
   * are asked for again; those that have not get their outcomes after the loss.
   */
  mayHaveLost(): void {
    const doubtful: string[] = [];
    for (const [id, pending] of this.#pending) {
      if (pending.stage === 'waiting' || pending.isDoubtful) continue;
      pending.isDoubtful = true;
      doubtful.push(id);
    }
    if (doubtful.length === 0) return;
    this.#options.clock.after(doubtMs, () => {
      for (const id of doubtful) this.settle(id, failure.unknownOutcome());
    });
  }

  /** One that is not pending is answered already, or was asked for in an earlier life of the process. */
  settle(id: string, outcome: Outcome): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    this.#pending.delete(id);
    const ofUser = this.#ofUsers.get(pending.from);
    if (ofUser && --ofUser.count === 0) this.#ofUsers.delete(pending.from);
    pending.resolve(outcome);
    if (this.#pending.size === 0) this.#drained?.resolve();
  }

  /** Resolves when all are answered. */
  drain(): Promise<void> {
    this.#drained ??= Promise.withResolvers<void>();
    if (this.#pending.size === 0) this.#drained.resolve();
    return this.#drained.promise;
  }

  /** Looks at those alone that are old enough: usually none. */
  #look(): void {
    const { clock, timeoutMs, onLate } = this.#options;
    const dueFromMs = clock.monotonicMs() - lateMs + timeoutMs;
    this.#lateTimer = this.#pending.size === 0 ? undefined : clock.after(lateMs, () => this.#look());
    const late: SubmittedKey[] = [];
    for (const pending of this.#pending.values()) {
      if (pending.dueMs > dueFromMs) break;
      if (pending.stage !== 'accepted') continue;
      pending.stage = 'late';
      late.push(pending);
    }
    if (late.length > 0) onLate(late);
  }

  #expire(): void {
    const { clock } = this.#options;
    const nowMs = clock.monotonicMs();
    this.#timer = undefined;
    for (const [id, { dueMs, stage }] of this.#pending) {
      if (dueMs > nowMs) {
        this.#timer = clock.after(dueMs - nowMs, () => this.#expire());
        return;
      }
      this.settle(id, stage === 'waiting' ? failure.unavailable() : failure.unknownOutcome());
    }
  }
}
