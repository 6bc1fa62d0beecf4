// What the server says to everyone: each notice once, until it is over, is withdrawn, or was dismissed on this device.

import type { Clock, Timer } from '@hongyan/base/clock';
import type { DownOf } from '@hongyan/protocol/down';
import type { ServerNotice } from './api.ts';
import { putBounded } from './map-entries.ts';

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
  /** In force, dismissed or not. */
  readonly #known = new Map<string, ServerNotice>();
  /** Id → the notice as it was dismissed: another text under the same id is news. */
  readonly #dismissed = new Map<string, string>();
  /** Known from before the last welcome, and not named since. */
  #unnamed = new Set<string>();
  #isStarted = false;
  #timer: Timer | undefined;

  constructor(options: NoticesOptions) {
    this.#options = options;
  }

  /** Oldest first. */
  list(): readonly ServerNotice[] {
    return [...this.#known.values()].filter((notice) => !this.#isDismissed(notice));
  }

  /** What the server said on this connection, for a tab that comes later. */
  frames(): readonly string[] {
    const named = [...this.#known.values()].filter(({ id }) => !this.#unnamed.has(id));
    return named.map(({ id, text, severity, untilMs }) =>
      JSON.stringify({ type: 'notice', notice_id: id, text, severity, until: untilMs } satisfies DownOf<'notice'>),
    );
  }

  /** [B2] One that is known changes nothing. */
  arrived({ notice_id: id, text, severity, until }: Omit<DownOf<'notice'>, 'type'>): void {
    const notice = { id, text, severity, untilMs: until };
    if (until <= this.#options.clock.nowMs()) return this.#remove(id);
    this.#unnamed.delete(id);
    const known = this.#known.get(id);
    if (known && known.untilMs === until && contentOf(known) === contentOf(notice)) return;
    this.#known.set(id, notice);
    this.#await();
    if (!this.#isDismissed(notice)) this.#options.onChange(this.list());
  }

  dismiss(id: string): void {
    const notice = this.#known.get(id);
    if (notice === undefined || this.#isDismissed(notice)) return;
    putBounded(this.#dismissed, [id, contentOf(notice)], dismissedMax);
    this.#options.onChange(this.list());
  }

  /** [B1] After a welcome the server names those in force, before it answers anything: what is not named until then, when the returned function is called, was withdrawn. */
  welcomed(): () => void {
    const unnamed = new Set(this.#known.keys());
    this.#unnamed = unnamed;
    return () => {
      if (this.#unnamed === unnamed) for (const id of unnamed) this.#remove(id);
    };
  }

  /** The client is opened. */
  start(): void {
    this.#isStarted = true;
    this.#expire();
  }

  /** The client is closed: no timer is left. */
  stop(): void {
    this.#isStarted = false;
    this.#timer?.cancel();
  }

  #isDismissed(notice: ServerNotice): boolean {
    return this.#dismissed.get(notice.id) === contentOf(notice);
  }

  #remove(id: string): void {
    const notice = this.#known.get(id);
    if (notice === undefined) return;
    this.#known.delete(id);
    this.#await();
    if (!this.#isDismissed(notice)) this.#options.onChange(this.list());
  }

  #await(): void {
    const { clock } = this.#options;
    this.#timer?.cancel();
    if (!this.#isStarted || this.#known.size === 0) return;
    const nextMs = Math.min(...Array.from(this.#known.values(), ({ untilMs }) => untilMs)) - clock.nowMs();
    this.#timer = clock.after(Math.min(timerMsMax, Math.max(0, nextMs)), () => this.#expire());
  }

  #expire(): void {
    const nowMs = this.#options.clock.nowMs();
    for (const { id, untilMs } of [...this.#known.values()]) if (untilMs <= nowMs) this.#remove(id);
    this.#await();
  }
}

const contentOf = ({ text, severity }: Pick<ServerNotice, 'text' | 'severity'>): string => `${severity} ${text}`;
