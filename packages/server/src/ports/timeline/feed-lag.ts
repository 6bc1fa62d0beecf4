// The metric of the lag of a feed consumer: the age of the oldest entry that the consumer has not read.

import type { Clock } from '@hongyan/base/clock';
import type { Metrics } from '../../metrics/metrics.ts';
import { type Feed, UnknownPosition } from './feed.ts';
import type { Position } from './timeline.ts';

export interface FeedConsumer {
  readonly name: string;
  readonly feed: Feed;
  /** undefined while the consumer does not run. */
  readonly position: () => Position | undefined;
}

export function registerFeedLag(metrics: Metrics, { name, feed, position }: FeedConsumer, clock: Clock): void {
  metrics.gauge({
    name: 'hongyan_feed_lag_seconds',
    help: 'Age of the oldest committed entry that a consumer of the feed has not taken',
    async read() {
      const after = position();
      if (after === undefined) return [];
      try {
        const [oldest] = (await feed.read({ after, limit: 1 })).entries;
        const lagMs = oldest === undefined ? 0 : Math.max(0, clock.nowMs() - oldest.timestampMs);
        return [[{ consumer: name }, lagMs / 1000]];
      } catch (error) {
        // The store was replaced. The consumer detects it by itself and starts again.
        if (error instanceof UnknownPosition) return [];
        throw error;
      }
    },
  });
}
