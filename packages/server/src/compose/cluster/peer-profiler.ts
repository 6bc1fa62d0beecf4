// The profiler of another process of the cluster, asked at its operator listener.

import { writeFile } from 'node:fs/promises';
import { done, ok } from '@hongyan/base/result';
import { failure, type Result } from '@hongyan/protocol/refusals';
import type { CpuRequest, ProfiledProcess, ThreadCpu, ThreadHeap } from '../../profiles/profiled-process.ts';
import { problemOf, type ServerProcess } from '../../roles/operator/processes.ts';
import { threadsPath } from '../../roles/operator/thread-profiles.ts';

export class PeerProfiler implements ProfiledProcess {
  readonly #process: ServerProcess;

  constructor(process: ServerProcess) {
    this.#process = process;
  }

  get name(): string {
    return this.#process.name;
  }

  /** Ended early it has nothing: the other process ends it, and keeps nothing of it. */
  async cpu({ seconds, signal }: CpuRequest): Promise<Result<readonly ThreadCpu[]>> {
    const answer = await this.#ask(`${threadsPath('cpu')}?seconds=${seconds}`, signal);
    return answer.type === 'ok' ? ok((await answer.value.json()) as readonly ThreadCpu[]) : answer;
  }

  async heap({ isFull }: { readonly isFull: boolean }): Promise<Result<readonly ThreadHeap[]>> {
    const answer = await this.#ask(`${threadsPath('heap')}?full=${isFull ? 1 : 0}`);
    return answer.type === 'ok' ? ok((await answer.value.json()) as readonly ThreadHeap[]) : answer;
  }

  async heapSnapshot(file: string): Promise<Result<undefined>> {
    const answer = await this.#ask(`/debug/pprof/heapsnapshot?process=${encodeURIComponent(this.name)}`);
    if (answer.type !== 'ok') return answer;
    await writeFile(file, await answer.value.bytes(), { mode: 0o600 });
    return done;
  }

  async #ask(path: string, signal?: AbortSignal): Promise<Result<Response>> {
    try {
      const response = await this.#process.fetch(path, signal ? { signal } : {});
      return response.ok ? ok(response) : await problemOf(this.name, response);
    } catch {
      // Also when it ended meanwhile.
      return failure.processSilent(this.name);
    }
  }
}
