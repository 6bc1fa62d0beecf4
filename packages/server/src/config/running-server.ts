// What a running server tells the command line: a file in its data folder, there from its start to its end.

import { readFile, rm } from 'node:fs/promises';
import { dataLayout } from './data-layout.ts';
import { writePrivateFile } from './private-file.ts';

export interface RunningServer {
  readonly pid: number;
  /** Unix milliseconds. */
  readonly startedAtMs: number;
  /** Where clients of this machine connect. Absent while it starts. */
  readonly url?: string;
  /** Absent: it has no operator listener. */
  readonly operatorUrl?: string | undefined;
}

export const writeRunning = (data: string, running: RunningServer): Promise<void> =>
  writePrivateFile(dataLayout(data).running, `${JSON.stringify(running)}\n`);

export const removeRunning = (data: string): Promise<void> => rm(dataLayout(data).running, { force: true });

/** undefined when no server runs. One that was killed leaves the file behind. */
export async function readRunning(data: string): Promise<RunningServer | undefined> {
  try {
    return JSON.parse(await readFile(dataLayout(data).running, 'utf8')) as RunningServer;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
