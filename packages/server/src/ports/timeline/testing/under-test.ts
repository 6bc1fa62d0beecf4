// The timeline that the contract suite runs on, and how a test opens its data again.

import type { Timeline } from '../timeline.ts';

export interface TimelineUnderTest {
  readonly timeline: Timeline;
  /** Closes it and opens the same data again. */
  reopen(): Promise<Timeline>;
  /** Closes it and removes its data. */
  remove(): Promise<void>;
}

/** The one of the test that runs. */
export interface Current {
  timeline(): Timeline;
  reopen(): Promise<void>;
}
