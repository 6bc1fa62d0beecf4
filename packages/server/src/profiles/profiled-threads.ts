// The threads of this process beside its main one, as the profiler reaches them.

import type { CpuProfile } from '@hongyan/profile/cpu-profile';
import type { HeapClass } from './heap-classes.ts';

export interface ProfiledThread {
  /** As /proc shows it: timeline, directory. */
  readonly name: string;
  /** Begins a recording of its CPU time. */
  startCpu(): Promise<void>;
  /** Rejects when the thread ends before it answers. */
  stopCpu(): Promise<CpuProfile>;
  heap(options: { readonly isFull: boolean }): Promise<readonly HeapClass[]>;
}

/** Threads enter it when they start and leave it when they end. */
export class ProfiledThreads {
  readonly #threads = new Set<ProfiledThread>();

  add(thread: ProfiledThread): void {
    this.#threads.add(thread);
  }

  delete(thread: ProfiledThread): void {
    this.#threads.delete(thread);
  }

  all(): readonly ProfiledThread[] {
    return [...this.#threads];
  }
}
