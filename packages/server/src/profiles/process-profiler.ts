// Profiles of the process that this runs in: its main thread and its writer threads, one request at a time.

import { writeFile } from 'node:fs/promises';
import { type Clock, sleep } from '@hongyan/base/clock';
import { done, ok } from '@hongyan/base/result';
import { type Result, refusal } from '@hongyan/protocol/refusals';
import { CpuSampler } from './cpu-sampler.ts';
import { heapClasses } from './heap-classes.ts';
import {
  type CpuRequest,
  mainThread,
  type ProfiledProcess,
  type ThreadCpu,
  type ThreadHeap,
} from './profiled-process.ts';
import type { ProfiledThread, ProfiledThreads } from './profiled-threads.ts';

export interface ProcessProfilerOptions {
  readonly name: string;
  readonly threads: ProfiledThreads;
  readonly clock: Clock;
}

export class ProcessProfiler implements ProfiledProcess {
  readonly name: string;
  readonly #options: ProcessProfilerOptions;
  /** What is being taken, in words. */
  #running: string | undefined;

  constructor(options: ProcessProfilerOptions) {
    this.name = options.name;
    this.#options = options;
  }

  cpu({ seconds, signal }: CpuRequest): Promise<Result<readonly ThreadCpu[]>> {
    const from = new Date(this.#options.clock.nowMs()).toISOString();
    return this.#alone(`a CPU profile of ${seconds} s, begun at ${from}`, async () => {
      const { clock, threads } = this.#options;
      const sampler = new CpuSampler();
      const recorded = await started(threads.all());
      await sampler.start();
      await sleep(clock, { delayMs: seconds * 1000, ...(signal ? { signal } : {}) });
      const main = await sampler.stop();
      return [{ thread: mainThread, profile: main }, ...(await stopped(recorded))];
    });
  }

  heap({ isFull }: { readonly isFull: boolean }): Promise<Result<readonly ThreadHeap[]>> {
    return this.#alone('a summary of the heap', async () => {
      const own = { thread: mainThread, classes: heapClasses({ isFull }) };
      const others = this.#options.threads.all().map(async (thread): Promise<ThreadHeap> => {
        return { thread: thread.name, classes: await thread.heap({ isFull }) };
      });
      return [own, ...(await answered(others))];
    });
  }

  async heapSnapshot(file: string): Promise<Result<undefined>> {
    const written = await this.#alone('a heap snapshot', () =>
      writeFile(file, new Uint8Array(Bun.generateHeapSnapshot('v8', 'arraybuffer')), { mode: 0o600 }),
    );
    return written.type === 'ok' ? done : written;
  }

  async #alone<T>(what: string, work: () => Promise<T>): Promise<Result<T>> {
    if (this.#running !== undefined) return refusal.profiling(this.name, this.#running);
    this.#running = what;
    try {
      return ok(await work());
    } finally {
      this.#running = undefined;
    }
  }
}

async function started(threads: readonly ProfiledThread[]): Promise<readonly ProfiledThread[]> {
  return answered(threads.map((thread) => thread.startCpu().then(() => thread)));
}

async function stopped(threads: readonly ProfiledThread[]): Promise<readonly ThreadCpu[]> {
  return answered(
    threads.map(async (thread): Promise<ThreadCpu> => ({ thread: thread.name, profile: await thread.stopCpu() })),
  );
}

/** A thread that ends meanwhile has no profile, and takes nothing from those of the others. */
async function answered<T>(answers: readonly Promise<T>[]): Promise<readonly T[]> {
  const settled = await Promise.allSettled(answers);
  return settled.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
}
