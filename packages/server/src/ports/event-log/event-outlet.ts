// The outlet through which cores and workers report receipts, presence and devices as events. It costs nothing while events are not
// recorded.

import type { PresenceChange, ReportedPosition } from './event-log.ts';

export interface RegisteredDevice {
  readonly deviceToken: string;
  readonly model?: string | undefined;
  readonly firmware?: string | undefined;
  readonly atMs: number;
}

export interface EventOutlet {
  /** Whether events are recorded. Callers check it before they build a report. */
  readonly isWanted: boolean;
  /**
   * Callers MUST await it before they store the positions, so that a crash between the two repeats the report and loses no event [W1].
   * Never rejects: a report that cannot be stored becomes a gap event.
   */
  positions(batch: readonly ReportedPosition[]): Promise<void>;
  /** Reports the present state of users. Unchanged states append nothing. Resolves when the report is stored. Never rejects. */
  presence(changes: readonly PresenceChange[]): Promise<void>;
  /** Resolves when the events are durable. Rejects with StoreFailure; then the caller retries its task. */
  devices(registered: readonly RegisteredDevice[]): Promise<void>;
}

/** The outlet of a process that records no events. */
export const noOutlet: EventOutlet = {
  isWanted: false,
  async positions() {},
  async presence() {},
  async devices() {},
};
