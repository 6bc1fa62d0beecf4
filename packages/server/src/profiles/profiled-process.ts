// A process of this server as whoever asks for profiles uses it: this one, or a gateway process behind its messages.

import { type CpuProfile, cpuProfileStacks } from '@hongyan/profile/cpu-profile';
import { encodePprof } from '@hongyan/profile/pprof';
import { joined, type Profile } from '@hongyan/profile/profile';
import type { Result } from '@hongyan/protocol/refusals';
import { gzipSync } from 'bun';
import { type HeapClass, heapStacks } from './heap-classes.ts';

export interface ThreadCpu {
  readonly thread: string;
  readonly profile: CpuProfile;
}

export interface ThreadHeap {
  readonly thread: string;
  readonly classes: readonly HeapClass[];
}

export interface CpuRequest {
  readonly seconds: number;
  /** Ends the recording early, with what it has. */
  readonly signal?: AbortSignal;
}

/** One request at a time in each process; another is refused as conflict, with what is running. */
export interface ProfiledProcess {
  readonly name: string;
  cpu(request: CpuRequest): Promise<Result<readonly ThreadCpu[]>>;
  heap(request: { readonly isFull: boolean }): Promise<Result<readonly ThreadHeap[]>>;
  /** Writes the main thread's .heapsnapshot to a file. */
  heapSnapshot(file: string): Promise<Result<undefined>>;
}

/** The main thread's, in results of `cpu` and `heap`. */
export const mainThread = 'main';

export function cpuStacks(process: string, threads: readonly ThreadCpu[]): Profile {
  return joined(threads.map(({ thread, profile }) => cpuProfileStacks(profile, { process, thread })));
}

export function heapProfile(process: string, threads: readonly ThreadHeap[], takenAtMs: number): Profile {
  return joined(threads.map(({ thread, classes }) => heapStacks(classes, { labels: { process, thread }, takenAtMs })));
}

/** As files and answers have it. `profile`: the period is a sample's. */
export function gzippedPprof(profile: Profile): Uint8Array<ArrayBuffer> {
  const [stack] = profile.stacks;
  const [count = 0, amount = 0] = stack?.values ?? [];
  const isCpu = profile.valueTypes.some(({ type }) => type === 'cpu');
  return gzipSync(
    new Uint8Array(encodePprof(profile, { periodNs: isCpu && count > 0 ? Math.round(amount / count) : 1 })),
  );
}
