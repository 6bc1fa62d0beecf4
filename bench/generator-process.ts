// The parent's side of a generator process: calls of its methods, and its CPU time.

import { join } from 'node:path';
import type { Cpu } from '@hongyan/load/process-stats';
import { onCore } from './cores.ts';
import type { Methods, Target } from './generator/worker.ts';

type Name = keyof Methods;
type Request<N extends Name> = Parameters<Methods[N]> extends [infer R] ? R : undefined;
type Result<N extends Name> = Awaited<ReturnType<Methods[N]>>;

export interface Generator {
  call<N extends Name>(method: N, request: Request<N>): Promise<Result<N>>;
  cpu(): Promise<Cpu>;
  stop(): Promise<void>;
}

const callTimeoutMs = 600_000;

export async function startGenerator(target: Target, core?: number): Promise<Generator> {
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  let nextId = 1;
  const child = Bun.spawn(onCore(core, [process.execPath, join(import.meta.dir, 'generator/worker.ts')]), {
    stdin: 'ignore',
    stdout: 'inherit',
    stderr: 'inherit',
    serialization: 'json',
    ipc({ id, result, error }: { id: number; result?: unknown; error?: string }) {
      const call = waiting.get(id);
      waiting.delete(id);
      if (error === undefined) call?.resolve(result);
      else call?.reject(new Error(`generator: ${error}`));
    },
  });
  void child.exited.then((code) => {
    for (const call of waiting.values()) call.reject(new Error(`the generator ended with code ${code}`));
  });

  async function call<N extends Name>(method: N, request: Request<N>): Promise<Result<N>> {
    const answered = Promise.withResolvers<unknown>();
    const id = nextId++;
    waiting.set(id, answered);
    child.send({ id, method, request });
    const timer = setTimeout(() => answered.reject(new Error(`${method}: no answer in time`)), callTimeoutMs);
    try {
      return (await answered.promise) as Result<N>;
    } finally {
      clearTimeout(timer);
    }
  }

  await call('target', target as Request<'target'>);
  return {
    call,
    cpu: () => call('cpu', undefined as Request<'cpu'>),
    async stop() {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), 5_000);
      await child.exited;
      clearTimeout(timer);
    },
  };
}
