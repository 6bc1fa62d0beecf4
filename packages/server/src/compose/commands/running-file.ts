// running.json in the data folder: how commands find the running server. It exists from its start to its end.

import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isFolderLocked } from '../../adapters/sqlite/folder-lock.ts';
import { dataLayout } from '../../config/data-layout.ts';
import type { Role } from '../../config/roles.ts';
import { writePrivateFile } from '../../files/private-file.ts';

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

export interface FoundServer extends RunningServer {
  /** The path of its running.json. */
  readonly file: string;
}

export const writeRunning = (data: string, running: RunningServer): Promise<void> =>
  writePrivateFile(dataLayout(data).running, `${JSON.stringify(running)}\n`);

export const removeRunning = (data: string): Promise<void> => rm(dataLayout(data).running, { force: true });

/**
 * Of a data folder on which processes of a cluster run: one of them, with the role core where there is such a one. undefined when
 * none runs.
 */
export async function findRunning(data: string): Promise<FoundServer | undefined> {
  const own = await readRunning(data);
  if (own !== undefined) return own;
  const { nodes } = dataLayout(data);
  const names = await readdir(nodes).catch(() => []);
  const found = await Promise.all(names.map((name) => readRunning(join(nodes, name))));
  const running = found.filter((one) => one !== undefined);
  return running.find(({ roles }) => roles?.includes('core')) ?? running[0];
}

/** undefined when no server runs. A killed server leaves the file behind but not its lock; other processes may reuse its pid and port. */
export async function readRunning(folder: string): Promise<FoundServer | undefined> {
  const { running: file } = dataLayout(folder);
  try {
    const running = JSON.parse(await readFile(file, 'utf8')) as RunningServer;
    return isFolderLocked(folder) ? { ...running, file } : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
