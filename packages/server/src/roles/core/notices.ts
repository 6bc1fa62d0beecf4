// Notices to all users: published on a topic that every gateway follows, and sent to new connections while they are in force.

import type { Clock } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import { done, ok } from '@hongyan/base/result';
import type { Notice, NoticeSeverity } from '@hongyan/protocol/notice';
import { type Result, refusal } from '@hongyan/protocol/refusals';
import { type EventBus, everyoneTopic } from '../../ports/event-bus/event-bus.ts';
import type { NoticeStore } from '../../ports/notice-store/notice-store.ts';

export interface NoticesOptions {
  readonly bus: EventBus;
  readonly clock: Clock;
  readonly log: Log;
  readonly newId: () => string;
  readonly store: Pick<NoticeStore, 'put'>;
  /** What the store has at the start. */
  readonly stored: readonly Notice[];
}

export interface NewNotice {
  /** A notice with the same id is replaced. */
  readonly id?: string | undefined;
  readonly text: string;
  readonly severity: NoticeSeverity;
  readonly forS: number;
}

/** Notices in force at the same time; further ones are refused. */
const noticesMax = 20;

export class Notices {
  readonly #options: NoticesOptions;
  #notices: readonly Notice[];
  /** The latest change. Changes run one after the other, because each starts with the list that the previous one stored. */
  #changes: Promise<unknown> = Promise.resolve();

  constructor(options: NoticesOptions) {
    this.#options = options;
    this.#notices = options.stored;
  }

  /** Oldest first. */
  inForce(): readonly Notice[] {
    const nowMs = this.#options.clock.nowMs();
    if (this.#notices.some(({ until }) => until <= nowMs))
      this.#notices = this.#notices.filter(({ until }) => until > nowMs);
    return this.#notices;
  }

  /** Takes over the notices after another core has published or withdrawn one. */
  replace(notices: readonly Notice[]): void {
    this.#notices = notices;
  }

  /** [B1] Stores the notice before it publishes it, so that new connections receive it too. */
  publish(notice: NewNotice): Promise<Result<Notice>> {
    return this.#inTurn(() => this.#publish(notice));
  }

  /** [B1] Publishes the notice as expired, so that clients stop showing it. */
  withdraw(id: string): Promise<Result<undefined>> {
    return this.#inTurn(() => this.#withdraw(id));
  }

  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const outcome = this.#changes.then(change);
    // The caller receives the rejection.
    this.#changes = outcome.catch(() => undefined);
    return outcome;
  }

  async #publish({ id = this.#options.newId(), text, severity, forS }: NewNotice): Promise<Result<Notice>> {
    const notice = { notice_id: id, text, severity, until: this.#options.clock.nowMs() + forS * 1000 };
    const others = this.inForce().filter((other) => other.notice_id !== id);
    if (others.length >= noticesMax)
      return refusal.invalid(`${noticesMax} notices are in force: withdraw one before you publish another`);
    await this.#change(notice);
    return ok(notice);
  }

  async #withdraw(id: string): Promise<Result<undefined>> {
    const notice = this.inForce().find(({ notice_id }) => notice_id === id);
    if (notice === undefined) return refusal.noSuch(`notice ${id.slice(0, 64)} in force`);
    await this.#change({ ...notice, until: 0 });
    return done;
  }

  async #change(changed: Notice): Promise<void> {
    const { bus, store, log } = this.#options;
    await store.put(changed);
    const others = this.inForce().filter(({ notice_id }) => notice_id !== changed.notice_id);
    this.#notices = changed.until > this.#options.clock.nowMs() ? [...others, changed] : others;
    // The bus reports a loss if it fails; clients then reconnect and receive the notice.
    await bus
      .publish([{ type: 'frame', topic: everyoneTopic, frame: noticeFrame(changed) }])
      .catch((error: unknown) => log.warn('notice not published to all clients', { error }));
  }
}

const noticeFrame = (notice: Notice): string => JSON.stringify({ type: 'notice', ...notice });
