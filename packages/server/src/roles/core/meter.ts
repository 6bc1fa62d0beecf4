// Metrics of the core itself: entries that devices read to catch up, and gaps that they could not fill.

import { CountBy } from '../../metrics/count-by.ts';
import { gapsHelp } from '../../metrics/gaps.ts';
import type { Metrics } from '../../metrics/metrics.ts';

export class CoreMeter {
  /** [D5] Gaps reported to devices that requested entries which are not available, by reason. */
  readonly gaps = new CountBy<'retention' | 'before_joining'>('reason', ['retention', 'before_joining']);
  /** Entries returned by `history` and by `catch_up`. */
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

  /** Registers the queue in which reads of users wait for their turn. */
  readQueue(depth: () => number, max: number): void {
    this.#metrics.queue('reads', { depth, max });
  }
}
