// Submitted commands that wait for their outcome: limited in total and per user, each with a deadline.

import type { Clock, Timer } from '@hongyan/base/clock';
import { TransientMap } from '@hongyan/base/transient-map';
import type { ClientMsgId, ConversationId, UserId } from '@hongyan/protocol/ids';
import { failure, type Result } from '@hongyan/protocol/refusals';
import type { CommandOutcome } from '../command-log.ts';

type Outcome = Result<CommandOutcome>;

export interface PendingOutcomesOptions {
  /** Commands without an outcome; further ones are refused. */
  readonly max: number;
  readonly perUserMax: number;
  /** A command without an outcome for this long fails: as unavailable if it was not sent yet, otherwise as `unknown_outcome`. */
  readonly timeoutMs: number;
  /** Called once per command that the log has accepted and that has no outcome after a short time. */
  readonly onLate: (commands: readonly SubmittedKey[]) => void;
  readonly clock: Clock;
}

export interface SubmittedKey {
  readonly conversationId: ConversationId;
  readonly from: UserId;
  /** Changes of a conversation have none. */
  readonly clientMsgId?: ClientMsgId;
}

interface Pending extends SubmittedKey {
  readonly dueMs: number;
  readonly resolve: (outcome: Outcome) => void;
  /** `late`: the log has accepted the command, and `onLate` was called for it. */
  stage: 'waiting' | 'sent' | 'accepted' | 'late';
  /** The outcome may be lost: the command will soon fail as `unknown_outcome`. */
  isDoubtful: boolean;
}

/** Commits that take longer are reported to `onLate`. */
const lateMs = 300;
/** Outcomes in flight when a loss is reported arrive within this time. */
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

  /** undefined: a limit is reached. */
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

  /** Called immediately before the command is sent to the log. false: it has an outcome already and must not be sent. */
  leaves(id: string): boolean {
    const pending = this.#pending.get(id);
    // The timer may be late if the process was paused.
    if (pending === undefined || pending.dueMs <= this.#options.clock.monotonicMs()) return false;
    pending.stage = 'sent';
    return true;
  }

  /** The log has accepted the command. */
  accepted(id: string): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    pending.stage = 'accepted';
    this.#lateTimer ??= this.#options.clock.after(lateMs, () => this.#reportLate());
  }

  /**
   * [K11] Outcomes may have been lost. Commands that were sent before this call fail soon as `unknown_outcome`, so that clients query or
   * repeat them. Outcomes of commands sent later are not affected.
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

  /** Ignores a command that is not pending: it has an outcome already, or is from an earlier start of the process. */
  settle(id: string, outcome: Outcome): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    this.#pending.delete(id);
    const ofUser = this.#ofUsers.get(pending.from);
    if (ofUser && --ofUser.count === 0) this.#ofUsers.delete(pending.from);
    pending.resolve(outcome);
    if (this.#pending.size === 0) this.#drained?.resolve();
  }

  /** Resolves when all commands have outcomes. */
  drain(): Promise<void> {
    this.#drained ??= Promise.withResolvers<void>();
    if (this.#pending.size === 0) this.#drained.resolve();
    return this.#drained.promise;
  }

  /** Checks only commands that are old enough: usually none. */
  #reportLate(): void {
    const { clock, timeoutMs, onLate } = this.#options;
    const dueFromMs = clock.monotonicMs() - lateMs + timeoutMs;
    this.#lateTimer = this.#pending.size === 0 ? undefined : clock.after(lateMs, () => this.#reportLate());
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
