// The stores of a data folder without a server: for commands that run beside it, or while it is stopped.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '@hongyan/base/log';
import type { Config } from '../config/options.ts';
import type { Directory } from '../ports/directory/directory.ts';
import { openSqliteDirectory } from '../ports/directory/sqlite-directory.ts';

/** What these commands write at once: far below what a server queues. */
const writesMax = 100;

/**
 * For writes too, made when there is none. Beside a running server it is a second writer: SQLite lets one at a time
 * write and the other wait, and the server's next read sees what was committed.
 */
export async function openDirectory({ data }: Config, log: Log): Promise<Directory> {
  await mkdir(data, { recursive: true, mode: 0o700 });
  return openSqliteDirectory({ path: directoryPath(data), log, queueMax: writesMax, batchMax: writesMax });
}

const directoryPath = (data: string): string => join(data, 'directory.db');
