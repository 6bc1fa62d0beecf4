// The worker role: handles the tasks of the queue with bounded concurrency per kind, and retries failed tasks until they are dead letters.

import { assert } from '@hongyan/base/assert';
import { Shift } from './shift.ts';
import type { WorkerOptions } from './work.ts';

export interface RunningWorker {
  /** Claims nothing more; resolves when what is under way is done and settled. */
  drain(): Promise<void>;
}

/** Starts claiming tasks at once. */
export function startWorker(options: WorkerOptions): RunningWorker {
  const stop = new AbortController();
  const shifts = options.works.flatMap((work) => {
    assert(work.atOnceMax >= 1 && work.batchMax >= 1, 'a work does at least one task at a time', work.kind);
    return Array.from({ length: work.atOnceMax }, () => new Shift(options, work).run(stop.signal));
  });
  return {
    async drain() {
      stop.abort();
      await Promise.all(shifts);
    },
  };
}
