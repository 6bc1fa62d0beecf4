// What the server says to everyone: each notice once, until it is over, is withdrawn, or was dismissed on this device.

import type { Clock, Timer } from '@hongyan/base/clock';
import type { DownOf } from '@hongyan/protocol/down';
import type { ServerNotice } from './api.ts';
import { deleteWhere, putBounded } from './map-entries.ts';

export interface NoticesOptions {
  readonly clock: Clock;
  readonly onChange: (notices: readonly ServerNotice[]) => void;
}

/** setTimeout takes no more. */
const timerMsMax = 2 ** 31 - 1;
/** Ids whose dismissal is remembered; the oldest is forgotten. */
const dismissedMax = 100;

export class Notices {
  readonly #options: NoticesOptions;
  readonly #shown = new Map<string, ServerNotice>();
  /** Id → the notice as it was dismissed: another text under the same id is news. */
  readonly #dismissed = new Map<string, string>();
  #timer: Timer | undefined;

  constructor(options: NoticesOptions) {
    this.#options = options;
  }

  /** Oldest first. */
  list(): readonly ServerNotice[] {
    return [...this.#shown.values()];
  }

  /** [B2] One that is known changes nothing. */
  arrived({ notice_id: id, text, severity, until }: Omit<DownOf<'notice'>, 'type'>): void {
    const notice = { id, text, severity, untilMs: until };
    if (until <= this.#options.clock.nowMs()) return this.#remove(id);
    const known = this.#shown.get(id);
    if (known && known.untilMs === until && contentOf(known) === contentOf(notice)) return;
    if (this.#dismissed.get(id) === contentOf(notice)) return;
    this.#shown.set(id, notice);
    this.#changed();
  }

  dismiss(id: string): void {
    const notice = this.#shown.get(id);
    if (notice === undefined) return;
    putBounded(this.#dismissed, [id, contentOf(notice)], dismissedMax);
    this.#remove(id);
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #remove(id: string): void {
    if (this.#shown.delete(id)) this.#changed();
  }

  #changed(): void {
    const { clock, onChange } = this.#options;
    this.#timer?.cancel();
    const nextMs = Math.min(...this.list().map(({ untilMs }) => untilMs)) - clock.nowMs();
    this.#timer =
      this.#shown.size === 0 ? undefined : clock.after(Math.min(timerMsMax, Math.max(0, nextMs)), () => this.#expire());
    onChange(this.list());
  }

  #expire(): void {
    const nowMs = this.#options.clock.nowMs();
    deleteWhere(this.#shown, (_id, { untilMs }) => untilMs <= nowMs);
    this.#changed();
  }
}

const contentOf = ({ text, severity }: Pick<ServerNotice, 'text' | 'severity'>): string => `${severity} ${text}`;
