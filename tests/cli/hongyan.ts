// Runs one command of the command line as a process of its own and waits for its end.

import { fromSources } from '../server-process.ts';

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Standard input; empty when absent. */
  readonly stdin?: string;
  readonly cwd?: string;
  /** What is run instead of the sources, for instance an executable. */
  readonly command?: readonly string[];
}

const timeoutMs = 20_000;

/** Killed, with code null, when it does not end in time. */
export async function hongyan(args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  const { env = {}, stdin = '', cwd, command = fromSources } = options;
  const child = Bun.spawn([...command, ...args], {
    stdin: new Blob([stdin]),
    stdout: 'pipe',
    stderr: 'pipe',
    env: { PATH: process.env.PATH ?? '', ...env },
    ...(cwd === undefined ? {} : { cwd }),
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
  });
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { code: child.exitCode, stdout, stderr };
}
