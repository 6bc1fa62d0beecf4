// Deletes the records of done tasks, so that only waiting tasks occupy the disk. It also moves the start of a partition to the first task
// that is not done: Kafka deletes the offsets of groups without members after `offsets.retention.minutes` (a week by default), and the done
// mark of an idle partition is then its first record.

import { type Clock, sleep } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import type { Admin } from '@platformatic/kafka';
import type { Marks, PartitionName } from './held-tasks.ts';

export interface DoneRecordsOptions {
  readonly admin: Admin;
  /** The marks of the partitions that this process owns. Done tasks stay done for later owners. */
  readonly marks: () => readonly (PartitionName & Marks)[];
  readonly clock: Clock;
  readonly log: Log;
}

/** The interval at which brokers persist the starts of their partitions. */
const everyMs = 60_000;

export class DoneRecords {
  readonly #options: DoneRecordsOptions;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #isFailing = false;

  constructor(options: DoneRecordsOptions) {
    this.#options = options;
    this.#running = this.#run();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await sleep(this.#options.clock, { delayMs: everyMs, signal });
      if (!signal.aborted) await this.#remove();
    }
  }

  /**
   * Deletes in all partitions each time, which also covers what a previous owner left. It costs nothing where there is nothing to delete.
   */
  async #remove(): Promise<void> {
    const { admin, marks, log } = this.#options;
    const byTopic = Map.groupBy(
      marks().filter(({ done }) => done > 0),
      ({ topic }) => topic,
    );
    if (byTopic.size === 0) return;
    const topics = Array.from(byTopic, ([name, partitions]) => ({
      name,
      partitions: partitions.map(({ partition, done }) => ({ partition, offset: BigInt(done) })),
    }));
    try {
      await admin.deleteRecords({ topics });
      if (this.#isFailing) log.info('records of done tasks removed again');
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing) log.warn('records of done tasks not removed, to be tried again', { error });
      this.#isFailing = true;
    }
  }
}
