// What the core counts beside what its ports measure: what devices had to catch up with, and what was no longer there for them.

import { CountBy } from '../../metrics/count-by.ts';
import { gapsHelp } from '../../metrics/gaps.ts';
import type { Metrics } from '../../metrics/metrics.ts';

export class CoreMeter {
  /** [D5] Told to a device that asked for entries it cannot have, by the reason. */
  readonly gaps = new CountBy<'retention' | 'before_joining'>('reason', ['retention', 'before_joining']);
  /** Handed out by `history` and by `catch_up`. */
  readonly entriesRead = new CountBy<'history' | 'catch_up'>('operation', ['history', 'catch_up']);

  readonly #metrics: Metrics;

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
    metrics.counter({ name: 'hongyan_gaps_total', help: gapsHelp, read: () => this.gaps.samples() });
    metrics.counter({
      name: 'hongyan_entries_read_total',
      help: 'Entries that clients asked for: catch_up after an absence, history on scrolling back',
      read: () => this.entriesRead.samples(),
    });
  }

  /** Reads of users wait here for their turn. */
  readQueue(depth: () => number, max: number): void {
    this.#metrics.queue('reads', { depth, max });
  }
}
