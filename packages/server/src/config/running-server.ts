// What a running server tells the command line: a file in its data folder, there from its start to its end.

import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { dataLayout } from './data-layout.ts';
import { writePrivateFile } from './private-file.ts';
import type { Role } from './roles.ts';

export interface RunningServer {
  readonly pid: number;
  /** Unix milliseconds. */
  readonly startedAtMs: number;
  /** Where clients of this machine connect. Absent while it starts. */
  readonly url?: string;
  /** Absent: it has no operator listener. */
  readonly operatorUrl?: string | undefined;
  /** Of a process of a cluster. */
  readonly roles?: readonly Role[];
}

export const writeRunning = (data: string, running: RunningServer): Promise<void> =>
  writePrivateFile(dataLayout(data).running, `${JSON.stringify(running)}\n`);

export const removeRunning = (data: string): Promise<void> => rm(dataLayout(data).running, { force: true });

/**
 * Of a data folder on which processes of a cluster run: one of them, with the role core where there is such a one. undefined when
 * none runs.
 */
export async function findRunning(data: string): Promise<RunningServer | undefined> {
  const own = await readRunning(data);
  if (own !== undefined) return own;
  const { nodes } = dataLayout(data);
  const names = await readdir(nodes).catch(() => []);
  const found = await Promise.all(names.map((name) => readRunning(join(nodes, name))));
  const running = found.filter((one) => one !== undefined).filter(({ pid }) => isAlive(pid));
  return running.find(({ roles }) => roles?.includes('core')) ?? running[0];
}

/** undefined when no server runs. One that was killed leaves the file behind. */
export async function readRunning(data: string): Promise<RunningServer | undefined> {
  try {
    return JSON.parse(await readFile(dataLayout(data).running, 'utf8')) as RunningServer;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
