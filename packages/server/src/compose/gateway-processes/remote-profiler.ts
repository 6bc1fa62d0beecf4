// The profiler of a gateway process, as the process that started it asks for profiles.

import { type Result, refusal } from '@hongyan/protocol/refusals';
import type { CpuRequest, ProfiledProcess, ThreadCpu, ThreadHeap } from '../../profiles/profiled-process.ts';
import type { ProfileRequest, ProfileResult, ToGatewayProcess } from './messages.ts';

/** Who takes the profiles. */
interface Recipient {
  send(message: ToGatewayProcess): void;
}

interface Waiting {
  /** It alone knows of the request: another may have followed it meanwhile. */
  readonly asked: Recipient;
  readonly resolve: (result: ProfileResult) => void;
}

export class RemoteProfiler implements ProfiledProcess {
  readonly name: string;
  /** Returns undefined while there is none. */
  readonly #running: () => Recipient | undefined;
  /** By id. The process refuses what comes while it takes one, so they are few. */
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 1;

  constructor(name: string, running: () => Recipient | undefined) {
    this.name = name;
    this.#running = running;
  }

  async cpu({ seconds, signal }: CpuRequest): Promise<Result<readonly ThreadCpu[]>> {
    const id = this.#nextId;
    const end = () => this.#waiting.get(id)?.asked.send({ type: 'end_profile', id });
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
    this.#waiting.get(id)?.resolve(result);
    this.#waiting.delete(id);
  }

  /** The process is gone: what it was asked for never comes. */
  lost(process: Recipient): void {
    for (const [id, { asked }] of this.#waiting) if (asked === process) this.receive(id, this.#missing());
  }

  #ask(request: ProfileRequest): Promise<ProfileResult> {
    const asked = this.#running();
    if (asked === undefined) return Promise.resolve(this.#missing());
    const id = this.#nextId++;
    const { promise, resolve } = Promise.withResolvers<ProfileResult>();
    this.#waiting.set(id, { asked, resolve });
    asked.send({ type: 'profile', id, request });
    return promise;
  }

  #missing(): ProfileResult {
    return refusal.noSuch(`running process ${this.name}`);
  }
}
