// Starts the real server as a process of its own on a free loopback port, so that tests can kill, stop and restart it.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '@hongyan/testing/free-port';

export interface ServerProcess {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  readonly dataDir: string;
  /** SIGKILL, and waits until the process is gone. */
  kill(): Promise<void>;
  /** SIGTERM, and waits; killed when it does not leave within the bound. Returns the exit code (null after a signal). */
  stop(): Promise<number | null>;
  isAlive(): boolean;
  /** Waits until it leaves by itself; killed when it does not within the bound. Returns the exit code (null after a signal). */
  left(): Promise<number | null>;
  /** Resident memory in bytes. */
  rssBytes(): Promise<number>;
  /** Everything written to stdout and stderr so far. */
  output(): string;
}

export interface ServerOptions {
  readonly dataDir: string;
  /** A free one when absent. */
  readonly port?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  /** Default: fifteen seconds. */
  readonly readyWithinMs?: number;
  /** A program that runs the server, with its arguments before it: nohup. */
  readonly wrapper?: readonly string[];
  /** An executable to run instead of the sources: it gets `cwd`, and of the environment nothing but `env`. */
  readonly executable?: { readonly path: string; readonly cwd: string };
}

const root = join(import.meta.dir, '..');
const entry = join(root, 'packages/cli/src/main.ts');
/** The command line from its sources, under the Bun that runs the tests. */
export const fromSources: readonly string[] = [process.execPath, entry];
const readyTimeoutMs = 60_000;
const stopTimeoutMs = 15_000;
/** The tail of the output that is kept for a failure's message. */
const outputCharsMax = 64 * 1024;
const running = new Set<Bun.Subprocess>();

process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Resolves once GET /readyz answers 200; rejects with the server's output when it leaves or is not ready in time. */
export async function startServer(options: ServerOptions): Promise<ServerProcess> {
  const server = spawnServer(options);
  await untilReady(server, options.readyWithinMs);
  return server;
}

/** Resolves at once: for what happens to a server while it starts. */
export function spawnServer(options: ServerOptions): ServerProcess {
  const port = options.port ?? freePort();
  const url = `http://127.0.0.1:${port}`;
  const { executable } = options;
  const child = Bun.spawn(
    [
      ...(options.wrapper ?? []),
      ...(executable ? [executable.path] : fromSources),
      'start',
      '--listen',
      `127.0.0.1:${port}`,
      '--data',
      options.dataDir,
      '--operator-listen',
      '127.0.0.1:0',
      ...(options.args ?? []),
    ],
    {
      cwd: executable?.cwd ?? root,
      // Tests send as fast as they can, unless they are about limits.
      env: { ...(executable ? {} : ownEnvironment()), HONGYAN_DEFAULT_TIER: 'unlimited', ...options.env },
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'pipe',
    },
  );
  running.add(child);
  void child.exited.then(() => running.delete(child));
  let output = '';
  const keep = (text: string) => {
    output = (output + text).slice(-outputCharsMax);
  };
  void drainTo(child.stdout, keep);
  void drainTo(child.stderr, keep);

  async function left(): Promise<number | null> {
    const timer = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs);
    await child.exited;
    clearTimeout(timer);
    return child.exitCode;
  }

  return {
    url,
    port,
    pid: child.pid,
    dataDir: options.dataDir,
    async kill() {
      child.kill('SIGKILL');
      await child.exited;
    },
    async stop() {
      child.kill('SIGTERM');
      const code = await left();
      // A test that expects another code says only that it was not so.
      if (code !== 0) console.error(`the server left with ${code ?? child.signalCode}; its output:\n${output}`);
      return code;
    },
    left,
    isAlive: () => child.exitCode === null && child.signalCode === null,
    rssBytes: () => rssBytes(child.pid),
    output: () => output,
  };
}

/** For afterAll: leaves no process behind, also when a test failed half way. */
export async function killServers(): Promise<void> {
  const left = [...running];
  for (const child of left) child.kill('SIGKILL');
  await Promise.all(left.map((child) => child.exited));
}

const folders: string[] = [];
const removals: (() => Promise<void>)[] = [];

/** What else a test made: removed with the folders. */
export function atRemoval(remove: () => Promise<void>): void {
  removals.push(remove);
}

/** A data folder of its own, removed by removeDataFolders. */
export async function dataFolder(name: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), `hongyan-${name}-`));
  folders.push(folder);
  return folder;
}

export async function removeDataFolders(): Promise<void> {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
  for (const remove of removals.splice(0)) await remove();
}

async function untilReady(server: ServerProcess, withinMs = readyTimeoutMs): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (server.isAlive() && performance.now() < deadline) {
    const answer = await fetch(`${server.url}/readyz`, { signal: AbortSignal.timeout(1000) }).catch(() => undefined);
    if (answer?.status === 200) return;
    await Bun.sleep(15);
  }
  const why = server.isAlive() ? `not ready within ${withinMs} ms` : 'left before it was ready';
  if (server.isAlive()) await server.kill();
  throw new Error(`the server ${why}; its output:\n${server.output()}`);
}

/** Options of the surrounding shell must not reach the server under test. */
function ownEnvironment(): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (value !== undefined && !name.startsWith('HONGYAN_')) kept[name] = value;
  }
  return kept;
}

async function drainTo(stream: ReadableStream<Uint8Array>, keep: (text: string) => void): Promise<void> {
  const decoder = new TextDecoder();
  for await (const chunk of stream) keep(decoder.decode(chunk, { stream: true }));
}

async function rssBytes(pid: number): Promise<number> {
  const status = await Bun.file(`/proc/${pid}/status`).text();
  const kilobytes = status.match(/^VmRSS:\s+(\d+) kB/m)?.[1];
  if (kilobytes === undefined) throw new Error(`/proc/${pid}/status has no VmRSS`);
  return Number(kilobytes) * 1024;
}
