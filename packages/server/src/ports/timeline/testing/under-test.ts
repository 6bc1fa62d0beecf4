// The timeline that the contract suite runs on, and how a test opens its data again.

import type { Feed } from '../feed.ts';
import type { Timeline } from '../timeline.ts';

export interface Opened {
  readonly timeline: Timeline;
  readonly feed: Feed;
}

export interface TimelineUnderTest extends Opened {
  /** Closes it and opens the same data again. */
  reopen(): Promise<Opened>;
  /** Closes it and removes its data. */
  remove(): Promise<void>;
}

/** The timeline of the running test. */
export interface Current {
  timeline(): Timeline;
  feed(): Feed;
  reopen(): Promise<void>;
}
