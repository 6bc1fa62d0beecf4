// The server under measurement: the real one, as a process of its own, on a data folder of its own.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memoryOf, memoryOfOne } from '@hongyan/load/process-stats';
import { freePort } from '@hongyan/testing/free-port';
import { onCore } from './cores.ts';
import { type Usage, usageOf } from './cost.ts';

export interface BenchServer {
  readonly host: string;
  readonly port: number;
  /** Of each gateway that has one of its own, the first among them. */
  readonly ports: readonly number[];
  usage(): Usage;
  stop(): Promise<void>;
}

export interface OneServer extends BenchServer {
  readonly pid: number;
  memoryBytes(): number;
  /** The part of it that gateway processes hold. */
  gatewayMemoryBytes(): number;
}

const host = '127.0.0.1';
const entry = join(import.meta.dir, '../packages/cli/src/main.ts');
const readyTimeoutMs = 60_000;
const stopTimeoutMs = 20_000;

export interface ServerOptions {
  /** Of `hongyan start`. */
  readonly args?: readonly string[];
  /** Of Bun itself, such as --cpu-prof. */
  readonly runtimeArgs?: readonly string[];
  readonly core?: number | undefined;
}

export async function startServer(dataFolder: string, options: ServerOptions = {}): Promise<OneServer> {
  const port = freePort();
  const { args = [], runtimeArgs = [], core } = options;
  const command = [
    process.execPath,
    ...runtimeArgs,
    entry,
    'start',
    '--listen',
    `${host}:${port}`,
    '--data',
    dataFolder,
    '--operator-listen',
    '127.0.0.1:0',
    // What the server can do is measured, not what a user may.
    '--default-tier',
    'unlimited',
  ];
  const child = Bun.spawn(onCore(core, [...command, '--log-level', 'warn', ...args]), {
    stdin: 'ignore',
    stdout: 'ignore',
    stderr: 'inherit',
    env: environment(),
  });
  const server = {
    host,
    port,
    ports: [port],
    pid: child.pid,
    usage: () => usageOf(child.pid),
    memoryBytes: () => memoryOf(child.pid),
    gatewayMemoryBytes: () => memoryOf(child.pid) - memoryOfOne(child.pid),
    async stop() {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs);
      await child.exited;
      clearTimeout(timer);
    },
  };
  for (const until = performance.now() + readyTimeoutMs; performance.now() < until && child.exitCode === null; ) {
    const answer = await fetch(`http://${host}:${port}/readyz`).catch(() => undefined);
    if (answer?.status === 200) return server;
    await Bun.sleep(20);
  }
  await server.stop();
  throw new Error('the server did not become ready');
}

/** Runs `work` on a fresh data folder and removes it. */
export async function withDataFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'hongyan-bench-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Options of the surrounding shell must not reach the server. */
export function environment(): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('HONGYAN_')));
}
