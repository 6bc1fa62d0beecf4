// Where the core and the workers report what is in no timeline. Nothing is done, and nothing costs anything, while nobody wants it.

import type { PresenceChange, ReportedPosition } from './event-log.ts';

export interface RegisteredDevice {
  readonly deviceToken: string;
  readonly model?: string | undefined;
  readonly firmware?: string | undefined;
  readonly atMs: number;
}

export interface EventOutlet {
  /** Asked before anything is built for it. */
  readonly isWanted: boolean;
  /**
   * MUST be awaited before the positions are stored: a crash between the two then repeats the report, and loses no event [W1].
   * Never rejects: what could not be noted is told as a gap.
   */
  positions(batch: readonly ReportedPosition[]): Promise<void>;
  /** Who is online or offline by now; what was told already is not told again. Resolves when it is noted; never rejects. */
  presence(changes: readonly PresenceChange[]): Promise<void>;
  /** Resolves when they are durable; rejects with StoreFailure, and the caller's task is done again. */
  devices(registered: readonly RegisteredDevice[]): Promise<void>;
}

/** Of a process that sends nothing out. */
export const noOutlet: EventOutlet = {
  isWanted: false,
  async positions() {},
  async presence() {},
  async devices() {},
};
