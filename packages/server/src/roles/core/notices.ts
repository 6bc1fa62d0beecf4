// Notices to everyone: published on a topic that every gateway follows, and told to whoever connects while they are in force.

import type { Clock } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import { done, ok } from '@hongyan/base/result';
import type { Notice, NoticeSeverity } from '@hongyan/protocol/notice';
import { type Result, refusal } from '@hongyan/protocol/refusals';
import { type EventBus, everyoneTopic } from '../../ports/event-bus/event-bus.ts';

export interface NoticesOptions {
  readonly bus: EventBus;
  readonly clock: Clock;
  readonly log: Log;
  readonly newId: () => string;
  /** Those of an earlier run. */
  readonly kept: readonly Notice[];
  /** Keeps them for the next run. Where several cores keep theirs in one place only `changed` is changed there; one that is over goes. */
  readonly keep: (notices: readonly Notice[], changed: Notice) => Promise<void>;
}

export interface NewNotice {
  /** Given again, it replaces the one that has it. */
  readonly id?: string | undefined;
  readonly text: string;
  readonly severity: NoticeSeverity;
  readonly forS: number;
}

/** In force at a time; further ones are refused. */
const noticesMax = 20;

export class Notices {
  readonly #options: NoticesOptions;
  #notices: readonly Notice[];
  /** The change under way, and those that wait: each begins with the list that the one before it kept. */
  #changes: Promise<unknown> = Promise.resolve();

  constructor(options: NoticesOptions) {
    this.#options = options;
    this.#notices = options.kept;
  }

  /** Oldest first. */
  inForce(): readonly Notice[] {
    const nowMs = this.#options.clock.nowMs();
    if (this.#notices.some(({ until }) => until <= nowMs))
      this.#notices = this.#notices.filter(({ until }) => until > nowMs);
    return this.#notices;
  }

  /** By those that another core published, or withdrew. */
  replace(notices: readonly Notice[]): void {
    this.#notices = notices;
  }

  /** [B1] Kept before it is published: whoever connects from now on gets it too. */
  publish(notice: NewNotice): Promise<Result<Notice>> {
    return this.#inTurn(() => this.#publish(notice));
  }

  /** [B1] Published as one that is over, so that those who show it take it away. */
  withdraw(id: string): Promise<Result<undefined>> {
    return this.#inTurn(() => this.#withdraw(id));
  }

  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const outcome = this.#changes.then(change);
    // Its caller is told.
    this.#changes = outcome.catch(() => undefined);
    return outcome;
  }

  async #publish({ id = this.#options.newId(), text, severity, forS }: NewNotice): Promise<Result<Notice>> {
    const notice = { notice_id: id, text, severity, until: this.#options.clock.nowMs() + forS * 1000 };
    const others = this.inForce().filter((other) => other.notice_id !== id);
    if (others.length >= noticesMax)
      return refusal.invalid(`${noticesMax} notices are in force: withdraw one before another`);
    await this.#change(notice);
    return ok(notice);
  }

  async #withdraw(id: string): Promise<Result<undefined>> {
    const notice = this.inForce().find((one) => one.notice_id === id);
    if (notice === undefined) return refusal.noSuch(`notice ${id.slice(0, 64)} in force`);
    await this.#change({ ...notice, until: 0 });
    return done;
  }

  async #change(changed: Notice): Promise<void> {
    const { bus, keep, log } = this.#options;
    await keep(this.#with(changed), changed);
    // Another core may have changed one meanwhile.
    this.#notices = this.#with(changed);
    // What the bus could not take is reported as a loss, after which clients reconnect and are told.
    await bus
      .publish([{ type: 'frame', topic: everyoneTopic, frame: noticeFrame(changed) }])
      .catch((error: unknown) => log.warn('notice not published to all', { error }));
  }

  #with(changed: Notice): readonly Notice[] {
    const others = this.inForce().filter((other) => other.notice_id !== changed.notice_id);
    return changed.until > this.#options.clock.nowMs() ? [...others, changed] : others;
  }
}

const noticeFrame = (notice: Notice): string => JSON.stringify({ type: 'notice', ...notice });
