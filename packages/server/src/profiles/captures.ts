// Takes profiles that are kept: by hand, by the watchdog, by an alert. What asks by itself is limited in rate, because a server in
// trouble must not spend its time on profiles.

import type { Clock } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import { ok } from '@hongyan/base/result';
import { functionTable } from '@hongyan/profile/functions';
import type { Profile } from '@hongyan/profile/profile';
import { type Result, refusal } from '@hongyan/protocol/refusals';
import type { NewProfile, ProfileFiles, ProfileReason, ProfileRecord } from './profile-files.ts';
import { cpuStacks, gzippedPprof, heapProfile, type ProfiledProcess } from './profiled-process.ts';

export interface CapturesOptions {
  readonly files: ProfileFiles;
  /** The processes that run now; the one with the stores first. */
  readonly processes: () => readonly ProfiledProcess[];
  /** Length of the CPU profile when nobody says. */
  readonly seconds: number;
  /** Between two captures of one process that nobody asked for. */
  readonly pauseMs: number;
  readonly clock: Clock;
  readonly log: Log;
}

export interface CaptureRequest {
  readonly process: string;
  readonly reason: ProfileReason;
  readonly seconds?: number | undefined;
  readonly signal?: AbortSignal;
}

const topMax = 10;

export class Captures {
  readonly #options: CapturesOptions;
  /** When each process was last captured by itself, on the monotonic clock. As many as there are processes. */
  readonly #automaticMs = new Map<string, number>();
  readonly #underWay = new Set<Promise<unknown>>();
  readonly #stopping = new AbortController();

  constructor(options: CapturesOptions) {
    this.#options = options;
  }

  get processes(): readonly ProfiledProcess[] {
    return this.#options.processes();
  }

  /** Resolves when it is kept. */
  async take({
    process: name,
    reason,
    seconds = this.#options.seconds,
    signal,
  }: CaptureRequest): Promise<Result<ProfileRecord>> {
    const process = this.processes.find((each) => each.name === name);
    if (!process) return refusal.noSuch(`process ${name.slice(0, 64)}: there are ${this.#names()}`);
    const taken_at = this.#options.clock.nowMs();
    const stop = this.#stopping.signal;
    const cpu = await process.cpu({ seconds, signal: signal ? AbortSignal.any([signal, stop]) : stop });
    if (cpu.type !== 'ok') return cpu;
    // The heap says less than where the time went: without it the profile is kept all the same.
    const heap = await process.heap({ isFull: false });
    const profile = cpuStacks(name, cpu.value);
    const files: Record<string, Uint8Array> = { 'cpu.pb.gz': gzippedPprof(profile) };
    if (heap.type === 'ok') files['heap.pb.gz'] = gzippedPprof(heapProfile(name, heap.value, taken_at));
    const kept: NewProfile = { process: name, taken_at, seconds, reason, top: topOf(profile), files };
    const record = await this.#options.files.add(kept);
    const { id, top } = record;
    this.#options.log.warn('profile stored', {
      id,
      folder: this.#options.files.folderOf(id),
      reason: `${reason.type}: ${reason.detail}`,
      top: top.slice(0, 3).map(({ name: functionName, share }) => `${functionName} ${Math.round(share * 100)} %`),
    });
    return ok(record);
  }

  /**
   * Begins a capture of each named process (none named: of all), unless one was begun within the pause or it is being profiled. Returns
   * the names of those that were begun.
   */
  automatic(reason: ProfileReason, names = this.processes.map(({ name }) => name)): readonly string[] {
    const nowMs = this.#options.clock.monotonicMs();
    const begun = names.filter((name) => {
      const lastMs = this.#automaticMs.get(name);
      return lastMs === undefined || nowMs - lastMs >= this.#options.pauseMs;
    });
    for (const name of begun) {
      this.#automaticMs.set(name, nowMs);
      const taking = this.#takeQuietly({ process: name, reason });
      this.#underWay.add(taking);
      void taking.finally(() => this.#underWay.delete(taking));
    }
    return begun;
  }

  /** Ends what is under way early and waits for it to be kept. */
  async close(): Promise<void> {
    this.#stopping.abort();
    await Promise.all(this.#underWay);
  }

  async #takeQuietly(request: CaptureRequest): Promise<void> {
    const { log } = this.#options;
    const { process, reason } = request;
    try {
      const taken = await this.take(request);
      if (taken.type !== 'ok')
        log.warn('failed to take a profile', { process, reason: reason.detail, why: taken.message });
    } catch (error) {
      log.error('failed to take a profile', { process, reason: reason.detail, error });
    }
  }

  #names(): string {
    return this.processes.map(({ name }) => name).join(', ');
  }
}

function topOf(profile: Profile): ProfileRecord['top'] {
  const { functions, sum } = functionTable(profile);
  return functions.slice(0, topMax).map(({ frame, self }) => ({ ...frame, share: sum === 0 ? 0 : self / sum }));
}
