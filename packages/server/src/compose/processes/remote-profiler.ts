// The profiler of a gateway process, as the process that started it asks for profiles.

import { type Result, refusal } from '@hongyan/protocol/refusals';
import type { CpuRequest, ProfiledProcess, ThreadCpu, ThreadHeap } from '../../profiles/profiled-process.ts';
import type { ProfileRequest, ProfileResult, ToGatewayProcess } from './messages.ts';

export class RemoteProfiler implements ProfiledProcess {
  readonly name: string;
  /** Returns false while there is no process. */
  readonly #send: (message: ToGatewayProcess) => boolean;
  /** By id. The process refuses what comes while it takes one, so they are few. */
  readonly #waiting = new Map<number, (result: ProfileResult) => void>();
  #nextId = 1;

  constructor(name: string, send: (message: ToGatewayProcess) => boolean) {
    this.name = name;
    this.#send = send;
  }

  async cpu({ seconds, signal }: CpuRequest): Promise<Result<readonly ThreadCpu[]>> {
    const id = this.#nextId;
    const end = () => this.#send({ type: 'end_profile', id });
    const profiled = this.#ask({ type: 'cpu', seconds });
    signal?.addEventListener('abort', end, { once: true });
    if (signal?.aborted) end();
    try {
      return (await profiled) as Result<readonly ThreadCpu[]>;
    } finally {
      signal?.removeEventListener('abort', end);
    }
  }

  async heap({ isFull }: { readonly isFull: boolean }): Promise<Result<readonly ThreadHeap[]>> {
    return (await this.#ask({ type: 'heap', isFull })) as Result<readonly ThreadHeap[]>;
  }

  async heapSnapshot(file: string): Promise<Result<undefined>> {
    return (await this.#ask({ type: 'snapshot', file })) as Result<undefined>;
  }

  receive(id: number, result: ProfileResult): void {
    this.#waiting.get(id)?.(result);
    this.#waiting.delete(id);
  }

  /** Its process is gone: what was asked for never comes. */
  lost(): void {
    for (const answer of this.#waiting.values()) answer(this.#missing());
    this.#waiting.clear();
  }

  #ask(request: ProfileRequest): Promise<ProfileResult> {
    const id = this.#nextId++;
    const { promise, resolve } = Promise.withResolvers<ProfileResult>();
    this.#waiting.set(id, resolve);
    if (!this.#send({ type: 'profile', id, request })) this.receive(id, this.#missing());
    return promise;
  }

  #missing(): ProfileResult {
    return refusal.noSuch(`running process ${this.name}`);
  }
}
